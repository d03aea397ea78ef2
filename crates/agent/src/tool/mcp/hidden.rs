//! Which values of a server's configuration are secrets. Where values come from is what
//! it is given to look names up with.

#[cfg(test)]
mod tests;

use super::config::{Reach, ServerConfig};
use super::expand::{Lookup, expand};
use crate::provider::Secret;

/// The values that nobody is to see: those whose name says so, headers that are looked
/// up, and addresses with a password.
pub fn secrets(config: &ServerConfig, lookup: &Lookup) -> Vec<Secret> {
    let mut found = Vec::new();
    match &config.reach {
        Reach::Stdio { args, env, .. } => {
            env.iter().for_each(|(name, text)| add(&mut found, is_secret(name), text, lookup));
            args.iter().for_each(|text| add(&mut found, false, text, lookup));
        }
        Reach::Http { url, headers } => {
            add(&mut found, false, url, lookup);
            for (name, text) in headers {
                add(&mut found, is_secret(name) || text.contains("${"), text, lookup);
            }
        }
    }
    found
}

fn add(found: &mut Vec<Secret>, all: bool, text: &str, lookup: &Lookup) {
    let named = text.split("${").skip(1).filter_map(|rest| rest.split_once('}'));
    let named = named.map(|(inside, _)| inside.split(":-").next().unwrap_or_default());
    found.extend(named.filter(|name| is_secret(name)).filter_map(lookup).map(Secret::new));
    // A server whose configuration cannot be is not there.
    let Ok(value) = expand(text, lookup) else { return };
    if all || has_password(&value) {
        // `Bearer hush`: the word alone as well.
        found.extend(value.split_whitespace().skip(1).map(Secret::new));
        found.push(Secret::new(value));
    }
}

/// Whether what bears this name is one. `NODE_ENV=production` is a word of every day.
fn is_secret(name: &str) -> bool {
    const SAY_SO: [&str; 8] =
        ["KEY", "TOKEN", "SECRET", "PASS", "CREDENTIAL", "AUTHORIZATION", "COOKIE", "DSN"];
    let name = name.to_uppercase();
    SAY_SO.iter().any(|word| name.contains(word))
        || name.ends_with("_PAT")
        || name.ends_with("_AUTH")
}

fn has_password(value: &str) -> bool {
    let rest = value.split_once("://").map(|(_, rest)| rest);
    let before = rest.and_then(|rest| rest.split('/').next()?.rsplit_once('@'));
    before.is_some_and(|(user, _)| user.contains(':'))
}

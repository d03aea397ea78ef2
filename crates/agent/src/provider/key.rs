//! Where keys come from. A key is read and put into a request at the last hop.

#[cfg(test)]
mod tests;

use super::failure;
use super::secret::Secret;
use super::secret_store::SecretStore;
use greenroom_model::Failure;
use std::io;

/// Where a provider's key comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Key {
    /// It needs none.
    #[default]
    None,
    /// The secret of this name: the environment variable, or else what the
    /// [`SecretStore`] has. Read anew for every request.
    Named(String),
    /// This one.
    Value(Secret),
}

impl Key {
    /// The key, if one is needed.
    ///
    /// # Errors
    /// `auth`: there is none of the name, or the store cannot be read.
    pub fn read(&self, provider: &str) -> Result<Option<Secret>, Failure> {
        match self {
            Key::None => Ok(None),
            Key::Value(secret) => Ok(Some(secret.clone())),
            Key::Named(name) => {
                let wrong =
                    |what: &str| Failure::fatal(failure::AUTH, format!("{provider}: {what}"));
                let found = secret(name).map_err(|error| wrong(&error.to_string()))?;
                found.map(Some).ok_or_else(|| {
                    wrong(&format!(
                        "no key: the environment variable {name} is not set or is empty, and the secret \
                         store has none; set it where the node is started, or run `greenroom secret set {name}`"
                    ))
                })
            }
        }
    }

    /// Whether it is there now.
    pub fn is_set(&self) -> bool {
        match self {
            Key::None | Key::Value(_) => true,
            Key::Named(name) => secret(name).is_ok_and(|found| found.is_some()),
        }
    }
}

/// The secret of a name: the environment comes first, so that one command can have
/// another key.
///
/// # Errors
/// The store cannot be read, or others can read it.
pub(crate) fn secret(name: &str) -> io::Result<Option<Secret>> {
    if let Some(secret) = std::env::var(name).ok().and_then(|text| Secret::of_line(&text)) {
        return Ok(Some(secret));
    }
    SecretStore::open().map_or(Ok(None), |store| store.get(name))
}

/// A header's value with its secrets put in.
#[derive(Debug)]
pub(crate) struct Expanded {
    /// The whole of it.
    pub value: Secret,
    /// What was put in.
    pub secrets: Vec<Secret>,
}

/// A header's value with each `${NAME}` replaced by the secret of that name.
///
/// # Errors
/// `auth`: there is no such secret. `bad_request`: a `${` is not closed.
pub(crate) fn expanded(provider: &str, header: &str, value: &str) -> Result<Expanded, Failure> {
    let (mut out, mut secrets) = (String::new(), Vec::new());
    let mut rest = value;
    while let Some(begin) = rest.find("${") {
        out.push_str(&rest[..begin]);
        let Some(length) = rest[begin..].find('}') else {
            let text = format!(
                "{provider}: the header `{header}` has a `${{` without its `}}`; mend the provider's configuration"
            );
            return Err(Failure::fatal(failure::BAD_REQUEST, text));
        };
        let name = &rest[begin + 2..begin + length];
        let secret = Key::Named(name.to_owned()).read(provider)?;
        out.push_str(secret.as_ref().map_or("", Secret::reveal));
        secrets.extend(secret);
        rest = &rest[begin + length + 1..];
    }
    out.push_str(rest);
    Ok(Expanded { value: Secret::new(out), secrets })
}

//! Specs put together. Pure.
//!
//! Files, actions and the environment are united; where two boxes say different things
//! the composing box must say so in `override`, and the rightmost wins. Limits are
//! the tightest of all. Network, secrets and rights at the hub are granted by the composing box alone: what
//! it names is had, what it does not name is not, and if it says nothing while a part
//! asks, that is an error.

use super::error::ComposeError;
use crate::LevelName;
use crate::path::TreePath;
use crate::spec::{Base, BoxSpec, FileSource, HostPort, Rights};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::ops::Add;

#[cfg(test)]
mod tests;

/// `a + b`: a box with what both have. Without a composing box there is nobody to grant
/// or to override: both must ask for the same hosts and secrets.
impl Add for &BoxSpec {
    type Output = Result<BoxSpec, ComposeError>;

    fn add(self, other: &BoxSpec) -> Result<BoxSpec, ComposeError> {
        let own = BoxSpec {
            name: format!("{}+{}", self.name, other.name),
            dir: self.dir.clone(),
            network: agreed(self, other, &self.network, &other.network, "the network")?,
            secrets: agreed(self, other, &self.secrets, &other.secrets, "secrets")?,
            hub: agreed(self, other, &self.hub, &other.hub, "the hub's rights")?,
            ..BoxSpec::default()
        };
        compose(&[self.clone(), other.clone()], &own)
    }
}

/// What both ask for, if it is the same. To say nothing is to ask for nothing.
fn agreed<T: Clone + Default + PartialEq>(
    left: &BoxSpec,
    right: &BoxSpec,
    one: &Option<T>,
    other: &Option<T>,
    what: &str,
) -> Result<Option<T>, ComposeError> {
    if one.clone().unwrap_or_default() == other.clone().unwrap_or_default() {
        return Ok(one.clone().or(other.clone()));
    }
    let remedy = "write a box that extends both and names what it grants".to_owned();
    Err(ComposeError::differ(&left.name, &right.name, what.to_owned(), remedy))
}

/// A box that extends others, left to right, as one whole: nothing is left to extend.
///
/// # Errors
/// Parts that differ where `own` does not decide, and grants that it does not give.
pub fn compose(parts: &[BoxSpec], own: &BoxSpec) -> Result<BoxSpec, ComposeError> {
    let mut whole = BoxSpec {
        name: own.name.clone(),
        dir: own.dir.clone(),
        skill: own.skill.clone(),
        base: base(parts, own)?,
        level: level(parts, own)?,
        network: network(parts, own)?,
        secrets: secrets(parts, own)?,
        hub: hub(parts, own)?,
        limits: own.limits,
        ..BoxSpec::default()
    };
    let overrides = &own.overrides;
    let mut files = United::new("the file", "override.files", &overrides.files);
    let mut actions = United::new("the action", "override.actions", &overrides.actions);
    let mut env = United::new("the variable", "override.env", &overrides.env);
    for part in parts {
        files.add(&part.name, &part.files)?;
        actions.add(&part.name, &part.actions)?;
        env.add(&part.name, &part.env)?;
        extend_setup(&mut whole, part);
        whole.limits = whole.limits.tightest(part.limits);
    }
    files.add(&own.name, &own.files)?;
    actions.add(&own.name, &own.actions)?;
    env.add(&own.name, &own.env)?;
    whole.files = files.done();
    whole.actions = actions.done();
    whole.env = env.done();
    extend_setup(&mut whole, own);
    whole.files.iter().try_for_each(|(path, _)| not_inside(path, &whole.files, &own.name))?;
    secret_and_variable(&whole)?;
    Ok(whole)
}

/// A command that was there already has run by then: two boxes may extend the same one.
fn extend_setup(whole: &mut BoxSpec, part: &BoxSpec) {
    for command in &part.setup {
        if !whole.setup.contains(command) {
            whole.setup.push(command.clone());
        }
    }
}

/// Things by name, of which each is said once or by everybody the same.
struct United<'a, K, V> {
    what: &'static str,
    field: &'static str,
    overridden: &'a BTreeSet<K>,
    found: BTreeMap<K, (String, V)>,
}

impl<'a, K: Ord + Clone + Display, V: Clone + PartialEq> United<'a, K, V> {
    fn new(
        what: &'static str,
        field: &'static str,
        overridden: &'a BTreeSet<K>,
    ) -> United<'a, K, V> {
        United { what, field, overridden, found: BTreeMap::new() }
    }

    fn add(&mut self, name: &str, things: &BTreeMap<K, V>) -> Result<(), ComposeError> {
        for (key, value) in things {
            let differs = self.found.get(key).filter(|(_, there)| there != value);
            if let Some((left, _)) = differs
                && !self.overridden.contains(key)
            {
                let remedy = format!("name it in {} if the later one is meant", self.field);
                let what = format!("{} `{key}`", self.what);
                return Err(ComposeError::differ(left, name, what, remedy));
            }
            self.found.insert(key.clone(), (name.to_owned(), value.clone()));
        }
        Ok(())
    }

    fn done(self) -> BTreeMap<K, V> {
        self.found.into_iter().map(|(key, (_, value))| (key, value)).collect()
    }
}

/// A text that is put where another source puts something below it cannot be both.
fn not_inside(
    path: &TreePath,
    files: &BTreeMap<TreePath, FileSource>,
    name: &str,
) -> Result<(), ComposeError> {
    let is_text = |above: &&str| matches!(files.get(*above), Some(FileSource::Text { .. }));
    let above = path.ancestors().find(is_text);
    match above {
        None => Ok(()),
        Some(above) => {
            let what = format!("`{above}`, a text, and `{path}` in it");
            let remedy = "one of them must go".to_owned();
            Err(ComposeError::differ(name, name, what, remedy))
        }
    }
}

/// A variable of one part may be a secret of another.
fn secret_and_variable(whole: &BoxSpec) -> Result<(), ComposeError> {
    let mut secrets = whole.secrets.iter().flatten().map(|(name, _)| name);
    match secrets.find(|name| whole.env.contains_key(*name)) {
        None => Ok(()),
        Some(name) => {
            let what = format!("`{name}`, a variable of the environment and a secret");
            Err(ComposeError::differ(&whole.name, &whole.name, what, "rename one".to_owned()))
        }
    }
}

fn base(parts: &[BoxSpec], own: &BoxSpec) -> Result<Option<Base>, ComposeError> {
    if own.base.is_some() {
        return Ok(own.base.clone());
    }
    let mut found: Option<(&str, &Base)> = None;
    for part in parts {
        match (&part.base, found) {
            (Some(base), Some((left, there))) if base != there => {
                let remedy = format!("say `base` in `{}`", own.name);
                return Err(ComposeError::differ(
                    left,
                    &part.name,
                    "their base".to_owned(),
                    remedy,
                ));
            }
            (Some(base), None) => found = Some((&part.name, base)),
            _ => {}
        }
    }
    Ok(found.map(|(_, base)| base.clone()))
}

/// The hardest walls that anybody asks for. Wasm is another machine, not a harder wall.
fn level(parts: &[BoxSpec], own: &BoxSpec) -> Result<Option<LevelName>, ComposeError> {
    let mut found: Option<(&str, LevelName)> = None;
    for part in parts.iter().chain([own]) {
        let Some(level) = part.level else { continue };
        found = match (found, level) {
            (None, level) => Some((&part.name, level)),
            (Some((_, there)), level) if there == level => found,
            (Some((_, LevelName::Namespace)), LevelName::Microvm) => Some((&part.name, level)),
            (Some((_, LevelName::Microvm)), LevelName::Namespace) => found,
            (Some((left, _)), _) => {
                let remedy = "code for wasm runs nowhere else; split the box".to_owned();
                return Err(ComposeError::differ(
                    left,
                    &part.name,
                    "their level".to_owned(),
                    remedy,
                ));
            }
        };
    }
    Ok(found.map(|(_, level)| level))
}

fn network(parts: &[BoxSpec], own: &BoxSpec) -> Result<Option<BTreeSet<HostPort>>, ComposeError> {
    let asks = parts.iter().find_map(|part| Some((part, part.network.as_ref()?.first()?)));
    match (&own.network, asks) {
        (None, Some((part, host))) => Err(ComposeError::NotGranted {
            asks: part.name.clone(),
            what: host.to_string(),
            remedy: format!(
                "name it in network.allow of `{}`, or write `allow = []` to do without",
                own.name
            ),
        }),
        (granted, _) => Ok(granted.clone()),
    }
}

fn hub(parts: &[BoxSpec], own: &BoxSpec) -> Result<Option<Rights>, ComposeError> {
    let first = |part: &BoxSpec| {
        let rights = part.hub.as_ref()?;
        let send = rights.send.first().map(|to| format!("to write to {to}"));
        send.or_else(|| rights.hear.first().map(|topic| format!("to hear {topic}")))
    };
    let asks = parts.iter().find_map(|part| Some((part, first(part)?)));
    match (&own.hub, asks) {
        (None, Some((part, what))) => Err(ComposeError::NotGranted {
            asks: part.name.clone(),
            what,
            remedy: format!(
                "name it in `send` or `hear` of the table hub of `{}`, or leave that empty to do \
                 without",
                own.name
            ),
        }),
        (granted, _) => Ok(granted.clone()),
    }
}

type Secrets = BTreeMap<String, BTreeSet<HostPort>>;

fn secrets(parts: &[BoxSpec], own: &BoxSpec) -> Result<Option<Secrets>, ComposeError> {
    let asks = parts.iter().find_map(|part| Some((part, part.secrets.as_ref()?.keys().next()?)));
    match (&own.secrets, asks) {
        (None, Some((part, name))) => Err(ComposeError::NotGranted {
            asks: part.name.clone(),
            what: format!("the secret {name}"),
            remedy: format!(
                "name it in secrets of `{}`, or leave that empty to do without",
                own.name
            ),
        }),
        (granted, _) => Ok(granted.clone()),
    }
}

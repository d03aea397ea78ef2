//! One build: the boxes of a tree, each once, what is extended first.

use super::base::Ground;
use super::files;
use super::key::Step;
use super::network::Network;
use super::progress::Teller;
use super::setup::{Command, shown};
use super::unite::{BuiltPart, compact, not_in_parts, over, united};
use crate::compose::Loaded;
use crate::error::Error;
use crate::sandbox::Level;
use crate::spec::Setup;
use crate::store::{Built, Writing, lock};
use crate::tree::{Manifest, Stack};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// The environment of each command, where a box and its image say nothing else.
const ENV: [(&str, &str); 3] = [
    ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
    ("HOME", "/root"),
    ("LANG", "C.UTF-8"),
];

/// What makes commands write the same twice: a clock for whoever asks for one, and no compiled
/// Python, whose files hold the times of others.
const SETUP_ENV: [(&str, &str); 3] =
    [("SOURCE_DATE_EPOCH", "315619200"), ("PYTHONDONTWRITEBYTECODE", "1"), ("PYTHONHASHSEED", "0")];

pub struct Work<'s, 'p> {
    pub level: &'s dyn Level,
    pub network: Option<&'s dyn Network>,
    pub writing: Writing<'s>,
    pub ground: Ground,
    pub teller: Teller<'p>,
    /// What was built by now, by folder: two boxes may extend the same one.
    pub done: BTreeMap<PathBuf, Stack>,
}

/// How many steps a tree has, each box counted once.
pub fn steps(loaded: &Loaded, seen: &mut BTreeSet<PathBuf>) -> u32 {
    if !seen.insert(loaded.own.dir.clone()) {
        return 0;
    }
    let below: u32 = loaded.parts.iter().map(|part| steps(part, seen)).sum();
    let own = &loaded.own;
    let single = [own.skill.is_some(), !own.files.is_empty(), loaded.parts.len() > 1];
    let single = single.into_iter().filter(|is| *is).count() + own.setup.len();
    below + u32::try_from(single).unwrap_or(u32::MAX)
}

/// The environment of a box's commands.
pub fn environment(
    image: &BTreeMap<String, String>,
    own: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let mut env: BTreeMap<String, String> =
        ENV.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    env.extend(image.clone());
    env.extend(own.clone());
    env
}

impl Work<'_, '_> {
    /// A box with all that it extends, over the ground.
    pub fn stack(&mut self, loaded: &Loaded) -> Result<Stack, Error> {
        if let Some(stack) = self.done.get(&loaded.own.dir) {
            return Ok(stack.clone());
        }
        let mut parts = Vec::new();
        for part in &loaded.parts {
            parts.push(BuiltPart { name: part.own.name.clone(), stack: self.stack(part)? });
        }
        let (own, overridden) = (&loaded.own, &loaded.own.overrides.files);
        let ground = self.ground.stack.clone();
        let several = parts.len() > 1;
        if several {
            let names: Vec<&str> = parts.iter().map(|part| part.name.as_str()).collect();
            self.teller.began(format!("{}: unite {}", own.name, names.join(" + ")));
        }
        let mut stack = united(&ground, &parts, overridden, &mut self.writing)?;
        if several {
            self.teller.ended(false);
        }
        if let Some(skill) = &own.skill {
            self.teller.began(format!("{}: the skill's files", own.name));
            let manifest = files::skill(skill, own, &stack, &mut self.writing)?;
            stack = self.put(stack, manifest)?;
        }
        if !own.files.is_empty() {
            self.teller.began(format!("{}: files", own.name));
            let dirs = &self.ground.machine_dirs;
            let manifest = files::files(own, &stack, dirs, &mut self.writing)?;
            not_in_parts(&ground, &parts, (&own.name, &manifest), overridden)?;
            stack = self.put(stack, manifest)?;
        }
        for setup in &own.setup {
            self.teller.began(format!("{}: {}", own.name, shown(setup)));
            stack = self.setup(loaded, setup, stack)?;
            stack = compact(&ground, stack, &mut self.writing)?;
        }
        self.done.insert(own.dir.clone(), stack.clone());
        Ok(stack)
    }

    /// One more layer, if it adds anything.
    fn put(&mut self, stack: Stack, manifest: Manifest) -> Result<Stack, Error> {
        let Some(layer) = over(&stack, manifest, &mut self.writing)? else {
            self.teller.ended(true);
            return Ok(stack);
        };
        let there = self.writing.store().layer(layer.id()).is_ok();
        let stack = self.writing.layer_on(&stack, layer)?;
        self.teller.ended(there);
        Ok(stack)
    }

    /// A setup command, unless it has run over the same.
    fn setup(&mut self, loaded: &Loaded, setup: &Setup, stack: Stack) -> Result<Stack, Error> {
        let whole = &loaded.whole;
        let mut env = environment(&self.ground.env, &whole.env);
        for (name, value) in SETUP_ENV {
            env.entry(name.to_owned()).or_insert_with(|| value.to_owned());
        }
        let allow = whole.network.as_ref().filter(|allow| !allow.is_empty());
        let network = self.network.zip(allow);
        let step = Step::Setup {
            below: stack.ids(),
            machine: &self.ground.machine,
            machine_dirs: &self.ground.machine_dirs,
            command: setup,
            env: &env,
            level: self.level.name(),
            network: network.map(|(_, allow)| allow),
        };
        let key = step.key()?;
        if let Some(built) = self.writing.store().built(&key) {
            return self.cached(&stack, &built);
        }
        // Two builds of the same: one runs the command, the other waits for what comes of it.
        let file = self.writing.store().dir().join("tmp").join(format!("build-{key}"));
        let _lock = lock(&file, true)?;
        if let Some(built) = self.writing.store().built(&key) {
            return self.cached(&stack, &built);
        }
        let command = Command {
            name: &loaded.own.name,
            key: &key,
            setup,
            below: stack.ids(),
            machine_dirs: &self.ground.machine_dirs,
            env: env.clone(),
            limits: whole.limits,
            network,
        };
        let written = command.run(self.level, &mut self.writing, &mut self.teller);
        let noted = written.and_then(|written| self.note(&key, &stack, written));
        let _ = std::fs::remove_file(&file);
        let stack = noted?;
        self.teller.ended(false);
        Ok(stack)
    }

    fn note(&mut self, key: &str, stack: &Stack, written: Manifest) -> Result<Stack, Error> {
        let (mut built, mut above) = (Built::default(), stack.clone());
        if let Some(layer) = over(stack, written, &mut self.writing)? {
            above = self.writing.layer_on(stack, layer)?;
            built.layers.extend(above.ids().last());
        }
        self.writing.note_built(key, &built)?;
        Ok(above)
    }

    fn cached(&mut self, stack: &Stack, built: &Built) -> Result<Stack, Error> {
        let mut stack = stack.clone();
        for id in &built.layers {
            stack.push(*id, self.writing.store().layer(*id)?);
        }
        self.teller.ended(true);
        Ok(stack)
    }
}

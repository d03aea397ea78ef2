//! The level `namespace`: makes boxes.

use std::path::Path;
use std::sync::Arc;

use super::client::Spawner;
use super::sandbox::NamespaceBox;
use crate::level_name::LevelName;
use crate::sandbox::error::Error;
use crate::sandbox::level::{Level, Sandbox};
use crate::sandbox::spawner::Launch;
use crate::sandbox::spec::SandboxSpec;
use crate::sandbox::wire::{self, Birth, Failure, ToSpawner};

/// Boxes by the kernel's namespaces. Clones share one spawner; with the last of them, and of its
/// boxes, the spawner ends.
#[derive(Clone, Debug)]
pub struct Namespace {
    spawner: Arc<Spawner>,
}

impl Namespace {
    /// Starts a spawner, which first ends and removes what dead ones left in the directory.
    /// Blocks; call it outside of an async runtime's threads, as everything here.
    pub fn open(program: &Launch, state: &Path) -> Result<Self, Error> {
        Ok(Self { spawner: Arc::new(Spawner::start(program, state)?) })
    }

    /// The spawner's process id.
    pub fn spawner_pid(&self) -> u32 {
        self.spawner.pid()
    }
}

impl Level for Namespace {
    fn name(&self) -> LevelName {
        LevelName::Namespace
    }

    fn create(&self, spec: &SandboxSpec) -> Result<Box<dyn Sandbox>, Error> {
        Ok(Box::new(self.make(spec)?))
    }
}

impl Namespace {
    /// As [`Level::create`], with the box's own type.
    pub(in crate::sandbox) fn make(&self, spec: &SandboxSpec) -> Result<NamespaceBox, Error> {
        spec.check()?;
        let request = ToSpawner::Create(Box::new(spec.clone()));
        let control = self.spawner.ask(&request)?;
        let answer = wire::receive::<Birth>(&control);
        match answer.map_err(Error::system("hear from the new box"))? {
            Some((Birth::Ready(born), _)) => {
                let spawner = Arc::clone(&self.spawner);
                Ok(NamespaceBox::new(spec, born, control, spawner))
            }
            Some((Birth::Unsettled(failure, born), _)) => {
                // Its end removes what it left.
                drop(NamespaceBox::new(spec, born, control, Arc::clone(&self.spawner)));
                Err(setup(&spec.id, failure))
            }
            Some((Birth::Failed(failure), _)) => Err(setup(&spec.id, failure)),
            None => Err(Error::Gone {
                id: spec.id.clone(),
                why: "its first process died before it was ready".to_owned(),
            }),
        }
    }
}

/// A step of the box's making failed.
fn setup(id: &str, failure: Failure) -> Error {
    let source = std::io::Error::from_raw_os_error(failure.errno);
    Error::Setup { id: id.to_owned(), stage: failure.stage, source }
}

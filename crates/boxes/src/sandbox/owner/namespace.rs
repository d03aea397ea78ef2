//! The level `namespace`: makes boxes.

use std::path::Path;
use std::sync::Arc;

use super::client::{self, Spawner};
use super::sandbox::NamespaceBox;
use crate::level_name::LevelName;
use crate::sandbox::error::Error;
use crate::sandbox::level::{Level, Sandbox};
use crate::sandbox::spawner::Launch;
use crate::sandbox::spec::{Living, SandboxSpec};
use crate::sandbox::wire::{self, Birth, Failure, FromSpawner, ToSpawner};

/// Boxes by the kernel's namespaces. Clones share one spawner.
#[derive(Clone, Debug)]
pub struct Namespace {
    spawner: Arc<Spawner>,
}

impl Namespace {
    /// Starts a spawner of this process's own, which ends with the last clone and box, and with
    /// this process, and takes all its boxes along. First it ends and removes what dead ones left
    /// in the directory. Blocks; call it outside of an async runtime's threads, as everything here.
    pub fn open(program: &Launch, state: &Path) -> Result<Self, Error> {
        Ok(Self { spawner: Arc::new(Spawner::start(program, state)?) })
    }

    /// Uses the spawner that stays for this directory, or starts it. Its boxes outlive this
    /// process and are ended by [`Sandbox::destroy`] alone; the spawner ends ten seconds after the
    /// last of its boxes and of the processes that use it. If it is killed, all its boxes die, and
    /// whoever comes next removes what it left.
    pub fn attach(program: &Launch, state: &Path) -> Result<Self, Error> {
        Ok(Self { spawner: Arc::new(Spawner::attach(program, state)?) })
    }

    /// Ends the spawner that stays for this directory, if there is one, and all its boxes.
    pub(crate) fn end_all(state: &Path) -> Result<(), Error> {
        client::end_staying(state)
    }

    /// Whether the spawner lives. Asks nothing of it: it says nothing unasked, so whatever is
    /// to be read is its end.
    pub(crate) fn is_there(&self) -> bool {
        self.spawner.is_there()
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

    fn boxes(&self) -> Result<Vec<Living>, Error> {
        let mut all: Vec<Living> = Vec::new();
        loop {
            let after = all.last().map(|last| (last.id.clone(), last.number));
            match self.spawner.answer(&ToSpawner::List(after))?.0 {
                FromSpawner::Boxes(more) if !more.is_empty() => all.extend(more),
                _ => return Ok(all),
            }
        }
    }

    fn adopt(&self, id: &str) -> Result<Option<Box<dyn Sandbox>>, Error> {
        let (answer, fds) = self.spawner.answer(&ToSpawner::Adopt(id.to_owned()))?;
        let (FromSpawner::Adopted(living), Some(control)) = (answer, fds.into_iter().next()) else {
            return Ok(None);
        };
        let adopted = NamespaceBox::adopted(living, control, Arc::clone(&self.spawner));
        Ok(Some(Box::new(adopted)))
    }
}

impl Namespace {
    /// As [`Level::create`], with the box's own type.
    pub(in crate::sandbox) fn make(&self, spec: &SandboxSpec) -> Result<NamespaceBox, Error> {
        spec.check()?;
        let request = ToSpawner::Create(Box::new(spec.clone()));
        let control = self.spawner.ask(&request, self.spawner.stays())?;
        let answer = wire::receive::<Birth>(&control);
        match answer.map_err(Error::system("hear from the new box"))? {
            Some((Birth::Ready(born), _)) => {
                let spawner = Arc::clone(&self.spawner);
                Ok(NamespaceBox::new(spec, born, control, spawner))
            }
            Some((Birth::Unsettled(failure, born), _)) => {
                // Its end removes what it left.
                let failed = NamespaceBox::new(spec, born, control, Arc::clone(&self.spawner));
                let _ = Box::new(failed).destroy();
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

//! The level `microvm`: makes boxes.

use std::path::{Path, PathBuf};

use super::home::reap;
use super::probe::missing;
use super::sandbox::MicrovmBox;
use super::settings::Settings;
use crate::level_name::LevelName;
use crate::sandbox::{Error, Level, Sandbox, SandboxSpec};

/// Boxes that are virtual machines.
#[derive(Clone, Debug)]
pub struct Microvm {
    settings: Settings,
    state: PathBuf,
}

impl Microvm {
    /// Looks whether this machine can, by the probe that the doctor has.
    ///
    /// # Errors
    /// [`Error::Missing`] with everything that is missing, and what to do about it.
    pub fn open(state: &Path) -> Result<Self, Error> {
        let settings = Settings::from_env();
        match missing(&settings) {
            Some(why) => Err(Error::Missing { level: LevelName::Microvm, why }),
            None => Ok(Self::unproven(settings, state)),
        }
    }

    /// Without looking: what is missing is found when a box is made.
    pub fn unproven(settings: Settings, state: &Path) -> Self {
        // What cannot be ended now must not keep new boxes from being made.
        let _ = reap(state);
        Self { settings, state: state.to_owned() }
    }
}

impl Level for Microvm {
    fn name(&self) -> LevelName {
        LevelName::Microvm
    }

    fn create(&self, spec: &SandboxSpec) -> Result<Box<dyn Sandbox>, Error> {
        Ok(Box::new(MicrovmBox::new(&self.settings, &self.state, spec)?))
    }
}

//! The level `wasm`: makes boxes.

use std::path::Path;
use std::sync::Arc;

use super::home::Home;
use super::program::Programs;
use super::sandbox::{Shared, WasmBox};
use super::ticker::Ticker;
use crate::level_name::LevelName;
use crate::sandbox::{Error, Level, Sandbox, SandboxSpec};

/// Boxes whose commands are WASI components. Clones share compiled components; with the last of
/// them, and of its boxes, its directory is removed.
#[derive(Clone)]
pub struct Wasm {
    shared: Arc<Shared>,
}

impl Wasm {
    /// Removes what dead programs left in the directory, and makes one there.
    ///
    /// # Errors
    /// A machine that wasmtime cannot make code for; a directory that cannot be written to.
    pub fn open(state: &Path) -> Result<Self, Error> {
        Self::with_fuel(state, None)
    }

    /// As [`Wasm::open`]; each command may do so much work, about one unit per instruction, and
    /// ends by `SIGXCPU` over it: the same at the same place each time. Costs speed.
    ///
    /// # Errors
    /// As [`Wasm::open`].
    pub fn with_fuel(state: &Path, fuel: Option<u64>) -> Result<Self, Error> {
        let missing = |why| Error::Missing { level: LevelName::Wasm, why };
        let programs = Programs::new(fuel).map_err(|error| missing(format!("{error:#}")))?;
        let home = Home::make(state).map_err(Error::system("make a directory for boxes"))?;
        let ticker = Ticker::start(programs.engine().clone());
        let ticker = Arc::new(ticker.map_err(Error::system("start a thread"))?);
        Ok(Self { shared: Arc::new(Shared { programs: Arc::new(programs), ticker, home }) })
    }
}

impl Level for Wasm {
    fn name(&self) -> LevelName {
        LevelName::Wasm
    }

    fn create(&self, spec: &SandboxSpec) -> Result<Box<dyn Sandbox>, Error> {
        Ok(Box::new(WasmBox::new(Arc::clone(&self.shared), spec)?))
    }
}

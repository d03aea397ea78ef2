//! Components, compiled once for each content, and what they may import.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::sync::{Mutex, PoisonError};

use wasmtime::component::{Component, Linker, ResourceTable};
use wasmtime::{Config, Engine};
use wasmtime_wasi::cli::{WasiCli, WasiCliView};
use wasmtime_wasi::filesystem::{WasiFilesystem, WasiFilesystemView};
use wasmtime_wasi::p2::bindings::{CommandPre, cli, filesystem, random};
use wasmtime_wasi::random::WasiRandom;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use super::meter::Memory;

/// The largest file that is compiled.
const COMPONENT_MAX: u64 = 64 << 20;

/// Compiled components that are kept.
const KEPT: usize = 32;

/// What a running component has on this side.
pub struct Guest {
    pub wasi: WasiCtx,
    pub table: ResourceTable,
    pub memory: Memory,
}

impl WasiView for Guest {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

/// Compiles and keeps.
pub struct Programs {
    engine: Engine,
    linker: Linker<Guest>,
    fuel: Option<u64>,
    /// The newest last.
    kept: Mutex<VecDeque<(blake3::Hash, CommandPre<Guest>)>>,
    /// Held while compiling: many at once would only wait for each other's memory.
    compiling: Mutex<()>,
}

impl Programs {
    /// With `fuel`, a command may do so much work and no more.
    pub fn new(fuel: Option<u64>) -> wasmtime::Result<Self> {
        let mut config = Config::new();
        config.epoch_interruption(true).consume_fuel(fuel.is_some());
        // A trap's text goes to the command's standard error; frames of addresses help nobody.
        config.wasm_backtrace_max_frames(None);
        let engine = Engine::new(&config)?;
        let linker = imports(&engine)?;
        let (kept, compiling) = (Mutex::default(), Mutex::default());
        Ok(Self { engine, linker, fuel, kept, compiling })
    }

    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    pub fn fuel(&self) -> Option<u64> {
        self.fuel
    }

    /// The component, ready to be instantiated. The first time of a content takes long.
    pub fn get(&self, file: impl Read) -> io::Result<CommandPre<Guest>> {
        let mut bytes = Vec::new();
        file.take(COMPONENT_MAX + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > COMPONENT_MAX {
            return Err(refused("over 64 MiB, which is not compiled; make it smaller"));
        }
        check(&bytes)?;
        let hash = blake3::hash(&bytes);
        if let Some(program) = self.find(hash) {
            return Ok(program);
        }
        let _one = self.compiling.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(program) = self.find(hash) {
            return Ok(program);
        }
        let program = self.compile(&bytes).map_err(|error| refused(format!("{error:#}")))?;
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push_back((hash, program.clone()));
        if kept.len() > KEPT {
            kept.pop_front();
        }
        Ok(program)
    }

    fn find(&self, hash: blake3::Hash) -> Option<CommandPre<Guest>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let at = kept.iter().position(|(one, _)| *one == hash)?;
        let found = kept.remove(at)?;
        kept.push_back(found.clone());
        Some(found.1)
    }

    fn compile(&self, bytes: &[u8]) -> wasmtime::Result<CommandPre<Guest>> {
        let component = Component::from_binary(&self.engine, bytes)?;
        let instance = self.linker.instantiate_pre(&component).map_err(|error| {
            error.context("it needs what a box of this level does not give, or exports no command")
        })?;
        CommandPre::new(instance)
    }
}

fn refused(why: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why.into())
}

/// Says what a file is that is no component.
fn check(bytes: &[u8]) -> io::Result<()> {
    match bytes.get(..8) {
        Some([0, b'a', b's', b'm', 0x0d, 0, 1, 0]) => Ok(()),
        Some([0, b'a', b's', b'm', 1, 0, 0, 0]) => Err(refused(
            "a WebAssembly module and no component; build it for wasm32-wasip2, or make a \
             component of it with `wasm-tools component new`",
        )),
        _ => Err(refused(
            "no WebAssembly component; the level `wasm` runs nothing else, `namespace` runs \
             programs of the machine",
        )),
    }
}

/// All of `wasi:cli/command` 0.2 but sockets: what is not there cannot be reached.
fn imports(engine: &Engine) -> wasmtime::Result<Linker<Guest>> {
    let mut linker = Linker::new(engine);
    let l = &mut linker;
    // I/O, clocks, secure random numbers, standard streams.
    wasmtime_wasi::p2::add_to_linker_proxy_interfaces_async(l)?;
    filesystem::types::add_to_linker::<Guest, WasiFilesystem>(l, Guest::filesystem)?;
    filesystem::preopens::add_to_linker::<Guest, WasiFilesystem>(l, Guest::filesystem)?;
    random::insecure::add_to_linker::<Guest, WasiRandom>(l, |guest| guest.wasi.random())?;
    random::insecure_seed::add_to_linker::<Guest, WasiRandom>(l, |guest| guest.wasi.random())?;
    cli::exit::add_to_linker::<Guest, WasiCli>(l, Guest::cli)?;
    cli::environment::add_to_linker::<Guest, WasiCli>(l, Guest::cli)?;
    cli::terminal_input::add_to_linker::<Guest, WasiCli>(l, Guest::cli)?;
    cli::terminal_output::add_to_linker::<Guest, WasiCli>(l, Guest::cli)?;
    cli::terminal_stdin::add_to_linker::<Guest, WasiCli>(l, Guest::cli)?;
    cli::terminal_stdout::add_to_linker::<Guest, WasiCli>(l, Guest::cli)?;
    cli::terminal_stderr::add_to_linker::<Guest, WasiCli>(l, Guest::cli)?;
    Ok(linker)
}

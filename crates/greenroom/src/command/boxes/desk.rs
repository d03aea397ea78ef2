//! What every command of `box` works with.

use crate::exit::Code;
use crate::options::Options;
use crate::out;
use crate::paint::Paint;
use crate::problem::Problem;
use greenroom_agent::provider::SecretStore;
use greenroom_boxes::engine::{Engine, Setup};
use greenroom_boxes::network::Secrets;
use rustix::time::{ClockId, clock_gettime};
use serde::Serialize;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;

/// The engine and the way to tell.
pub struct Desk {
    pub engine: Engine,
    pub json: bool,
    /// Greenroom's own folder.
    pub dir: PathBuf,
    /// Colours of standard output.
    pub paint: Paint,
    secrets: Arc<Kept>,
    /// Serves the networks of boxes, while this command runs.
    _runtime: tokio::runtime::Runtime,
}

/// The environment's first, then those that `greenroom secret` keeps.
struct Kept(Option<SecretStore>);

impl Secrets for Kept {
    fn value(&self, name: &str) -> Result<Option<String>, String> {
        let said = std::env::var(name).ok().filter(|value| !value.is_empty());
        let (None, Some(store)) = (&said, &self.0) else { return Ok(said) };
        let secret = store.get(name).map_err(|error| error.to_string())?;
        Ok(secret.map(|secret| secret.reveal().to_owned()))
    }
}

/// The folder of boxes stands beside the store.
fn dir(options: &Options) -> PathBuf {
    options.dir.join("boxes")
}

pub fn is_there(options: &Options) -> bool {
    dir(options).is_dir()
}

pub fn no_boxes(options: &Options) -> Problem {
    let words = format!("there are no boxes in {} yet", dir(options).display());
    Problem::new("no_boxes", words)
        .next("`greenroom box build FOLDER` makes an image; boxes elsewhere are found with --dir")
        .exit(Code::Missing)
}

impl Desk {
    pub fn open(options: &Options) -> anyhow::Result<Desk> {
        options.make_dir()?;
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let secrets = Arc::new(Kept(SecretStore::open()));
        let setup = Setup {
            runtime: Some(runtime.handle().clone()),
            secrets: Some(secrets.clone()),
            // A node looks for boxes that run, and serves them.
            beside_node: UnixStream::connect(options.socket()).is_ok(),
            ..Setup::default()
        };
        let engine = Engine::open_in(&dir(options), setup)?;
        let paint = Paint::on(&std::io::stdout());
        let dir = options.dir.clone();
        Ok(Desk { engine, json: options.json, dir, paint, secrets, _runtime: runtime })
    }

    /// Whether a secret has a value that can be read.
    pub fn has_secret(&self, name: &str) -> bool {
        matches!(self.secrets.value(name), Ok(Some(_)))
    }

    /// Prints JSON or words.
    pub fn tell<T: Serialize>(&self, value: &T, words: &str) -> anyhow::Result<Code> {
        match self.json {
            true => out::json(value)?,
            false => out::print(words)?,
        }
        Ok(Code::Done)
    }
}

/// Milliseconds since 1970.
pub fn now_ms() -> u64 {
    let now = clock_gettime(ClockId::Realtime);
    let seconds = u64::try_from(now.tv_sec).unwrap_or(0);
    seconds * 1000 + u64::try_from(now.tv_nsec).unwrap_or(0) / 1_000_000
}

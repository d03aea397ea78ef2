//! The boxes: built of their folders, and started.

use crate::Shop;
use anyhow::Context;
use greenroom::boxes::Error;
use greenroom::boxes::build::{Image, Progress};
use greenroom::boxes::engine::{Engine, Setup};
use greenroom::boxes::network::Secrets;
use greenroom::boxes::sandbox::Launch;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::runtime::Runtime;

/// Where the folders are, and the shop's place as they have it written down.
const FOLDERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/boxes");
const PLACE: &str = "127.0.0.1:8417";

/// The account's token, for whoever asks by its name. The box never sees it.
struct Account(String);

impl Secrets for Account {
    fn value(&self, name: &str) -> Result<Option<String>, String> {
        Ok((name == "SHOP_TOKEN").then(|| self.0.clone()))
    }
}

/// `browser`, `shop`, and `coffee` of both.
pub struct Boxes {
    engine: Engine,
    coffee: Image,
    /// Where the network of boxes is served.
    _runtime: Runtime,
}

/// A living box that can buy coffee. Dropped, nothing of it is left.
pub struct Spawned<'b> {
    engine: &'b Engine,
    name: String,
}

impl Boxes {
    /// Builds what is not built yet, and tells of each step. `launch` becomes the process
    /// that makes boxes. `opened`: `Engine::open_in` of a project's folder, or `Engine::open` of
    /// one that nobody else can write to.
    ///
    /// # Errors
    /// A machine that can make no boxes, or has no browser.
    pub fn open(
        launch: Launch,
        opened: fn(&Path, Setup) -> Result<Engine, Error>,
        store: &Path,
        shop: &Shop,
        tell: &mut dyn FnMut(&str),
    ) -> anyhow::Result<Boxes> {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let account: Arc<dyn Secrets> = Arc::new(Account(shop.token().to_owned()));
        let setup = Setup {
            launch,
            runtime: Some(runtime.handle().clone()),
            secrets: Some(account),
            ..Setup::default()
        };
        let engine = opened(store, setup)?;
        let folders = folders(store, shop.port())?;
        let mut what = String::new();
        let coffee = engine.build(&[&folders.join("coffee")], &mut |progress| match progress {
            Progress::Began { what: begun, .. } => what.clone_from(begun),
            Progress::Output { line, .. } => tell(&format!("    {line}")),
            Progress::Ended { cached: true, .. } => tell(&format!("cached  {what}")),
            Progress::Ended { took_ms, .. } => tell(&format!("built   {what} ({took_ms} ms)")),
        })?;
        Ok(Boxes { engine, coffee, _runtime: runtime })
    }

    /// A box of its own.
    ///
    /// # Errors
    /// A machine that can make no boxes.
    pub fn spawn(&self) -> anyhow::Result<Spawned<'_>> {
        let name = format!("coffee-{}", std::process::id());
        self.engine.create(&self.coffee, &name, None)?;
        Ok(Spawned { engine: &self.engine, name })
    }
}

impl Spawned<'_> {
    /// Has it buy a drink. What the shop says.
    ///
    /// # Errors
    /// What went wrong in the box.
    pub fn buy_coffee(&self, drink: &str) -> anyhow::Result<String> {
        let request = self.engine.action(&self.name, "buy_coffee", &json!({ "drink": drink }))?;
        let printed = self.engine.exec(&self.name, &request, b"", &mut |_, _| {})?;
        anyhow::ensure!(printed.is_success(), "{}", printed.stderr.trim());
        Ok(printed.stdout)
    }

    /// What a command prints in it.
    ///
    /// # Errors
    /// As [`Spawned::buy_coffee`].
    pub fn run(&self, argv: &[&str]) -> anyhow::Result<String> {
        let request = greenroom::boxes::engine::ExecRequest::of(argv.iter().copied());
        let printed = self.engine.exec(&self.name, &request, b"", &mut |_, _| {})?;
        anyhow::ensure!(printed.is_success(), "{}", printed.stderr.trim());
        Ok(printed.stdout)
    }
}

impl Drop for Spawned<'_> {
    fn drop(&mut self) {
        if let Err(error) = self.engine.discard(&self.name) {
            eprintln!("{} is still there: {error}", self.name);
        }
    }
}

/// The folders as they are or, for a shop that is elsewhere, as they were if it always had been.
fn folders(store: &Path, port: u16) -> anyhow::Result<PathBuf> {
    let place = format!("127.0.0.1:{port}");
    if place == PLACE {
        return Ok(PathBuf::from(FOLDERS));
    }
    let to = store.join("folders");
    for folder in std::fs::read_dir(FOLDERS)? {
        let folder = folder?;
        let dir = to.join(folder.file_name());
        std::fs::create_dir_all(&dir)?;
        for file in std::fs::read_dir(folder.path())? {
            let file = file?;
            let text = std::fs::read_to_string(file.path()).context("a box's file is text")?;
            std::fs::write(dir.join(file.file_name()), text.replace(PLACE, &place))?;
        }
    }
    Ok(to)
}

//! The engine of boxes as agents have it: opened when it is first needed.

use super::place::BOX_FAILED;
use crate::definition::BoxUse;
use crate::hub::BoxHub;
use crate::nearest::nearest;
use crate::provider::SecretStore;
use crate::tool::outside;
use greenroom_boxes::build::Image;
use greenroom_boxes::engine::{Engine, Setup};
use greenroom_boxes::network::Secrets;
use greenroom_boxes::sandbox::Launch;
use greenroom_boxes::spec::is_box_folder;
use greenroom_boxes::{Error, ImageId};
use greenroom_model::Failure;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::runtime::Handle;

/// The boxes of a node.
#[derive(Clone)]
pub struct Boxes(Arc<Inner>);

struct Inner {
    /// The engine's folder.
    dir: PathBuf,
    launch: Launch,
    engine: Arc<Mutex<Option<Arc<Engine>>>>,
    /// The project's folder of boxes.
    project: Option<PathBuf>,
    hub: BoxHub,
}

impl std::fmt::Debug for Boxes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Boxes").field(&self.0.dir).finish()
    }
}

impl Boxes {
    /// Boxes of the engine in this folder, which is opened when it is first needed.
    pub fn at(dir: &Path, launch: Launch) -> Boxes {
        let (dir, engine) = (dir.to_owned(), Arc::default());
        Boxes(Arc::new(Inner { dir, launch, engine, project: None, hub: BoxHub::default() }))
    }

    /// Those of an engine that is open, which has a hub or none.
    pub fn over(dir: &Path, engine: Arc<Engine>) -> Boxes {
        let engine = Arc::new(Mutex::new(Some(engine)));
        let (dir, launch) = (dir.to_owned(), Launch::Own);
        Boxes(Arc::new(Inner { dir, launch, engine, project: None, hub: BoxHub::default() }))
    }

    /// Finds the boxes that agents name in this folder of folders first, and builds them.
    #[must_use]
    pub fn of_project(&self, folder: &Path) -> Boxes {
        let Inner { dir, launch, engine, hub, .. } = &*self.0;
        let (dir, launch, engine) = (dir.clone(), launch.clone(), engine.clone());
        let (project, hub) = (Some(folder.to_owned()), hub.clone());
        Boxes(Arc::new(Inner { dir, launch, engine, project, hub }))
    }

    /// The engine. Blocks.
    ///
    /// # Errors
    /// As [`Engine::open_in`].
    pub fn engine(&self) -> Result<Arc<Engine>, Error> {
        let mut engine = self.0.engine.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(engine) = &*engine {
            return Ok(engine.clone());
        }
        let setup = Setup {
            launch: self.0.launch.clone(),
            runtime: Handle::try_current().ok(),
            secrets: Some(Arc::new(Stored)),
            hub: Some(Arc::new(self.0.hub.clone())),
            ..Setup::default()
        };
        let opened = Arc::new(Engine::open_in(&self.0.dir, setup)?);
        *engine = Some(opened.clone());
        Ok(opened)
    }

    /// The engine if anybody has made boxes here, so that looking makes nothing. Blocks.
    pub(super) fn engine_if_any(&self) -> Result<Option<Arc<Engine>>, Error> {
        match self.0.dir.exists() {
            true => self.engine().map(Some),
            false => Ok(None),
        }
    }

    /// The hub of the boxes.
    pub(super) fn hub(&self) -> &BoxHub {
        &self.0.hub
    }

    /// Serves no box any more, and holds no node.
    pub fn end(&self) {
        let engine = self.0.engine.lock().unwrap_or_else(PoisonError::into_inner).clone();
        engine.iter().for_each(|engine| engine.unserve_all());
        self.0.hub.end();
    }

    /// The project's folder of a box of this name, if there is one.
    fn folder(&self, name: &str) -> Option<PathBuf> {
        let folder = self.0.project.as_ref()?.join(name);
        is_box_folder(&folder).then_some(folder)
    }

    fn near(&self, name: &str) -> String {
        let Some(project) = &self.0.project else { return String::new() };
        let entries = std::fs::read_dir(project).into_iter().flatten().flatten();
        let names: Vec<String> =
            entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        let like = nearest(name, names.iter().map(String::as_str));
        let folder = project.display();
        let hint = like.map(|like| format!("; did you mean `{like}`?")).unwrap_or_default();
        format!(", and no box.toml in {folder}/{name}{hint}")
    }

    /// What an agent's box is started from, built if its folder has changed.
    pub(crate) async fn image(&self, wanted: &BoxUse) -> Result<Image, Failure> {
        let (boxes, wanted) = (self.clone(), wanted.clone());
        run(move || {
            let engine = boxes.engine()?;
            match boxes.folder(&wanted.name) {
                Some(folder) => engine.build(&[&folder], &mut |_| {}),
                None => engine.image(&wanted.name).map_err(|error| match error {
                    Error::Missing(words) => {
                        Error::Missing(format!("{words}{}", boxes.near(&wanted.name)))
                    }
                    other => other,
                }),
            }
        })
        .await
    }

    /// An image that was built.
    pub(crate) async fn built(&self, id: ImageId) -> Result<Image, Failure> {
        let boxes = self.clone();
        run(move || boxes.engine()?.image(&id.to_string())).await
    }
}

/// The values of boxes' secrets: those of the secret store.
struct Stored;

impl Secrets for Stored {
    fn value(&self, name: &str) -> Result<Option<String>, String> {
        let Some(store) = SecretStore::open() else { return Ok(None) };
        let secret = store.get(name).map_err(|error| error.to_string())?;
        Ok(secret.map(|secret| secret.reveal().to_owned()))
    }
}

/// Something that blocks, done where that does no harm.
pub(super) async fn run<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Failure> {
    match outside::blocking(work).await {
        Some(done) => done.map_err(|error| failure(&error)),
        None => Err(Failure::fatal(BOX_FAILED, "it ended in a panic")),
    }
}

/// What a step fails with: tried again where somebody else was at work.
pub(super) fn failure(error: &Error) -> Failure {
    let words = format!("the box: {error}");
    match error {
        Error::Busy(_) => Failure::new(BOX_FAILED, words),
        _ => Failure::fatal(BOX_FAILED, words),
    }
}

//! The options every command has.

use crate::problem::Problem;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;

/// The directory of a project's node.
const DIR: &str = ".greenroom";

/// The options every command has.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// Print JSON, errors too
    #[arg(long, global = true)]
    pub json: bool,

    /// The store: `sqlite:FILE`, `postgres://…` or `memory:` [default: sqlite:DIR/store.db]
    #[arg(long, global = true, value_name = "STORE", env = "GREENROOM_STORE", hide_env = true)]
    pub store: Option<String>,

    /// The directory of the node's socket and store
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "GREENROOM_DIR",
        hide_env = true,
        default_value = DIR
    )]
    pub dir: PathBuf,

    /// The folder with `agents/`, `skills/`, `greenroom.toml`
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "GREENROOM_PROJECT",
        hide_env = true,
        default_value = "."
    )]
    pub project: PathBuf,
}

impl Options {
    /// A link in a project's folder may have come along with it, and lead to the store and the
    /// boxes of another project. Whoever means that says so with a path that is not the project's.
    ///
    /// # Errors
    /// There is such a link.
    pub fn check_dir(&self) -> Result<(), Problem> {
        // Without what would have the link followed: a `/` or `/.` behind it.
        let dir: PathBuf = self.dir.components().collect();
        if dir.is_absolute() || !dir.is_symlink() {
            return Ok(());
        }
        let leads = std::fs::canonicalize(&self.dir);
        let leads = leads.map_or_else(|_| "PATH".to_owned(), |path| path.display().to_string());
        let words =
            format!("{} is a link, which may have come with the project", self.dir.display());
        let next = format!("if it is yours, say where it leads: --dir {leads}, or GREENROOM_DIR");
        Err(Problem::new("failed", words).next(next))
    }

    /// Makes the directory, for its owner alone, and keeps it out of git: a store has secrets
    /// that its processes were told.
    ///
    /// # Errors
    /// As [`Options::check_dir`]; it cannot be made.
    pub fn make_dir(&self) -> Result<(), Problem> {
        let told = |error| {
            let dir = self.dir.display();
            Problem::new("failed", format!("cannot make the directory {dir}: {error}"))
                .next("give another one with --dir")
        };
        self.check_dir()?;
        let ignored = self.dir.join(".gitignore");
        let is_own = !self.dir.exists() || self.dir.file_name().is_some_and(|name| name == DIR);
        DirBuilder::new().recursive(true).mode(0o700).create(&self.dir).map_err(told)?;
        if is_own && ignored.symlink_metadata().is_err() {
            std::fs::write(ignored, "*\n").map_err(told)?;
        }
        Ok(())
    }

    /// Where the node listens.
    pub fn socket(&self) -> PathBuf {
        self.dir.join("node.sock")
    }

    /// The store, as `KIND:WHERE`.
    pub fn store(&self) -> String {
        match &self.store {
            Some(store) if !store.is_empty() => store.clone(),
            _ => format!("sqlite:{}", self.dir.join("store.db").display()),
        }
    }
}

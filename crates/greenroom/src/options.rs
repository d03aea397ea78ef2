//! The options every command has.

use std::path::PathBuf;

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
        default_value = ".greenroom"
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

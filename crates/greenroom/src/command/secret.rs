//! `secret`: the keys of models and tools, in files that only their owner can read.
//! Nothing here prints one.

use crate::app::{App, Done};
use crate::exit::Code;
use crate::hidden;
use crate::out;
use crate::problem::Problem;
use greenroom_agent::provider::{Secret, SecretStore};
use serde_json::json;
use std::io::{IsTerminal, Read};

/// Keep keys for models and tools.
#[derive(clap::Args)]
#[command(
    arg_required_else_help = true,
    after_help = "Examples:\n  greenroom secret set ANTHROPIC_API_KEY\n  \
    pass show acme | greenroom secret set ACME_KEY\n  greenroom secret ls\n\n\
    A node asks its environment first, then the store: a file for each secret, not encrypted, that\n\
    only its owner can read. GREENROOM_SECRETS names another folder, such as /run/secrets."
)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand)]
enum What {
    /// Keep a secret: typed unseen, or from standard input
    Set {
        /// Its name, as an environment variable's
        name: String,
    },
    /// List the names
    #[command(visible_alias = "list")]
    Ls,
    /// Remove a secret
    Rm {
        /// Its name
        name: String,
    },
}

pub fn run(app: &App, args: Args) -> Done {
    let store = SecretStore::open().ok_or_else(|| {
        Problem::new("no_home", "there is no folder for secrets: HOME is not set")
            .next("set GREENROOM_SECRETS to a folder")
    })?;
    let failed = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::InvalidInput => Problem::usage(error.to_string()),
        _ => Problem::new("secret_store", error.to_string()),
    };
    match args.what {
        What::Set { name } => {
            // A name that is none is told before a secret is typed.
            store.get(&name).err().map_or(Ok(()), |error| match error.kind() {
                std::io::ErrorKind::InvalidInput => Err(failed(error)),
                _ => Ok(()),
            })?;
            let secret = read(&name)?;
            store.set(&name, &secret).map_err(failed)?;
            done(app, &name, "kept", &format!("{name} kept in {}", store.folder().display()))
        }
        What::Ls => {
            let names = store.names().map_err(failed)?;
            if app.json() {
                out::json(&names)?;
            } else {
                out::print(&names.iter().map(|name| format!("{name}\n")).collect::<String>())?;
            }
            Ok(Code::Done)
        }
        What::Rm { name } => {
            if !store.remove(&name).map_err(failed)? {
                let folder = store.folder().display();
                let problem =
                    Problem::new("no_secret", format!("there is no secret {name} in {folder}"));
                return Err(problem.exit(Code::Missing).into());
            }
            done(app, &name, "removed", &format!("{name} removed"))
        }
    }
}

fn done(app: &App, name: &str, what: &str, words: &str) -> Done {
    if app.json() {
        out::json(&json!({ "name": name, "done": what }))?;
    } else {
        out::line(words)?;
    }
    Ok(Code::Done)
}

/// More than any key has, and little enough for memory.
const BYTES_MAX: u64 = 64 << 10;

fn read(name: &str) -> anyhow::Result<Secret> {
    let stdin = std::io::stdin();
    let text = if stdin.is_terminal() {
        hidden::line(&format!("{name}: "))?
            .ok_or_else(|| Problem::new("stopped", "stopped: nothing was kept"))?
    } else {
        let mut text = String::new();
        stdin.lock().take(BYTES_MAX + 1).read_to_string(&mut text).map_err(|error| {
            Problem::usage(format!("standard input cannot be read as text: {error}"))
        })?;
        text
    };
    if text.len() as u64 > BYTES_MAX {
        return Err(Problem::usage(format!("a secret has at most {BYTES_MAX} bytes")).into());
    }
    let empty = || Problem::usage("the secret is empty: nothing was kept").into();
    Secret::of_line(&text).ok_or_else(empty)
}

//! `import`: take in what another store exported, all of it or nothing.

use crate::app::{App, Done};
use crate::exit::Code;
use crate::out;
use crate::problem::Problem;
use crate::progress::Progress;
use crate::{serve, store};
use futures_util::stream;
use greenroom_api::Client;
use greenroom_api::wire::Imported;
use greenroom_runtime::{Import, Missing, spool};
use std::fs::File;
use std::io::{Read, Seek};

/// Import processes: all of the file, or nothing of it.
///
/// A process that is there already with the same history is left as it is, so
/// that importing a file again is harmless; one with another history is an
/// error, and nothing is imported. Without a node the store itself is written,
/// and the processes go on when one is started.
#[derive(clap::Args)]
pub struct Args {
    /// The file, or - for standard input
    file: String,
}

/// What is sent at a time.
const PIECE_BYTES: usize = 256 << 10;

pub async fn run(app: &App, args: Args) -> Done {
    let file = open(&args.file)?;
    let done = match app.node()? {
        Some(client) => through_node(app, &client, file).await?,
        None => into_store(app, file)?,
    };
    for Missing { id, why } in &done.missing {
        if !app.json() {
            out::say(&format!("not in the file, since it was damaged: {id}: {why}\n"));
        }
    }
    if app.json() {
        out::json(&done)?;
    } else {
        let Imported { imported, present, .. } = done;
        out::line(&format!("imported {imported} processes; {present} were there already"))?;
    }
    Ok(Code::Done)
}

/// A file that can be read twice.
fn open(path: &str) -> anyhow::Result<File> {
    let unreadable = |error: std::io::Error| Problem::usage(format!("cannot read {path}: {error}"));
    if path != "-" {
        let file = File::open(path).map_err(unreadable)?;
        if file.metadata().map_err(unreadable)?.is_file() {
            return Ok(file);
        }
        return kept(file).map_err(|error| unreadable(error).into());
    }
    kept(std::io::stdin().lock()).map_err(|error| unreadable(error).into())
}

fn kept(mut pipe: impl Read) -> std::io::Result<File> {
    let mut file = spool()?;
    std::io::copy(&mut pipe, &mut file)?;
    file.rewind()?;
    Ok(file)
}

async fn through_node(app: &App, client: &Client, file: File) -> anyhow::Result<Imported> {
    let length = file.metadata()?.len().max(1);
    let mut progress = Progress::new(app.json());
    progress.say(|| "importing".to_owned());
    let pieces =
        stream::unfold((file, progress, 0), move |(mut file, mut progress, sent)| async move {
            let mut piece = Vec::new();
            let read = (&mut file).take(PIECE_BYTES as u64).read_to_end(&mut piece);
            if let Ok(0) = read {
                return None;
            }
            let sent = sent + piece.len() as u64;
            progress.say(|| format!("sent {} %", sent.saturating_mul(100) / length));
            Some((read.map(|_| piece), (file, progress, sent)))
        });
    Ok(client.import(pieces).await?)
}

fn into_store(app: &App, file: File) -> anyhow::Result<Imported> {
    let store = app.options.store();
    if store.starts_with("memory:") {
        return Err(app.no_node().into());
    }
    let name = serve::node_name();
    app.options.make_dir()?;
    let journal = store::open(&store, &app.options.dir, &name)?;
    let lease = journal.acquire(&name, app.now())?;
    let at = app.now().max(lease.seen);
    let mut progress = Progress::new(app.json());
    let mut say = |count, of| progress.say(|| format!("imported {count} of {of}"));
    let done = Import::of(file).run(journal.as_ref(), lease.epoch, at, &mut say)?;
    Ok(done.into())
}

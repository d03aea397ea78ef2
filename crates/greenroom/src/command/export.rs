//! `export`: every process with its whole history, a line each.

use crate::app::{App, Done};
use crate::exit::Code;
use crate::export;
use crate::out;
use crate::problem::Problem;
use crate::source::Source;
use futures_util::TryStreamExt;
use std::io::Write;
use std::path::PathBuf;

/// Export everything.
#[derive(clap::Args)]
pub struct Args {
    /// Write to this file [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub async fn run(app: &App, args: Args) -> Done {
    let source = app.source()?;
    let Some(path) = &args.output else {
        let mut stdout = std::io::BufWriter::new(std::io::stdout().lock());
        write(&source, &mut stdout).await?;
        return Ok(Code::Done);
    };
    // Under another name until it is whole: a broken export must not look like one.
    let part = path.with_added_extension("part");
    let unwritable = |error: std::io::Error| {
        Problem::new("failed", format!("cannot write {}: {error}", path.display()))
    };
    let mut file = std::io::BufWriter::new(std::fs::File::create(&part).map_err(unwritable)?);
    let count = write(&source, &mut file).await?;
    file.get_ref().sync_all().map_err(unwritable)?;
    std::fs::rename(&part, path).map_err(unwritable)?;
    if app.json() {
        out::json(&serde_json::json!({ "exported": count, "file": path }))?;
    } else {
        out::say(&format!("exported {count} processes to {}\n", path.display()));
    }
    Ok(Code::Done)
}

/// Says how many processes there were.
async fn write(source: &Source, out: &mut impl Write) -> anyhow::Result<u64> {
    let mut count = 0;
    match source {
        Source::Store(journal) => {
            count = export::lines(journal.as_ref(), |line| Ok(out.write_all(line.as_bytes())?))?;
        }
        Source::Node(client) => {
            let mut chunks = client.export().await?;
            while let Some(chunk) = chunks.try_next().await? {
                count += chunk.iter().filter(|byte| **byte == b'\n').count() as u64;
                out.write_all(&chunk)?;
            }
        }
    }
    out.flush()?;
    Ok(count)
}

//! `import`: take in what another store exported.

use crate::app::{App, Done};
use crate::exit::Code;
use crate::out;
use crate::problem::Problem;
use greenroom_api::wire::Imported;
use std::io::{BufRead, BufReader, IsTerminal, Read};

/// Import processes.
#[derive(clap::Args)]
pub struct Args {
    /// The file, or - for standard input
    file: String,
}

/// Lines are sent together up to about this size.
const BATCH_BYTES: usize = 1 << 20;

pub async fn run(app: &App, args: Args) -> Done {
    let client = app.client()?;
    let mut source: BufReader<Box<dyn Read>> = BufReader::new(open(&args.file)?);
    let mut total = Imported::default();
    loop {
        let mut batch = Vec::new();
        while batch.len() < BATCH_BYTES && source.read_until(b'\n', &mut batch)? > 0 {}
        if batch.is_empty() {
            break;
        }
        let done = client.import(batch).await.map_err(|error| partly(&total, error))?;
        total.imported += done.imported;
        total.present += done.present;
        if std::io::stderr().is_terminal() && !app.json() {
            out::say(&format!("\rimported {}", total.imported));
        }
    }
    if app.json() {
        out::json(&total)?;
    } else {
        if std::io::stderr().is_terminal() {
            out::say("\r\x1b[K");
        }
        let Imported { imported, present } = total;
        out::line(&format!("imported {imported} processes; {present} were there already"))?;
    }
    Ok(Code::Done)
}

fn open(path: &str) -> anyhow::Result<Box<dyn Read>> {
    if path == "-" {
        return Ok(Box::new(std::io::stdin().lock()));
    }
    let file = std::fs::File::open(path)
        .map_err(|error| Problem::usage(format!("cannot read {path}: {error}")))?;
    Ok(Box::new(file))
}

/// What came before the error has been taken in; doing it again is harmless.
fn partly(total: &Imported, error: greenroom_api::ClientError) -> anyhow::Error {
    let count = total.imported + total.present;
    let next = format!("{count} processes before it are in; importing the file again is harmless");
    Problem { next: Some(next), ..Problem::of(&error.into()) }.into()
}

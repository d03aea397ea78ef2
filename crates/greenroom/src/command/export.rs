//! `export`: every process with its whole history, a line each.

use crate::app::{App, Done};
use crate::exit::Code;
use crate::out;
use crate::problem::Problem;
use crate::progress::Progress;
use crate::source::Source;
use futures_util::TryStreamExt;
use greenroom_runtime::{Export, Missing};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Export everything.
#[derive(clap::Args)]
pub struct Args {
    /// Write to this file [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// What was written.
#[derive(Default)]
struct Tally {
    processes: u64,
    missing: Vec<Missing>,
    /// The last line was there.
    whole: bool,
}

pub async fn run(app: &App, args: Args) -> Done {
    let source = app.source()?;
    let Some(path) = &args.output else {
        let mut stdout = std::io::BufWriter::new(std::io::stdout().lock());
        let tally = write(app, &source, &mut stdout).await?;
        return told(tally, app.json());
    };
    // Under another name until it is whole: a broken export must not look like one.
    let part = path.with_added_extension("part");
    let unwritable = |error: std::io::Error| {
        Problem::new("failed", format!("cannot write {}: {error}", path.display()))
    };
    let mut file = std::io::BufWriter::new(std::fs::File::create(&part).map_err(unwritable)?);
    let tally = write(app, &source, &mut file).await?;
    file.get_ref().sync_all().map_err(unwritable)?;
    std::fs::rename(&part, path).map_err(unwritable)?;
    say(app, &tally, path)?;
    told(tally, app.json())
}

fn say(app: &App, tally: &Tally, path: &Path) -> anyhow::Result<()> {
    if app.json() {
        let Tally { processes, missing, .. } = tally;
        return out::json(
            &serde_json::json!({ "exported": processes, "file": path, "missing": missing }),
        );
    }
    out::say(&format!("exported {} processes to {}\n", tally.processes, path.display()));
    Ok(())
}

/// What cannot be read is not in the export, and whoever moves house by it must
/// know.
fn told(tally: Tally, json: bool) -> Done {
    if tally.missing.is_empty() {
        return Ok(Code::Done);
    }
    let mut ids = Vec::new();
    for Missing { id, why } in &tally.missing {
        ids.push(id.as_str());
        if !json {
            out::say(&format!("damaged, and not exported: {id}: {why}\n"));
        }
    }
    let words = format!(
        "{} damaged processes are not in the export: {}; the other {} are, and can be imported",
        ids.len(),
        ids.join(", "),
        tally.processes
    );
    let next = "put a good copy of the store back and export again; `greenroom doctor --deep` \
                tells what is damaged";
    Err(Problem::new("damaged", words).next(next).into())
}

async fn write(app: &App, source: &Source, out: &mut impl Write) -> anyhow::Result<Tally> {
    let mut progress = Progress::new(app.json());
    let mut tally = Tally::default();
    match source {
        Source::Store(journal) => {
            let mut export = Export::begin(app.now());
            while let Some(page) = export.page(journal.as_ref())? {
                out.write_all(page.text.as_bytes())?;
                tally.processes += page.processes;
                tally.missing.extend(page.missing);
                progress.say(|| format!("exported {}", tally.processes));
            }
            tally.whole = true;
        }
        Source::Node(client) => {
            let (mut chunks, mut line) = (client.export().await?, Vec::new());
            while let Some(chunk) = chunks.try_next().await? {
                out.write_all(&chunk)?;
                for part in chunk.split_inclusive(|byte| *byte == b'\n') {
                    line.extend_from_slice(part);
                    if line.ends_with(b"\n") {
                        tally.count(&line);
                        line.clear();
                    }
                }
                progress.say(|| format!("exported {}", tally.processes));
            }
        }
    }
    out.flush()?;
    if !tally.whole {
        return Err(Problem::new("broken", "the export was cut off: the node has stopped").into());
    }
    Ok(tally)
}

impl Tally {
    fn count(&mut self, line: &[u8]) {
        #[derive(serde::Deserialize)]
        struct Damaged {
            damaged: Missing,
        }
        if line.starts_with(b"{\"damaged\"") {
            let damaged = serde_json::from_slice::<Damaged>(line);
            self.missing.extend(damaged.map(|line| line.damaged));
        } else if line.starts_with(b"{\"end\"") {
            self.whole = true;
        } else if !line.starts_with(b"{\"greenroom_export\"") {
            self.processes += 1;
        }
    }
}

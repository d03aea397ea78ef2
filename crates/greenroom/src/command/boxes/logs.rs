//! `box logs`: what the commands of a box have printed, and with `-f` what they print.

use super::desk::Desk;
use super::words;
use crate::exit::Code;
use crate::out;
use crate::problem::Problem;
use crate::view::plain;
use greenroom_boxes::engine::{ExecRow, Logged, ReadLog};
use greenroom_boxes::sandbox::Stream;
use rustix::event::{Timespec, poll};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{self, Write};

/// Between two looks at what is new.
const LOOK: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };

/// Print what commands in a box have printed.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  greenroom box logs work\n  greenroom box logs work --exec 12\n  \
    greenroom box logs work -f\n\n\
    Of each command the first `limits.output` bytes (1 MiB) are kept, of a box the newest 256 logs.\n\
    `box ps BOX` lists the commands with their numbers."
)]
pub struct Args {
    /// The box
    name: String,
    /// Of this command alone, as it printed it: by its number in `box ps`
    #[arg(long, value_name = "NO")]
    exec: Option<i64>,
    /// Go on until the command has ended; without --exec, until the box is stopped
    #[arg(short, long)]
    follow: bool,
}

pub fn run(desk: &Desk, args: &Args) -> anyhow::Result<Code> {
    desk.engine.find(&args.name)?;
    if let Some(no) = args.exec {
        // One that the box does not have is told, also if it has none.
        desk.engine.read_log(&args.name, no)?;
    } else if desk.engine.execs(&args.name)?.is_empty() && !args.follow {
        let words = format!("`{}` has no output: nothing was run in it", args.name);
        let next = "`greenroom box exec BOX -- …` runs a command in it";
        return Err(Problem::new("no_log", words).next(next).exit(Code::Missing).into());
    }
    let mut logs = Logs { desk, args, open: BTreeMap::new(), last: None };
    if desk.json && !args.follow {
        return logs.values();
    }
    loop {
        // Asked first: what is printed until then is still printed here.
        let over = !args.follow || logs.is_over()?;
        logs.print()?;
        if over {
            return Ok(Code::Done);
        }
        let _ = poll(&mut [], Some(&LOOK));
    }
}

struct Logs<'a> {
    desk: &'a Desk,
    args: &'a Args,
    /// By the command's number; `None` for what is not kept.
    open: BTreeMap<i64, Option<ReadLog>>,
    /// Whose output was printed last.
    last: Option<i64>,
}

impl Logs<'_> {
    fn rows(&self) -> anyhow::Result<Vec<ExecRow>> {
        let mut rows = self.desk.engine.execs(&self.args.name)?;
        rows.retain(|row| self.args.exec.is_none_or(|no| no == row.no));
        Ok(rows)
    }

    /// Whether nothing more can come.
    fn is_over(&mut self) -> anyhow::Result<bool> {
        let Ok(known) = self.desk.engine.find(&self.args.name) else { return Ok(true) };
        if !known.running || self.args.exec.is_none() {
            return Ok(!known.running);
        }
        let open = self.open.values().flatten().next();
        Ok(!open.is_none_or(ReadLog::may_grow))
    }

    /// All that is new, command by command.
    fn print(&mut self) -> anyhow::Result<()> {
        for row in self.rows()? {
            if !self.open.contains_key(&row.no) {
                let log = self.desk.engine.read_log(&self.args.name, row.no)?;
                // A command that begins now has its row before its log.
                if log.is_none() && row.ended_ms.is_none() && self.args.follow {
                    continue;
                }
                if log.is_none() {
                    self.head(&row)?;
                    out::say("what it printed is not kept any more\n");
                }
                self.open.insert(row.no, log);
            }
            while let Some(logged) = self.next(row.no)? {
                self.head(&row)?;
                self.tell(&row, &logged)?;
            }
        }
        Ok(())
    }

    fn next(&mut self, no: i64) -> anyhow::Result<Option<Logged>> {
        let log = self.open.get_mut(&no).and_then(Option::as_mut);
        Ok(log.map(ReadLog::read).transpose()?.flatten())
    }

    /// Says whose output follows, as `tail -f` does of several files.
    fn head(&mut self, row: &ExecRow) -> anyhow::Result<()> {
        if self.args.exec.is_some() || self.desk.json || self.last == Some(row.no) {
            return Ok(());
        }
        self.last = Some(row.no);
        let argv = plain(&row.argv.join(" ").replace('\n', " "));
        let end = match row.ended_ms {
            Some(_) => format!(" ({})", words::ending(row.ending)),
            None => String::new(),
        };
        out::line(&format!("==> {} {}: {argv}{end} <==", row.name, row.no))
    }

    fn tell(&self, row: &ExecRow, logged: &Logged) -> anyhow::Result<()> {
        if self.desk.json {
            let (box_name, no) = (&row.name, row.no);
            return out::json(&match logged {
                Logged::Printed(stream, bytes) => {
                    let text = String::from_utf8_lossy(bytes);
                    json!({ "box": box_name, "exec": no, "stream": word(*stream), "text": text })
                }
                Logged::Cut(count) => json!({ "box": box_name, "exec": no, "cut_bytes": count }),
            });
        }
        match logged {
            Logged::Printed(Stream::Stdout, bytes) => {
                let mut stdout = io::stdout().lock();
                stdout.write_all(bytes)?;
                stdout.flush()?;
            }
            Logged::Printed(Stream::Stderr, bytes) => io::stderr().lock().write_all(bytes)?,
            Logged::Cut(count) => {
                out::say(&format!("… {} more were not kept\n", words::bytes(*count)));
            }
        }
        Ok(())
    }

    /// One object for each command, or the one that was asked for.
    fn values(&mut self) -> anyhow::Result<Code> {
        let mut values = Vec::new();
        for row in self.rows()? {
            let log = self.desk.engine.read_log(&self.args.name, row.no)?;
            values.push(value(&row, log)?);
        }
        match self.args.exec {
            Some(_) => out::json(&values.pop())?,
            None => out::json(&values)?,
        }
        Ok(Code::Done)
    }
}

fn word(stream: Stream) -> &'static str {
    if stream == Stream::Stdout { "stdout" } else { "stderr" }
}

fn value(row: &ExecRow, log: Option<ReadLog>) -> anyhow::Result<Value> {
    let (kept, mut cut) = (log.is_some(), 0);
    let mut printed = [Vec::new(), Vec::new()];
    if let Some(mut log) = log {
        while let Some(logged) = log.read()? {
            match logged {
                Logged::Printed(stream, bytes) => {
                    printed[usize::from(stream == Stream::Stderr)].extend(bytes);
                }
                Logged::Cut(count) => cut += count,
            }
        }
    }
    let [stdout, stderr] = printed.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    Ok(json!({
        "box": row.name, "exec": row.no, "argv": row.argv, "ending": row.ending,
        "stdout": stdout, "stderr": stderr, "cut_bytes": cut, "kept": kept,
    }))
}

//! `box ls`, `box images`, `box ps`.

use super::desk::{Desk, now_ms};
use super::words::{age, bytes, ending, loss, name, short, status};
use crate::exit::Code;
use crate::out;
use crate::paint::Tone;
use crate::table::{Align, Table};
use crate::view::{plain, span};
use greenroom_boxes::engine::ExecRow;
use greenroom_boxes::network::Verdict;
use serde_json::json;
use std::time::Duration;

/// List what a box asked of its network.
#[derive(clap::Args)]
#[command(after_help = "The last 1,000, the oldest first. A secret is told by its name.")]
pub struct DecisionsArgs {
    /// The box
    name: String,
}

pub fn decisions(desk: &Desk, args: &DecisionsArgs) -> anyhow::Result<Code> {
    desk.engine.find(&args.name)?;
    let rows = desk.engine.decisions(&args.name)?;
    if desk.json {
        out::json(&rows)?;
        return Ok(Code::Done);
    }
    let mut table = Table::new(&[
        ("WHEN", Align::Left),
        ("METHOD", Align::Left),
        ("HOST", Align::Left),
        ("VERDICT", Align::Left),
        ("SECRETS", Align::Left),
        ("WHY", Align::Left),
    ]);
    let now = now_ms();
    for row in rows {
        let (verdict, tone) = match row.verdict {
            Verdict::Allowed => ("allowed", Tone::Good),
            Verdict::Refused => ("refused", Tone::Bad),
            Verdict::Failed => ("failed", Tone::Warn),
        };
        let host = match row.port {
            Some(port) => format!("{}:{port}", row.host),
            None => row.host,
        };
        let misplaced = row.misplaced.iter().map(|one| format!("{one} (not for this host)"));
        let secrets: Vec<String> = row.secrets.iter().cloned().chain(misplaced).collect();
        table.row(vec![
            (age(now, row.at_ms), Tone::Quiet),
            (name(&row.method), Tone::Plain),
            (name(&host), Tone::Strong),
            (verdict.to_owned(), tone),
            (secrets.join(", "), Tone::Plain),
            (name(&row.why), Tone::Plain),
        ]);
    }
    out::print(&table.render(desk.paint))?;
    Ok(Code::Done)
}

pub fn boxes(desk: &Desk) -> anyhow::Result<Code> {
    let known = desk.engine.list()?;
    if desk.json {
        out::json(&known)?;
        return Ok(Code::Done);
    }
    let mut table = Table::new(&[
        ("BOX", Align::Left),
        ("IMAGE", Align::Left),
        ("PARENT", Align::Left),
        ("STATUS", Align::Left),
        ("LAYERS", Align::Right),
        ("MADE", Align::Left),
        ("LOST", Align::Left),
    ]);
    let now = now_ms();
    for one in known {
        let status = status(&one);
        let tone = match (one.running, one.frozen) {
            (true, false) => Tone::Good,
            (true, true) => Tone::Warn,
            (false, _) => Tone::Quiet,
        };
        table.row(vec![
            (one.row.name, Tone::Strong),
            (one.image_name, Tone::Plain),
            (one.parent.unwrap_or_else(|| "-".to_owned()), Tone::Plain),
            (status.to_owned(), tone),
            (one.layers.to_string(), Tone::Plain),
            (age(now, one.row.made_ms), Tone::Quiet),
            (loss(one.row.loss).to_owned(), Tone::Warn),
        ]);
    }
    out::print(&table.render(desk.paint))?;
    Ok(Code::Done)
}

pub fn images(desk: &Desk) -> anyhow::Result<Code> {
    let images = desk.engine.images()?;
    if desk.json {
        let rows = images.iter().map(|(image, built_ms)| {
            json!({
                "name": image.name, "id": image.id, "built_ms": built_ms,
                "layers": image.stack.len(), "level": image.level,
                "actions": image.actions.keys().collect::<Vec<_>>(),
            })
        });
        out::json(&rows.collect::<Vec<_>>())?;
        return Ok(Code::Done);
    }
    let mut table = Table::new(&[
        ("IMAGE", Align::Left),
        ("ID", Align::Left),
        ("LAYERS", Align::Right),
        ("BUILT", Align::Left),
        ("ACTIONS", Align::Left),
    ]);
    let now = now_ms();
    for (image, built_ms) in images {
        let actions: Vec<&str> = image.actions.keys().map(String::as_str).collect();
        table.row(vec![
            (image.name.clone(), Tone::Strong),
            (short(image.id), Tone::Plain),
            (image.stack.len().to_string(), Tone::Plain),
            (age(now, built_ms), Tone::Quiet),
            (actions.join(", "), Tone::Plain),
        ]);
    }
    out::print(&table.render(desk.paint))?;
    Ok(Code::Done)
}

/// List what was run.
#[derive(clap::Args)]
pub struct PsArgs {
    /// The box; all if none is said
    pub name: Option<String>,
}

pub fn execs(desk: &Desk, args: &PsArgs) -> anyhow::Result<Code> {
    let names = match &args.name {
        Some(name) => vec![desk.engine.find(name)?.row.name],
        None => desk.engine.list()?.into_iter().map(|known| known.row.name).collect(),
    };
    let mut rows: Vec<ExecRow> = Vec::new();
    for name in names {
        rows.extend(desk.engine.execs(&name)?);
    }
    rows.sort_by_key(|row| row.no);
    if desk.json {
        out::json(&rows)?;
        return Ok(Code::Done);
    }
    let mut table = Table::new(&[
        ("NO", Align::Right),
        ("BOX", Align::Left),
        ("BEGAN", Align::Left),
        ("END", Align::Left),
        ("TOOK", Align::Right),
        ("CPU", Align::Right),
        ("MEMORY", Align::Right),
        ("COMMAND", Align::Left),
    ]);
    let now = now_ms();
    for row in rows {
        let took =
            row.ended_ms.map(|end| span(Duration::from_millis(end.saturating_sub(row.began_ms))));
        let cpu = row.usage.map(|used| span(Duration::from_micros(used.user_us + used.system_us)));
        let memory = row.usage.map(|used| bytes(used.memory_max_bytes));
        let none = || "-".to_owned();
        table.row(vec![
            (row.no.to_string(), Tone::Plain),
            (row.name, Tone::Strong),
            (age(now, row.began_ms), Tone::Quiet),
            (ending(row.ending), Tone::Plain),
            (took.unwrap_or_else(none), Tone::Plain),
            (cpu.unwrap_or_else(none), Tone::Plain),
            (memory.unwrap_or_else(none), Tone::Plain),
            (plain(&row.argv.join(" ").replace('\n', " ")), Tone::Plain),
        ]);
    }
    out::print(&table.render(desk.paint))?;
    Ok(Code::Done)
}

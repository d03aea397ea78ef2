//! `box doctor`: what keeps boxes in on this machine, each mechanism by doing it.

use crate::exit::Code;
use crate::options::Options;
use crate::out;
use crate::paint::{Paint, Tone};
use crate::table::{Align, Table};
use greenroom_boxes::LevelName;
use greenroom_boxes::sandbox::{Launch, doctor};

pub fn run(options: &Options) -> anyhow::Result<Code> {
    let state = std::env::temp_dir().join(format!("greenroom-doctor-{}", std::process::id()));
    let rows = doctor(&Launch::Own, &state);
    // The spawner has removed what it had; this is its empty folder.
    let _ = std::fs::remove_dir_all(&state);
    let can = rows.iter().filter(|row| row.level == LevelName::Namespace).all(|row| {
        // What is held less well than it could be is told, and still there.
        row.ok || !["box", "destroy"].contains(&row.mechanism.as_str())
    });
    if options.json {
        out::json(&rows)?;
    } else {
        let paint = Paint::on(&std::io::stdout());
        let mut table = Table::new(&[
            ("LEVEL", Align::Left),
            ("MECHANISM", Align::Left),
            ("OK", Align::Left),
            ("WHY", Align::Left),
        ]);
        for row in rows {
            let (ok, tone) = if row.ok { ("yes", Tone::Good) } else { ("no", Tone::Bad) };
            table.row(vec![
                (row.level.to_string(), Tone::Plain),
                (row.mechanism, Tone::Plain),
                (ok.to_owned(), tone),
                (row.reason, Tone::Plain),
            ]);
        }
        out::print(&table.render(paint))?;
    }
    Ok(if can { Code::Done } else { Code::Failed })
}

//! `box build`.

use super::desk::Desk;
use super::words::short;
use crate::exit::Code;
use crate::out;
use crate::paint::{Paint, Tone};
use crate::problem::Problem;
use crate::view::{plain, span};
use greenroom_boxes::build::{Image, Progress};
use greenroom_boxes::spec::is_box_folder;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Build an image of a folder, or of several together.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  greenroom box build ./shop\n  greenroom box build ./shop + ./browser\n\n\
    Prints the image's name and id. With --json each step is a line of JSON on standard error."
)]
pub struct Args {
    /// Folders with a box.toml or SKILL.md; `a + b` is both, and an error where they differ
    #[arg(required = true, value_name = "FOLDER")]
    folders: Vec<PathBuf>,
}

pub fn run(desk: &Desk, args: &Args) -> anyhow::Result<Code> {
    let image = build(desk, &args.folders)?;
    desk.tell(&image, &format!("{} {}\n", image.name, image.id))
}

/// Builds, telling of it. A `+` between folders is for the reader.
pub fn build(desk: &Desk, folders: &[PathBuf]) -> anyhow::Result<Image> {
    let folders: Vec<&Path> =
        folders.iter().map(PathBuf::as_path).filter(|one| *one != Path::new("+")).collect();
    if let Some(missing) = folders.iter().find(|one| !one.is_dir()) {
        let words = format!("`{}` is no folder", missing.display());
        let next = "a box is a folder with a box.toml or a SKILL.md; a command stands after `--`";
        return Err(Problem::usage(words).next(next).into());
    }
    let stderr = std::io::stderr();
    let mut teller = Teller {
        json: desk.json,
        live: stderr.is_terminal(),
        paint: Paint::on(&stderr),
        open: None,
        of: 0,
    };
    let built = desk.engine.build(&folders, &mut |progress| teller.tell(progress));
    teller.close();
    Ok(built?)
}

/// Tells how far it is.
struct Teller {
    json: bool,
    live: bool,
    paint: Paint,
    /// A step's line on a terminal that has no end yet.
    open: Option<String>,
    of: u32,
}

impl Teller {
    fn tell(&mut self, progress: &Progress) {
        if self.json {
            let line = serde_json::to_string(progress).unwrap_or_default();
            return out::say(&format!("{line}\n"));
        }
        match progress {
            Progress::Began { step, of, what } => {
                self.of = *of;
                let line = format!("[{step}/{of}] {}", plain(&what.replace('\n', " ")));
                if self.live {
                    out::say(&line);
                    self.open = Some(line);
                } else {
                    out::say(&format!("{line}\n"));
                }
            }
            Progress::Output { line, .. } => {
                self.close();
                out::say(&format!(
                    "{}\n",
                    self.paint.tone(Tone::Quiet, &format!("  {}", plain(line)))
                ));
            }
            Progress::Ended { step, cached, took_ms } => {
                let how = match cached {
                    true => "cached".to_owned(),
                    false => format!("done in {}", span(Duration::from_millis(*took_ms))),
                };
                match self.open.take() {
                    Some(line) => {
                        out::say(&format!(
                            "\r\x1b[K{line}  {}\n",
                            self.paint.tone(Tone::Good, &how)
                        ));
                    }
                    None => out::say(&format!("[{step}/{}] {how}\n", self.of)),
                }
            }
        }
    }

    fn close(&mut self) {
        if self.open.take().is_some() {
            out::say("\n");
        }
    }
}

/// An image that is named, or of folders that are built first.
pub fn image(desk: &Desk, targets: &[String]) -> anyhow::Result<Image> {
    let is_folder = |word: &str| {
        let path = Path::new(word);
        let looks = word.contains('/') || word == "." || word == "..";
        looks || is_box_folder(path)
    };
    match targets {
        [one] if !is_folder(one) => Ok(desk.engine.image(one)?),
        many => {
            let folders: Vec<PathBuf> = many.iter().map(PathBuf::from).collect();
            let image = build(desk, &folders)?;
            if !desk.json {
                out::say(&format!("{} {}\n", image.name, short(image.id)));
            }
            Ok(image)
        }
    }
}

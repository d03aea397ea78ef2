//! `box cp`, `box export`: files of boxes.

use super::desk::Desk;
use super::folders;
use super::single;
use super::words::bytes;
use crate::exit::Code;
use crate::out;
use crate::problem::Problem;
use greenroom_boxes::engine::Folder;
use greenroom_boxes::export::{About, Note, acting};
use serde_json::json;
use std::fs::File;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Copy a file or a folder into a box or out of it.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  greenroom box cp notes.txt work:/srv/notes.txt\n  \
    greenroom box cp work:/srv/result.json .\n  greenroom box cp work:/srv/log - | less\n  \
    greenroom box cp ./site work:/srv\n  greenroom box cp work:/srv/site/. ./site\n\n\
    A folder goes into a folder that is there, or gets the new name; with /. behind it only what is in it goes.\n\
    Links are copied as links. Of a folder out of a box, what would act here by itself is left out, and told;\n\
    a single file is copied, and told.")]
pub struct CpArgs {
    /// A file or folder, BOX:/PATH, or - for standard input
    from: String,
    /// A file or folder, BOX:/PATH, or - for standard output
    to: String,
    /// Of a folder, also what would act outside of the box: git's hooks and configurations, what Greenroom goes by
    #[arg(long)]
    planted: bool,
}

/// One end of a copy.
#[derive(Clone, Copy)]
enum Place<'a> {
    Box { name: &'a str, path: &'a str },
    Here(&'a Path),
    Pipe,
}

impl Place<'_> {
    /// A `:` after a `/` is part of a path.
    fn of(text: &str) -> Place<'_> {
        match text.split_once(':') {
            _ if text == "-" => Place::Pipe,
            Some((name, path)) if !name.contains(['/', '.']) => Place::Box { name, path },
            _ => Place::Here(Path::new(text)),
        }
    }
}

pub fn copy(desk: &Desk, args: &CpArgs) -> anyhow::Result<Code> {
    let (from, to) = (Place::of(&args.from), Place::of(&args.to));
    for (place, text) in [(from, &args.from), (to, &args.to)] {
        named(place, text)?;
    }
    let mut notes = Vec::new();
    let count = match (from, to) {
        (Place::Box { name, path }, to @ (Place::Here(_) | Place::Pipe)) => {
            let target = if let Place::Here(to) = to { Some(to) } else { None };
            let mut file = match opened(desk, name, path)? {
                Opened::File(file) => file,
                Opened::Folder(folder) => {
                    return folders::out(desk, name, path, folder, target, args.planted);
                }
            };
            match to {
                Place::Here(to) => {
                    let to = into_folder(to, path);
                    let count = single::write(&mut file, &to)?;
                    notes.extend(noted(&to));
                    count
                }
                _ => single::stream(&mut file, io::stdout().lock(), path)?,
            }
        }
        (Place::Here(from), Place::Box { name, path }) if from.is_dir() => {
            return folders::into(desk, &args.from, name, path);
        }
        (Place::Here(from), Place::Box { name, path }) => {
            let file = single::open(from)?;
            let path = match (path.ends_with('/'), from.file_name()) {
                (true, Some(file)) => Path::new(path).join(file),
                _ => PathBuf::from(path),
            };
            let mode = file.metadata()?.permissions().mode() & 0o777;
            let path = path.to_string_lossy();
            let made = match desk.engine.create_file(name, absolute(&path)?, mode) {
                Err(error) if folders::is_one(&error) => {
                    let path = Path::new(path.as_ref()).join(from.file_name().unwrap_or_default());
                    desk.engine.create_file(name, &path, mode)?
                }
                made => made?,
            };
            single::stream(file, &made, &args.from)?
        }
        (Place::Pipe, Place::Box { name, path }) => {
            let made = desk.engine.create_file(name, absolute(path)?, 0o644)?;
            single::stream(io::stdin().lock(), &made, "standard input")?
        }
        _ => {
            let problem = Problem::usage("one side, and only one, must be a file in a box")
                .next("write it as BOX:/PATH");
            return Err(problem.into());
        }
    };
    // Standard output may be the file itself.
    if args.to != "-" {
        if !desk.json {
            notes.iter().for_each(folders::tell);
        }
        let value = json!({ "bytes": count, "notes": notes });
        desk.tell(&value, &format!("{} copied\n", bytes(count)))?;
    }
    Ok(Code::Done)
}

/// Refuses a path that is empty: a variable of a script that nobody has set would be this folder.
fn named(place: Place<'_>, text: &str) -> Result<(), Problem> {
    match place {
        Place::Box { path: "", .. } => {
            let words = format!("`{text}` has no path behind the `:`");
            Err(Problem::usage(words).next("write it from the root, as in BOX:/srv"))
        }
        Place::Here(path) if path.as_os_str().is_empty() => {
            let words = "an empty path names nothing";
            Err(Problem::usage(words).next("write . for this folder"))
        }
        _ => Ok(()),
    }
}

/// Who copies a single file has typed where it goes, so it is copied, and told.
fn noted(to: &Path) -> Option<Note> {
    let (path, what) = (to.display().to_string(), acting(to)?.to_owned());
    Some(Note { path, what, left_out: false, about: About::Plant })
}

/// What a path of a box is.
enum Opened {
    File(File),
    Folder(Folder),
}

fn opened(desk: &Desk, name: &str, path: &str) -> anyhow::Result<Opened> {
    if let Some(folder) = folders::known(desk, name, path)? {
        return Ok(Opened::Folder(folder));
    }
    match desk.engine.open_file(name, absolute(path)?) {
        Err(error) if folders::may_be(&error) => match desk.engine.folder(name, path)? {
            Some(folder) => Ok(Opened::Folder(folder)),
            None => Err(error.into()),
        },
        file => Ok(Opened::File(file?)),
    }
}

fn absolute(path: &str) -> anyhow::Result<&Path> {
    if path.starts_with('/') && !path.ends_with('/') {
        return Ok(Path::new(path));
    }
    let words = format!("`{path}` is no file's path in a box");
    Err(Problem::usage(words).next("write it from the root, as in BOX:/srv/file").into())
}

fn into_folder(to: &Path, path: &str) -> PathBuf {
    match (to.is_dir(), Path::new(path).file_name()) {
        (true, Some(file)) => to.join(file),
        _ => to.to_owned(),
    }
}

/// Put what a box has changed into a folder.
#[derive(clap::Args)]
#[command(
    after_help = "Each path must still be there as it was when the box began. Interrupted, the next export into\n\
    the folder finishes it or undoes it."
)]
pub struct ExportArgs {
    /// The box
    name: String,
    /// The folder
    folder: PathBuf,
    /// Also what would act outside of the box: git's hooks, links that lead out, what editors,
    /// agents and build services go by
    #[arg(long)]
    planted: bool,
    /// First forget what an earlier export into the folder began and cannot finish
    #[arg(long)]
    give_up: bool,
}

pub fn export(desk: &Desk, args: &ExportArgs) -> anyhow::Result<Code> {
    desk.engine.find(&args.name)?;
    if !args.folder.is_dir() {
        let words = format!("{} is no folder", args.folder.display());
        return Err(Problem::usage(words).next("make it first").into());
    }
    if args.give_up {
        let left = desk.engine.give_up_export(&args.folder)?;
        for path in &left {
            out::say(&format!("given up: {path}\n"));
        }
    }
    let paths = desk.engine.export(&args.name, &args.folder, args.planted)?.paths;
    let words = format!("{paths} paths changed in {}\n", args.folder.display());
    desk.tell(&json!({ "paths": paths, "folder": args.folder }), &words)
}

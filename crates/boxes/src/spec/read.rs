//! Reading what the folder of a box says: `box.toml`, or the settings of its `SKILL.md`.

use super::box_spec::BoxSpec;
use super::error::SpecError;
use super::field::{Field, Table, Wrong};
use super::part;
use super::places::Places;
use super::skill::{self, Settings};
use crate::beneath::file_beneath;
use crate::error::Error;
use std::io::{ErrorKind, Read};
use std::path::Path;
use toml::de::DeTable;

#[cfg(test)]
mod tests;

/// The file that says what a box is.
pub const SPEC_FILE: &str = "box.toml";

/// The file of a skill that a box belongs to.
pub const SKILL_FILE: &str = "SKILL.md";

/// The largest spec that is read.
const BYTES_MAX: u64 = 1 << 20;

const FIELDS: [&str; 13] = [
    "name", "base", "extends", "override", "files", "setup", "env", "secrets", "network", "hub",
    "limits", "actions", "level",
];

impl BoxSpec {
    /// Reads the spec of a folder: its `box.toml`, the file that its `SKILL.md` names, or the
    /// settings in there. A skill that says nothing of a box is one of its own files and
    /// nothing else. What it extends is not read.
    ///
    /// # Errors
    /// A file that cannot be read, and each field that cannot be used.
    pub fn read(dir: &Path) -> Result<BoxSpec, Error> {
        let skill_file = dir.join(SKILL_FILE);
        let default = dir.join(SPEC_FILE);
        if !is_there(&skill_file) {
            return Ok(BoxSpec::parse(&text(dir, &default)?, &default)?);
        }
        let (skill, settings) = skill::read(&text(dir, &skill_file)?, &skill_file)?;
        let own = is_there(&default);
        let mut spec = match settings {
            Settings::None if own => BoxSpec::parse(&text(dir, &default)?, &default)?,
            Settings::None => BoxSpec { name: skill.name.clone(), ..BoxSpec::default() },
            Settings::File(name, wrong) => {
                let file = dir.join(&name);
                if own && file != default {
                    return Err(wrong("there is a box.toml too; one of them must go").into());
                }
                if !is_there(&file) {
                    return Err(wrong("there is no such file in the skill's folder").into());
                }
                let text = text(dir, &file)?;
                let at = |byte: usize, message: String| SpecError::at(&file, &text, byte, message);
                parse(&text, dir, &at)?
            }
            Settings::Inline(inline) if own => {
                return Err(inline.wrong("there is a box.toml too; one of them must go").into());
            }
            Settings::Inline(inline) => {
                parse(&inline.text, dir, &|byte, message| inline.at(byte, message))?
            }
        };
        spec.dir = dir.to_owned();
        spec.skill = Some(skill);
        Ok(spec)
    }

    /// Reads the text of a spec. `file` is where it stands: for errors, for the box's name
    /// if it has none, and for the paths in it.
    ///
    /// # Errors
    /// Each field that cannot be used, with its line and column.
    pub fn parse(text: &str, file: &Path) -> Result<BoxSpec, SpecError> {
        let dir = file.parent().unwrap_or(Path::new(""));
        parse(text, dir, &|byte, message| SpecError::at(file, text, byte, message))
    }
}

/// Whether a folder says that it is a box, also where it says it by something that cannot be
/// read: [`BoxSpec::read`] tells what that is.
#[must_use]
pub fn is_box_folder(dir: &Path) -> bool {
    is_there(&dir.join(SPEC_FILE)) || is_there(&dir.join(SKILL_FILE))
}

/// Whether anything has this name, be it a link that leads nowhere. What cannot be looked at is
/// there: who opens it hears why.
fn is_there(file: &Path) -> bool {
    let nothing = [ErrorKind::NotFound, ErrorKind::NotADirectory];
    file.symlink_metadata().map_or_else(|error| !nothing.contains(&error.kind()), |_| true)
}

/// The text of a file of a folder, if it is not too large.
fn text(dir: &Path, file: &Path) -> Result<String, Error> {
    let mut bytes = Vec::new();
    // Its folder may be somebody else's work: a link in it could lead to what it is not to tell.
    let opened = file_beneath(dir, file.strip_prefix(dir).unwrap_or(file))?;
    let read = opened.take(BYTES_MAX + 1).read_to_end(&mut bytes);
    read.map_err(|error| Error::io("read", file, error))?;
    let wrong = |byte: usize, message: &str| {
        let before = String::from_utf8_lossy(bytes.get(..byte).unwrap_or(&[]));
        SpecError::at(file, &before, before.len(), message.to_owned())
    };
    if bytes.len() as u64 > BYTES_MAX {
        return Err(wrong(0, "more than the 1 MiB that a spec may have").into());
    }
    match std::str::from_utf8(&bytes) {
        Ok(text) => Ok(text.to_owned()),
        Err(error) => Err(wrong(error.valid_up_to(), "this is no UTF-8 text").into()),
    }
}

/// `at` makes an error of a byte of the text, which may stand somewhere else in its file.
fn parse(
    text: &str,
    dir: &Path,
    at: &dyn Fn(usize, String) -> SpecError,
) -> Result<BoxSpec, SpecError> {
    let table = DeTable::parse(text).map_err(|error| {
        at(error.span().map_or(0, |span| span.start), error.message().to_owned())
    })?;
    let root = Table::root(table.get_ref());
    let wrong = |wrong: Wrong| at(wrong.span.start, wrong.message);
    let mut spec = spec(&root, dir).map_err(wrong)?;
    for (field, span) in part::places(&root).map_err(wrong)? {
        spec.places.note(field, at(span.start, String::new()));
    }
    Ok(spec)
}

fn spec(root: &Table<'_, '_>, dir: &Path) -> Result<BoxSpec, Wrong> {
    root.knows(&FIELDS)?;
    let table = |name: &str| root.get(name).map(|field| field.table()).transpose();
    let network = table("network")?.map(|table| part::network(&table)).transpose()?;
    let secrets =
        table("secrets")?.map(|table| part::secrets(&table, network.as_ref())).transpose()?;
    let env = table("env")?.map(|table| part::env(&table)).transpose()?.unwrap_or_default();
    if let Some(both) =
        secrets.iter().flatten().map(|(name, _)| name).find(|n| env.contains_key(*n))
    {
        let field = root.get("secrets").map_or(0..0, |field| field.wrong("").span);
        let message = format!("secrets.{both}: env has this name too; one of them is wrong");
        return Err(Wrong { span: field, message });
    }
    Ok(BoxSpec {
        name: name(root, dir)?,
        skill: None,
        base: root.get("base").map(|field| part::base(&field, dir)).transpose()?,
        extends: extends(root.get("extends"))?,
        files: table("files")?.map(|t| part::files(&t, dir)).transpose()?.unwrap_or_default(),
        setup: root.get("setup").map(|f| part::setup(&f)).transpose()?.unwrap_or_default(),
        env,
        secrets,
        network,
        hub: table("hub")?.map(|t| part::hub(&t)).transpose()?,
        limits: table("limits")?.map(|t| part::limits(&t)).transpose()?.unwrap_or_default(),
        actions: table("actions")?.map(|t| part::actions(&t)).transpose()?.unwrap_or_default(),
        level: root.get("level").map(|field| part::level(&field)).transpose()?,
        overrides: table("override")?.map(|t| part::overrides(&t)).transpose()?.unwrap_or_default(),
        places: Places::default(),
        dir: dir.to_owned(),
    })
}

/// Its own, or that of its folder.
fn name(root: &Table<'_, '_>, dir: &Path) -> Result<String, Wrong> {
    let fits = |name: &str| {
        let letter = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        (1..=64).contains(&name.len()) && name.bytes().all(letter)
    };
    let rule = "a name is 1 to 64 small letters, digits and `-`";
    if let Some(field) = root.get("name") {
        let name = field.text()?;
        return match fits(name) {
            true => Ok(name.to_owned()),
            false => Err(field.wrong(format!("`{name}`: {rule}"))),
        };
    }
    let folder = dir.file_name().and_then(|name| name.to_str()).unwrap_or("");
    match fits(folder) {
        true => Ok(folder.to_owned()),
        false => {
            let message = format!("name is missing, and the folder's, `{folder}`, is none: {rule}");
            Err(Wrong { span: 0..0, message })
        }
    }
}

fn extends(field: Option<Field<'_, '_>>) -> Result<Vec<String>, Wrong> {
    let mut all: Vec<String> = Vec::new();
    for parent in field.map(|field| field.list()).transpose()?.into_iter().flatten() {
        let name = parent.text()?;
        if name.is_empty() || name.starts_with('/') {
            let words = "the folder of a box is wanted, relative to this one's, as in \"../shop\"";
            return Err(parent.wrong(words));
        }
        if all.iter().any(|other| other == name) {
            return Err(parent.wrong(format!("`{name}` is there twice")));
        }
        all.push(name.to_owned());
    }
    Ok(all)
}

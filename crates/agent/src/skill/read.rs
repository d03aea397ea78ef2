//! Finds and reads the folders of skills.

use crate::front_matter::{self, FrontMatterError};
use crate::root::Root;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// The largest file of a skill that is given to a model, in bytes.
pub const FILE_MAX_BYTES: u64 = 256 << 10;

/// A skill, without its body: that is read when it is asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Skill {
    /// Its name, which is its folder's: small letters, digits and `-`.
    pub name: String,
    /// What it is for and when to use it.
    pub description: String,
    /// The tools it says it needs. It grants nothing.
    pub allowed_tools: Vec<String>,
    /// Its license, if it names one.
    pub license: Option<String>,
    /// What it says besides.
    pub metadata: BTreeMap<String, serde_json::Value>,
}

/// A skill's main file.
pub const FILE: &str = "SKILL.md";

/// What the format allows for a name and a description, in characters.
const NAME_MAX: usize = 64;
const DESCRIPTION_MAX: usize = 1024;

/// So many files of a skill are named to a model.
const FILES_MAX: usize = 100;

/// A skill that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {message}", file.display())]
pub struct BadSkill {
    /// The file.
    pub file: PathBuf,
    /// What is wrong with it, with its line if there is one, and what is expected.
    pub message: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Head {
    name: String,
    description: String,
    #[serde(default, alias = "allowed_tools", deserialize_with = "front_matter::names")]
    allowed_tools: Vec<String>,
    license: Option<String>,
    #[serde(default)]
    metadata: BTreeMap<String, serde_json::Value>,
}

/// All skills in a folder of skills.
pub fn find(folder: &Path) -> Result<BTreeMap<String, (Skill, Root)>, BadSkill> {
    let bad = |file: &Path, message: String| BadSkill { file: file.to_owned(), message };
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(error) => return Err(bad(folder, error.to_string())),
    };
    let mut folders = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| bad(folder, error.to_string()))?.path();
        // Notes and the like may lie beside the folders.
        // Whatever has the file's name makes a skill: one that cannot be read is told.
        if path.is_dir() && path.join(FILE).symlink_metadata().is_ok() {
            folders.push(path);
        }
    }
    folders.sort();
    let mut skills = BTreeMap::new();
    for path in folders {
        let file = path.join(FILE);
        let root = Root::open(&path).map_err(|error| bad(&file, error.to_string()))?;
        let folder = path.file_name().unwrap_or_default().to_string_lossy();
        let skill = one(&root, &folder).map_err(|message| bad(&file, message))?;
        skills.insert(skill.name.clone(), (skill, root));
    }
    Ok(skills)
}

fn one(root: &Root, folder: &str) -> Result<Skill, String> {
    let bytes = root.read(FILE, FILE_MAX_BYTES).map_err(|why| {
        match root.path().join(FILE).read_link() {
            Ok(to) => format!("{why}: it is a symbolic link to {}", to.display()),
            Err(_) => why,
        }
    })?;
    let text = String::from_utf8(bytes).map_err(|_| "it is not UTF-8 text".to_owned())?;
    let (skill, _) = parse(&text).map_err(|error| error.to_string())?;
    if skill.name != folder {
        return Err(format!(
            "line 2: its name is `{}`, its folder's is `{folder}`; expected the same",
            skill.name
        ));
    }
    Ok(skill)
}

/// A skill and its body.
pub fn parse(text: &str) -> Result<(Skill, &str), FrontMatterError> {
    let (head, body) = front_matter::parse::<Head>(text)?;
    let line = |key: &str| {
        let at = text.lines().position(|line| line.starts_with(key));
        at.map_or(1, |at| at + 1)
    };
    let wrong = |key: &str, message: String| FrontMatterError { line: line(key), message };
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let name = head.name.as_str();
    if name.is_empty() || name.len() > NAME_MAX || !name.chars().all(is_plain) {
        let expected = "expected small letters, digits and `-`, at most 64";
        return Err(wrong("name:", format!("`{name}` cannot be a skill's name: {expected}")));
    }
    let length = head.description.chars().count();
    if head.description.trim().is_empty() || length > DESCRIPTION_MAX {
        let message = format!(
            "the description has {length} characters; expected 1 to {DESCRIPTION_MAX}: what it \
             does and when to use it"
        );
        return Err(wrong("description:", message));
    }
    let Head { name, description, allowed_tools, license, metadata } = head;
    Ok((Skill { name, description, allowed_tools, license, metadata }, body))
}

/// The files of a skill, by path.
pub fn files(root: &Root) -> Vec<String> {
    let (mut files, mut folders) = (Vec::new(), vec![PathBuf::new()]);
    while let Some(folder) = folders.pop() {
        for entry in root.list(&folder).unwrap_or_default() {
            let name = entry.path.rsplit('/').next().unwrap_or_default();
            match entry.is_dir {
                _ if name.starts_with('.') => {}
                true if folder.components().count() < 8 => folders.push(entry.path.into()),
                true => {}
                false => files.push(entry.path),
            }
            if files.len() >= FILES_MAX {
                folders.clear();
                break;
            }
        }
    }
    files.sort();
    files
}

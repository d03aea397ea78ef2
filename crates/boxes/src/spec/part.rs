//! The parts of a spec, each read from its field.

use super::action::Action;
use super::box_spec::{Base, FileSource, Limits, Overrides, Setup};
use super::field::{Field, Table, Wrong};
use super::network::HostPort;
use super::rights::Rights;
use super::units;
use crate::LevelName;
use crate::path::TreePath;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::{Component, Path, PathBuf};

/// Files that a spec writes itself.
const MODE: u32 = 0o644;

/// A box with less has no room to be made in.
const MEMORY_MIN: u64 = 8 << 20;

/// A box with fewer cannot run a command.
const PIDS_MIN: u32 = 4;

/// The names by which places of fields are known.
pub const BASE_FIELD: &str = "base";
pub const LEVEL_FIELD: &str = "level";

pub fn file_field(path: &TreePath) -> String {
    format!("files /{path}")
}

pub fn extends_field(index: usize) -> String {
    format!("extends {index}")
}

/// Where those fields are that can be found wrong when the box is built.
pub fn places(root: &Table<'_, '_>) -> Result<Vec<(String, Range<usize>)>, Wrong> {
    let mut places = Vec::new();
    for name in [BASE_FIELD, LEVEL_FIELD] {
        places.extend(root.get(name).map(|field| (name.to_owned(), field.span())));
    }
    let parents = root.get("extends").map(|field| field.list()).transpose()?;
    for (index, parent) in parents.into_iter().flatten().enumerate() {
        places.push((extends_field(index), parent.span()));
    }
    let files = root.get("files").map(|field| field.table()).transpose()?;
    for (to, span, _) in files.iter().flat_map(Table::entries) {
        if let Ok(Some(path)) = TreePath::from_loose(to) {
            places.push((file_field(&path), span));
        }
    }
    Ok(places)
}

pub fn base(field: &Field<'_, '_>, dir: &Path) -> Result<Base, Wrong> {
    let text = field.text()?;
    match text.split_once(':') {
        None if text == "empty" => Ok(Base::Empty),
        None if text == "host" => Ok(Base::Host),
        Some(("tar", file)) => Ok(Base::Tarball(inside(field, dir, file)?)),
        Some(("oci", image)) => {
            let (image, tag) = match image.split_once('#') {
                Some((image, tag)) => (image, Some(tag.to_owned())),
                None => (image, None),
            };
            Ok(Base::Oci { dir: inside(field, dir, image)?, tag })
        }
        _ => Err(field.wrong(format!(
            "`{text}` is none of \"empty\", \"host\", \"tar:FILE\", \"oci:FOLDER\" and \"oci:FOLDER#TAG\""
        ))),
    }
}

pub fn level(field: &Field<'_, '_>) -> Result<LevelName, Wrong> {
    match field.text()? {
        "namespace" => Ok(LevelName::Namespace),
        "wasm" => Ok(LevelName::Wasm),
        "microvm" => Ok(LevelName::Microvm),
        other => Err(field.wrong(format!("`{other}` is none of namespace, wasm and microvm"))),
    }
}

/// A path below the spec's folder.
fn inside(field: &Field<'_, '_>, dir: &Path, text: &str) -> Result<PathBuf, Wrong> {
    let path = Path::new(text);
    let normal = |part| matches!(part, Component::Normal(_) | Component::CurDir);
    if text.is_empty() || !path.components().all(normal) {
        let words = "a path in this box's folder is wanted, relative and without `..`";
        return Err(field.wrong(format!("`{text}`: {words}")));
    }
    Ok(dir.join(path))
}

fn mode(field: &Field<'_, '_>) -> Result<u32, Wrong> {
    match u32::from_str_radix(field.text()?, 8) {
        Ok(mode) if mode <= 0o777 => Ok(mode),
        Ok(_) => Err(field.wrong("setuid, setgid and sticky files are not made; 0777 is the most")),
        Err(_) => Err(field.wrong("permissions are wanted, in octal, as in \"0755\"")),
    }
}

pub fn files(table: &Table<'_, '_>, dir: &Path) -> Result<BTreeMap<TreePath, FileSource>, Wrong> {
    let (mut files, mut spans) = (BTreeMap::new(), BTreeMap::new());
    for (to, span, field) in table.entries() {
        let wrong = |message: String| Wrong { span: span.clone(), message };
        if !to.starts_with('/') {
            let words = "an absolute path in the box is wanted, as in \"/opt/shop\"";
            return Err(wrong(format!("files: `{to}`: {words}")));
        }
        let path = TreePath::from_loose(to).map_err(|bad| wrong(format!("files: {bad}")))?;
        let Some(path) = path else {
            return Err(wrong("files: the root itself is what `base` says".to_owned()));
        };
        spans.insert(path.clone(), span.clone());
        if files.insert(path, file(&field, dir)?).is_some() {
            return Err(wrong(format!("files: `{to}` is there twice, in two spellings")));
        }
    }
    for (path, span) in spans {
        let is_text = |above: &&str| matches!(files.get(*above), Some(FileSource::Text { .. }));
        if let Some(above) = path.ancestors().find(is_text) {
            let message = format!("files: `/{path}` is in `/{above}`, which is a text");
            return Err(Wrong { span, message });
        }
    }
    Ok(files)
}

fn file(field: &Field<'_, '_>, dir: &Path) -> Result<FileSource, Wrong> {
    if let Ok(from) = field.text() {
        return Ok(FileSource::From { path: inside(field, dir, from)?, mode: None });
    }
    let table = field.table().map_err(|_| field.wrong("a path or a table is wanted"))?;
    table.knows(&["from", "text", "mode"])?;
    let mode = table.get("mode").map(|field| mode(&field)).transpose()?;
    match (table.get("from"), table.get("text")) {
        (Some(from), None) => {
            Ok(FileSource::From { path: inside(&from, dir, from.text()?)?, mode })
        }
        (None, Some(text)) => {
            let text = text.text()?.to_owned();
            Ok(FileSource::Text { text, mode: mode.unwrap_or(MODE) })
        }
        _ => Err(field.wrong("either `from` or `text` is wanted")),
    }
}

pub fn setup(field: &Field<'_, '_>) -> Result<Vec<Setup>, Wrong> {
    let commands = field.list()?.into_iter().map(|command| {
        if let Ok(line) = command.text() {
            if line.trim().is_empty() {
                return Err(command.wrong("an empty command"));
            }
            return Ok(Setup::Line(line.to_owned()));
        }
        let argv = command.texts().map_err(|_| {
            command.wrong("each command is a line for the shell, or a list of texts")
        })?;
        match argv.first() {
            None | Some(&"") => Err(command.wrong("an empty command")),
            Some(_) => Ok(Setup::Argv(argv.into_iter().map(str::to_owned).collect())),
        }
    });
    commands.collect()
}

/// Whether this can be a name of the environment.
fn is_variable(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    name.bytes().all(fits) && name.starts_with(|first: char| !first.is_ascii_digit())
}

pub fn env(table: &Table<'_, '_>) -> Result<BTreeMap<String, String>, Wrong> {
    let mut env = BTreeMap::new();
    for (name, span, field) in table.entries() {
        if !is_variable(name) {
            let message = format!("env: `{name}`: letters, digits and `_` make a name");
            return Err(Wrong { span, message });
        }
        if field.text()?.contains('\0') {
            return Err(field.wrong("a zero byte ends a value"));
        }
        env.insert(name.to_owned(), field.text()?.to_owned());
    }
    Ok(env)
}

/// Variables by which programs find certificates. A box's proxy sets them.
pub(crate) const CERTIFICATE_VARIABLES: [&str; 6] = [
    "SSL_CERT_FILE",
    "CURL_CA_BUNDLE",
    "REQUESTS_CA_BUNDLE",
    "NODE_EXTRA_CA_CERTS",
    "GIT_SSL_CAINFO",
    "PIP_CERT",
];

/// Variables by which programs are found, linked and led to the network.
fn is_of_programs(name: &str) -> bool {
    const NAMES: [&str; 11] = [
        "PATH", "HOME", "SHELL", "USER", "PWD", "IFS", "ENV", "BASH_ENV", "LANG", "TERM", "TMPDIR",
    ];
    let upper = name.to_ascii_uppercase();
    NAMES.contains(&name)
        || CERTIFICATE_VARIABLES.contains(&name)
        || upper.ends_with("_PROXY")
        || name.starts_with("LD_")
        || name.starts_with("LC_")
}

fn host(field: &Field<'_, '_>) -> Result<HostPort, Wrong> {
    field.text()?.parse().map_err(|words: String| field.wrong(words))
}

pub fn network(table: &Table<'_, '_>) -> Result<BTreeSet<HostPort>, Wrong> {
    table.knows(&["allow"])?;
    let hosts = table.get("allow").map(|field| field.list()).transpose()?;
    hosts.into_iter().flatten().map(|field| host(&field)).collect()
}

pub fn hub(table: &Table<'_, '_>) -> Result<Rights, Wrong> {
    table.knows(&["send", "hear"])?;
    Ok(Rights {
        send: entries(table, "send", Rights::check_send)?,
        hear: entries(table, "hear", Rights::check_hear)?,
    })
}

/// A list of texts, each of which passes and is there once.
fn entries(
    table: &Table<'_, '_>,
    name: &str,
    check: fn(&str) -> Result<(), String>,
) -> Result<Vec<String>, Wrong> {
    let mut all: Vec<String> = Vec::new();
    let list = table.get(name).map(|field| field.list()).transpose()?;
    for field in list.into_iter().flatten() {
        let text = field.text()?;
        check(text).map_err(|words| field.wrong(words))?;
        if all.iter().any(|there| there == text) {
            return Err(field.wrong(format!("`{text}` is there twice")));
        }
        all.push(text.to_owned());
    }
    Ok(all)
}

pub fn secrets(
    table: &Table<'_, '_>,
    network: Option<&BTreeSet<HostPort>>,
) -> Result<BTreeMap<String, BTreeSet<HostPort>>, Wrong> {
    let mut secrets = BTreeMap::new();
    for (name, span, field) in table.entries() {
        if !is_variable(name) {
            let message = format!("secrets: `{name}`: letters, digits and `_` make a name");
            return Err(Wrong { span, message });
        }
        let list = if field.text().is_ok() { vec![field.clone()] } else { field.list()? };
        let hosts = list.iter().map(host).collect::<Result<BTreeSet<_>, Wrong>>()?;
        if is_of_programs(name) {
            let words = "programs go by this variable themselves, and it would hold a placeholder";
            let message = format!("secrets: `{name}`: {words}; give the secret another name");
            return Err(Wrong { span, message });
        }
        if hosts.is_empty() {
            return Err(field.wrong("which host is it for? A secret is only put in for its hosts"));
        }
        if let Some(missing) = hosts.iter().find(|host| !network.is_some_and(|n| n.contains(*host)))
        {
            return Err(field.wrong(format!("{missing} is not in network.allow")));
        }
        secrets.insert(name.to_owned(), hosts);
    }
    Ok(secrets)
}

pub fn limits(table: &Table<'_, '_>) -> Result<Limits, Wrong> {
    table.knows(&["memory", "cpu", "pids", "disk", "wall", "output"])?;
    let bytes = |name: &str| {
        let read =
            |field: Field<'_, '_>| units::bytes(field.text()?).map_err(|words| field.wrong(words));
        table.get(name).map(read).transpose()
    };
    let millis =
        |field: Field<'_, '_>| units::millis(field.text()?).map_err(|words| field.wrong(words));
    Ok(Limits {
        memory_bytes: memory(table)?,
        cpu_millis: table.get("cpu").map(|field| cpu(&field)).transpose()?,
        pids: table.get("pids").map(|field| pids(&field)).transpose()?,
        disk_bytes: bytes("disk")?,
        wall_ms: table.get("wall").map(millis).transpose()?,
        output_bytes: bytes("output")?,
    })
}

fn memory(table: &Table<'_, '_>) -> Result<Option<u64>, Wrong> {
    let Some(field) = table.get("memory") else { return Ok(None) };
    match units::bytes(field.text()?).map_err(|words| field.wrong(words))? {
        bytes if bytes < MEMORY_MIN => {
            let why = "at least 8MiB: a box's own first process needs some of it";
            Err(field.wrong(why))
        }
        bytes => Ok(Some(bytes)),
    }
}

fn pids(field: &Field<'_, '_>) -> Result<u32, Wrong> {
    match field.count()? {
        0..PIDS_MIN => {
            let why = "at least 4: the box's first process, one that minds each command, the command, \
                a child";
            Err(field.wrong(why))
        }
        count => Ok(count),
    }
}

/// Cores in thousandths.
fn cpu(field: &Field<'_, '_>) -> Result<u32, Wrong> {
    let millis = field.number()? * 1000.0;
    if !(1.0..=1_000_000.0).contains(&millis) {
        return Err(field.wrong("cores are wanted, from 0.001 to 1000, as in 1.5"));
    }
    // In range: just checked.
    Ok(millis.round() as u32)
}

pub fn actions(table: &Table<'_, '_>) -> Result<BTreeMap<String, Action>, Wrong> {
    let mut actions = BTreeMap::new();
    for (name, span, field) in table.entries() {
        let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        let starts = name.starts_with(|first: char| first.is_ascii_lowercase());
        if !starts || name.len() > 64 || !name.bytes().all(fits) {
            let words = "a name is small letters, digits and `_`, at most 64, a letter first";
            return Err(Wrong { span, message: format!("actions: `{name}`: {words}") });
        }
        actions.insert(name.to_owned(), action(&field)?);
    }
    Ok(actions)
}

fn action(field: &Field<'_, '_>) -> Result<Action, Wrong> {
    let table = field.table()?;
    table.knows(&["description", "argv", "schema", "read_only"])?;
    let Some(argv) = table.get("argv") else {
        return Err(field.wrong("argv is missing: what is it to run?"));
    };
    let schema = match table.get("schema") {
        Some(schema) => schema.json()?,
        None => json!({"type": "object", "properties": {}}),
    };
    let description = table.get("description").map(|field| field.text()).transpose()?;
    let action = Action {
        description: description.unwrap_or_default().to_owned(),
        argv: argv.texts()?.into_iter().map(str::to_owned).collect(),
        schema,
        read_only: table.get("read_only").map(|field| field.yes()).transpose()?.unwrap_or(false),
    };
    match action.fault() {
        // At the field that is at fault, where it is there.
        Some(words) => Err(match (words.starts_with("schema"), table.get("schema")) {
            (true, Some(schema)) => schema.wrong(words.trim_start_matches("schema: ")),
            _ => argv.wrong(words.trim_start_matches("argv: ")),
        }),
        None => Ok(action),
    }
}

pub fn overrides(table: &Table<'_, '_>) -> Result<Overrides, Wrong> {
    table.knows(&["files", "actions", "env"])?;
    let names = |name: &str| {
        let list = table.get(name).map(|field| field.texts()).transpose()?;
        Ok(list.into_iter().flatten().map(str::to_owned).collect())
    };
    let mut files = BTreeSet::new();
    for field in table.get("files").map(|field| field.list()).transpose()?.into_iter().flatten() {
        let path = TreePath::from_loose(field.text()?).map_err(|bad| field.wrong(bad))?;
        files.insert(path.ok_or_else(|| field.wrong("the root itself cannot be overridden"))?);
    }
    Ok(Overrides { files, actions: names("actions")?, env: names("env")? })
}

//! Crates import only downward: the table of the house, held against `cargo metadata`.
//!
//! Must not look at code: a dependency that is declared is a dependency.

#[cfg(test)]
mod tests;

use super::finding::Finding;
use super::workspace::{Dependency, Package, Workspace};

/// The binary and library face, the only name without a `greenroom-`.
const FACE: &str = "greenroom";

/// One crate of the house.
struct Row {
    name: &'static str,
    /// A dev-dependency may go to the same height or lower.
    height: u8,
    may_import: &'static [&'static str],
}

const TABLE: &[Row] = &[
    Row { name: "model", height: 0, may_import: &[] },
    Row { name: "journal", height: 1, may_import: &["model"] },
    Row { name: "boxes", height: 1, may_import: &["model"] },
    Row { name: "channel", height: 1, may_import: &["model"] },
    Row { name: "runtime", height: 2, may_import: &["model", "journal"] },
    Row { name: "sim", height: 3, may_import: &["model", "journal", "runtime"] },
    Row { name: "agent", height: 3, may_import: &["model", "runtime", "boxes"] },
    Row { name: "api", height: 4, may_import: &["model", "runtime", "boxes", "agent", "channel"] },
    Row {
        name: FACE,
        height: 5,
        may_import: &["model", "journal", "runtime", "boxes", "agent", "channel", "api"],
    },
];

/// What a package is to the table.
enum Place {
    Crate(&'static Row),
    Example,
    Xtask,
    Unknown,
}

pub fn check(workspace: &Workspace) -> Vec<Finding> {
    workspace.packages.iter().flat_map(|package| check_package(workspace, package)).collect()
}

fn check_package(workspace: &Workspace, package: &Package) -> Vec<Finding> {
    if let Some(message) = misnamed(package) {
        return vec![finding(workspace, package, "name", message)];
    }
    let findings = package.dependencies.iter().filter_map(|dependency| {
        let target = workspace.packages.iter().find(|other| other.name == dependency.name)?;
        let why = refusal(package, target, dependency)?;
        let kind = if dependency.dev { "dev-depends" } else { "depends" };
        let message = format!("{} {kind} on {}: {why}", package.name, target.name);
        Some(finding(workspace, package, &target.name, message))
    });
    findings.collect()
}

fn misnamed(package: &Package) -> Option<String> {
    let folder = package.dir.strip_prefix("crates/")?;
    let wanted = if folder == FACE { FACE.to_owned() } else { format!("greenroom-{folder}") };
    if package.name != wanted {
        return Some(format!(
            "package `{}` in crates/{folder}: the name must tell the folder; call it `{wanted}`",
            package.name
        ));
    }
    let unknown = matches!(place(package), Place::Unknown);
    unknown.then(|| {
        format!(
            "crate `{folder}` is not in the import table: nobody decided what it may import; \
                 add it to the table in the design and in xtask/src/tidy/imports.rs"
        )
    })
}

/// Why the import is refused and what to do, or None when it is fine.
fn refusal(package: &Package, target: &Package, dependency: &Dependency) -> Option<String> {
    match (place(package), place(target), dependency.dev) {
        (_, Place::Xtask, _) => Some("xtask is a tool; nothing may import it".to_owned()),
        (Place::Xtask, _, _) => {
            Some("xtask judges the crates, so it may import none; read files instead".to_owned())
        }
        (Place::Example, _, true) | (_, Place::Example, true) => None,
        (_, Place::Example, false) => {
            Some("an example is a leaf; use [dev-dependencies], or move the code".to_owned())
        }
        (Place::Example, Place::Crate(row), false) => (row.name != FACE).then(|| {
            "an example shows what users have; import only `greenroom`, and re-export there"
                .to_owned()
        }),
        (Place::Crate(_), Place::Crate(to), true) if to.name == "sim" => None,
        (Place::Crate(from), Place::Crate(to), true) => (to.height > from.height).then(|| {
            "even tests import only downward; move the test up, or the shared part down".to_owned()
        }),
        (Place::Crate(from), Place::Crate(to), false) => refused_by_table(from, to),
        (Place::Unknown, _, _) | (_, Place::Unknown, _) => None,
    }
}

fn refused_by_table(from: &Row, to: &Row) -> Option<String> {
    if to.name == "sim" {
        return Some("sim is for tests only; use [dev-dependencies]".to_owned());
    }
    let allowed = from.may_import.join(", ");
    let allowed = if allowed.is_empty() { "nothing of the workspace" } else { &allowed };
    (!from.may_import.contains(&to.name)).then(|| {
        format!(
            "the table lets `{}` import {allowed}; move the code to where it may stand",
            from.name
        )
    })
}

fn place(package: &Package) -> Place {
    if package.dir == "xtask" {
        return Place::Xtask;
    }
    if package.dir.starts_with("examples/") {
        return Place::Example;
    }
    let folder = package.dir.strip_prefix("crates/");
    let row = TABLE.iter().find(|row| Some(row.name) == folder);
    row.map_or(Place::Unknown, Place::Crate)
}

/// Points at the manifest's first line that starts with `word`.
fn finding(workspace: &Workspace, package: &Package, word: &str, message: String) -> Finding {
    let path = format!("{}/Cargo.toml", package.dir);
    let manifest = workspace.file(&path).map_or("", |file| file.text.as_str());
    let names = |line: &str| {
        let rest = line.trim_start_matches(['[', '"']).strip_prefix(word);
        rest.is_some_and(|rest| !rest.starts_with('-'))
    };
    let line = manifest.lines().position(names).map_or(1, |index| index + 1);
    Finding::new("imports", &path, line, message)
}

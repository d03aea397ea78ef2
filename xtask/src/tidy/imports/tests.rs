//! The table's rules on small made-up workspaces.

use super::*;

/// Packages from `("crates/api", "model journal dev:sim")`; names follow the folders.
fn workspace(packages: &[(&str, &str)]) -> Workspace {
    let name = |dir: &str| match dir.rsplit('/').next().unwrap_or(dir) {
        last if dir.starts_with("crates/") && last != FACE => format!("greenroom-{last}"),
        last => last.to_owned(),
    };
    let dependency = |word: &str| {
        let dir = word.trim_start_matches("dev:");
        Dependency { name: name(dir), dev: word.starts_with("dev:") }
    };
    let packages = packages.iter().map(|(dir, dependencies)| Package {
        name: name(dir),
        dir: (*dir).to_owned(),
        dependencies: dependencies.split_whitespace().map(dependency).collect(),
    });
    Workspace { packages: packages.collect(), ..Workspace::default() }
}

/// The folders whose imports are refused, among all crates and one example.
fn refused(dir: &str, dependencies: &str) -> bool {
    let mut all: Vec<_> = ["model", "journal", "runtime", "api", "greenroom", "sim"]
        .map(|name| format!("crates/{name}"))
        .into();
    all.extend(["examples/hello".to_owned(), "xtask".to_owned()]);
    let packages: Vec<_> = all
        .iter()
        .map(|other| (other.as_str(), if other == dir { dependencies } else { "" }))
        .collect();
    !check(&workspace(&packages)).is_empty()
}

#[test]
fn the_table_is_held() {
    assert!(!refused("crates/runtime", "crates/model crates/journal"));
    assert!(!refused("crates/greenroom", "crates/journal crates/api"));
    assert!(!refused("crates/sim", "crates/runtime crates/journal"));
    assert!(refused("crates/api", "crates/journal"));
    assert!(refused("crates/model", "crates/journal"));
    assert!(refused("crates/sim", "crates/api"));
}

#[test]
fn tests_import_downward_or_the_simulator() {
    assert!(!refused("crates/api", "dev:crates/journal"));
    assert!(!refused("crates/runtime", "dev:crates/sim"));
    assert!(refused("crates/greenroom", "crates/sim"));
    assert!(refused("crates/model", "dev:crates/runtime"));
}

#[test]
fn examples_and_xtask_are_leaves() {
    assert!(!refused("examples/hello", "crates/greenroom dev:crates/sim"));
    assert!(!refused("crates/greenroom", "dev:examples/hello"));
    assert!(refused("examples/hello", "crates/model"));
    assert!(refused("crates/greenroom", "examples/hello"));
    assert!(refused("xtask", "crates/model"));
    assert!(refused("crates/model", "dev:xtask"));
}

#[test]
fn unknown_crates_are_found() {
    assert_eq!(check(&workspace(&[("crates/surprise", "")])).len(), 1);
}

#[test]
fn a_name_follows_its_folder() {
    let mut workspace = workspace(&[("crates/model", "")]);
    workspace.packages.iter_mut().for_each(|package| package.name = "model".to_owned());
    assert_eq!(check(&workspace).len(), 1);
}

#[test]
fn the_table_itself_points_downward() {
    for row in TABLE {
        for name in row.may_import {
            let lower = TABLE.iter().find(|other| other.name == *name).map(|other| other.height);
            assert!(lower.is_some_and(|height| height < row.height), "{} {name}", row.name);
        }
    }
}

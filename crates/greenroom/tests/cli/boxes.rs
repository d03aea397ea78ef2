//! `greenroom box` with real boxes over this machine's programs.

mod branches;
mod brought;
mod commands;
mod folders;
mod hub;
mod misuse;
mod moved;
mod patch;
mod secrets;
mod single;
mod terminal;

use crate::house::{House, Ran};
use std::path::PathBuf;

/// A directory with boxes, which are gone when it goes.
pub struct Place {
    pub house: House,
}

const SPEC: &str = r#"base = "host"
[files]
"/srv/a" = { text = "one\n" }
"/srv/hello.sh" = { text = "echo hi\n" }
[actions.greet]
description = "Greets."
argv = ["echo", "hello {name}"]
schema = { type = "object", properties = { name = { type = "string", minLength = 2 } }, required = ["name"] }
"#;

impl Place {
    /// With the folder `plain`, of which nothing is built yet.
    pub fn new() -> Place {
        let place = Place { house: House::new() };
        place.folder("plain", SPEC);
        place
    }

    /// With a box `work`.
    pub fn with_work() -> Place {
        let place = Place::new();
        place.run(&["run", "./plain", "--name", "work"]).ok();
        place
    }

    pub fn folder(&self, name: &str, spec: &str) -> PathBuf {
        let folder = self.house.path(name);
        std::fs::create_dir_all(&folder).expect("a folder");
        std::fs::write(folder.join("box.toml"), spec).expect("a file");
        folder
    }

    pub fn run(&self, args: &[&str]) -> Ran {
        self.house.run(&[&["box"], args].concat())
    }

    /// What a line of shell in a box prints.
    pub fn sh(&self, name: &str, line: &str) -> String {
        self.run(&["exec", name, "--", "sh", "-c", line]).ok().out
    }

    pub fn names(&self) -> Vec<String> {
        let listed = self.run(&["ls", "--json"]).ok().json();
        let names = listed.as_array().expect("a list").iter();
        names.map(|one| one["name"].as_str().expect("a name").to_owned()).collect()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        for name in self.names() {
            self.run(&["rm", "-f", &name]);
        }
    }
}

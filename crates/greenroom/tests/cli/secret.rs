//! Keys from the secret store: kept, used at the last hop, never shown.

use crate::house::House;
use greenroom::agent::scripted::{Script, ScriptedServer};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

const KEY: &str = "sk-from-the-store-4711";

/// A folder with an agent whose provider wants the key `ACME_KEY`.
fn house(server: &ScriptedServer) -> House {
    let house = House::new();
    fs::create_dir(house.path("agents")).expect("a folder");
    fs::write(house.path("agents/helper.md"), "---\nname: helper\n---\nYou help.\n")
        .expect("a file");
    let models = format!(
        "[models]\ndefault = \"acme/x\"\n[providers.acme]\nprotocol = \"chat\"\nurl = \"{}/v1\"\nkey_env = \"ACME_KEY\"\n",
        server.url()
    );
    fs::write(house.path("greenroom.toml"), models).expect("a file");
    house
}

#[test]
fn a_key_of_the_store_is_used_and_stands_nowhere() {
    let script = Script::parse(r#"{"turns": [{"say": "Good day."}]}"#).expect("a script");
    let server = ScriptedServer::start(script).expect("a server");
    let house = house(&server);
    house
        .run(&["run", "helper", "--input", "hello"])
        .fails(1, &["ACME_KEY", "greenroom secret set"]);

    let kept = house.run_with(&["secret", "set", "ACME_KEY"], format!("{KEY}\n").as_bytes()).ok();
    assert!(kept.out.contains("ACME_KEY kept in"), "{}", kept.out);
    let file = house.path("secrets/ACME_KEY");
    let mode = fs::metadata(&file).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(house.run(&["secret", "ls"]).ok().out, "ACME_KEY\n");
    assert_eq!(house.run(&["--json", "secret", "ls"]).ok().out.trim(), "[\"ACME_KEY\"]");

    let ran = house.run(&["run", "helper", "--input", "hello"]).ok();
    assert_eq!(ran.out, "\"Good day.\"\n");
    assert!(!ran.err.contains(KEY));
    assert!(!holds(&house.path(".greenroom"), KEY.as_bytes()), "the key is in the store");

    house.run(&["secret", "rm", "ACME_KEY"]).ok();
    house.run(&["secret", "rm", "ACME_KEY"]).fails(3, &["there is no secret ACME_KEY"]);
    assert!(!file.exists());
}

#[test]
fn what_cannot_be_kept_is_refused_and_not_shown() {
    let house = House::new();
    for name in ["sk-live-123456", "../x", ""] {
        let ran = house.run_with(&["secret", "set", name], b"hush-hush");
        assert!(!ran.err.contains("sk-live"), "{}", ran.err);
        ran.fails(2, &["no secret's name"]);
    }
    house.run_with(&["secret", "set", "A"], b" \n").fails(2, &["empty"]);
    house.run_with(&["secret", "set", "A"], &[0xff, 0xfe]).fails(2, &["text"]);
    house.run_with(&["secret", "set", "A"], &[b'x'; 70_000]).fails(2, &["65536"]);
    assert!(!house.path("secrets").exists());
}

/// Whether a file below this folder has these bytes.
fn holds(folder: &Path, bytes: &[u8]) -> bool {
    fs::read_dir(folder).expect("a folder").any(|entry| {
        let entry = entry.expect("an entry");
        let kind = entry.file_type().expect("a kind");
        if kind.is_dir() {
            return holds(&entry.path(), bytes);
        }
        kind.is_file()
            && fs::read(entry.path())
                .expect("a file")
                .windows(bytes.len())
                .any(|part| part == bytes)
    })
}

//! What a spec says is what is read, and what it says wrongly is told with its place.

use super::*;
use crate::LevelName;
use crate::path::TreePath;
use crate::spec::{Base, FileSource, Setup};
use std::path::PathBuf;

const SHOP: &str = r#"
base = "oci:images/python#3.13"
extends = ["../python", "../browser"]
level = "microvm"
setup = ["pip install -r /opt/shop/requirements.txt", ["chmod", "+x", "/opt/shop/buy.py"]]

[override]
files = ["/etc/motd"]
actions = ["buy_coffee"]
env = ["LANG"]

[files]
"/opt/shop" = "scripts"
"/opt/shop/key.pub" = { from = "key.pub", mode = "0444" }
"/etc/motd" = { text = "a shop\n" }

[env]
LANG = "C.UTF-8"

[network]
allow = ["shop.example:443", "[::1]:8080"]

[secrets]
SHOP_TOKEN = "shop.example:443"

[limits]
memory = "512MiB"
cpu = 1.5
pids = 64
disk = "1GiB"
wall = "30s"
output = "1MiB"

[actions.buy_coffee]
description = "Buys a coffee."
argv = ["python3", "/opt/shop/buy.py", "{drink}"]
schema = { type = "object", properties = { drink = { type = "string" } }, required = ["drink"] }

[actions.menu]
argv = ["python3", "/opt/shop/menu.py"]
read_only = true
"#;

fn read(text: &str) -> Result<BoxSpec, SpecError> {
    BoxSpec::parse(text, Path::new("boxes/shop/box.toml"))
}

#[test]
fn every_field_is_read() {
    let spec = read(SHOP).unwrap();
    assert_eq!(spec.name, "shop");
    let dir = PathBuf::from("boxes/shop/images/python");
    assert_eq!(spec.base, Some(Base::Oci { dir, tag: Some("3.13".into()) }));
    assert_eq!(spec.extends, ["../python", "../browser"]);
    assert_eq!(spec.level, Some(LevelName::Microvm));
    assert!(matches!(&spec.setup[..], [Setup::Line(_), Setup::Argv(argv)] if argv.len() == 3));
    let motd = &spec.files[&TreePath::new("etc/motd").unwrap()];
    assert_eq!(motd, &FileSource::Text { text: "a shop\n".into(), mode: 0o644 });
    let key = &spec.files[&TreePath::new("opt/shop/key.pub").unwrap()];
    let path = PathBuf::from("boxes/shop/key.pub");
    assert_eq!(key, &FileSource::From { path, mode: Some(0o444) });
    assert_eq!(spec.env["LANG"], "C.UTF-8");
    let allowed: Vec<_> = spec.network.iter().flatten().map(ToString::to_string).collect();
    assert_eq!(allowed, ["[::1]:8080", "shop.example:443"]);
    assert_eq!(spec.secrets.as_ref().unwrap()["SHOP_TOKEN"].len(), 1);
    let limits = spec.limits;
    assert_eq!((limits.memory_bytes, limits.cpu_millis), (Some(512 << 20), Some(1500)));
    assert_eq!((limits.pids, limits.wall_ms), (Some(64), Some(30_000)));
    assert_eq!((limits.disk_bytes, limits.output_bytes), (Some(1 << 30), Some(1 << 20)));
    assert!(spec.actions["menu"].read_only && !spec.actions["buy_coffee"].read_only);
    assert!(spec.overrides.files.contains("etc/motd"));
}

/// A text, the line and column where it is wrong, and words of what is said.
type Case = (&'static str, usize, usize, &'static str);

const WRONG: [Case; 39] = [
    ("bsae = \"host\"", 1, 1, "a box has no field `bsae`; did you mean `base`?"),
    ("ports = [80]", 1, 1, "there are name, base"),
    ("base = \"hots\"", 1, 8, "none of \"empty\""),
    ("base = 1", 1, 8, "a text is wanted, this is a whole number"),
    ("base = \"tar:../rootfs.tar\"", 1, 8, "without `..`"),
    ("base = \"tar:/rootfs.tar\"", 1, 8, "relative"),
    ("name = \"My Shop\"", 1, 8, "small letters"),
    ("level = \"docker\"", 1, 9, "none of namespace"),
    ("extends = [\n  \"a\",\n  \"a\"]", 3, 3, "twice"),
    ("extends = [\"/a\"]", 1, 12, "relative"),
    ("setup = [\"ok\", []]", 1, 16, "empty command"),
    ("setup = \"make\"", 1, 9, "a list is wanted, this is a text"),
    ("[files]\n\"opt\" = \"x\"", 2, 1, "absolute path"),
    ("[files]\n\"/../opt\" = \"x\"", 2, 1, "`..`"),
    ("[files]\n\"/opt\" = \"../x\"", 2, 10, "in this box's folder"),
    ("[files]\n\"/opt\" = {}", 2, 10, "either `from` or `text`"),
    ("[files]\n\"/opt\" = { text = \"\", mode = \"4755\" }", 2, 30, "setuid"),
    ("[files]\n\"/a\" = \"x\"\n\"/a/\" = \"y\"", 3, 1, "twice"),
    ("[env]\n1A = \"x\"", 2, 1, "make a name"),
    ("[env]\nA = 1", 2, 5, "a text is wanted"),
    ("[network]\nallow = [\"shop.example\"]", 2, 10, "has no port"),
    ("[network]\nallow = [\"*.example:443\"]", 2, 10, "pattern"),
    ("[network]\ndeny = []", 2, 1, "network has no field `deny`"),
    ("[secrets]\nTOKEN = \"a.b:1\"", 2, 9, "not in network.allow"),
    ("[secrets]\nTOKEN = []", 2, 9, "which host"),
    ("[limits]\nmemory = \"512\"", 2, 10, "512MiB"),
    ("[limits]\nmemroy = \"1B\"", 2, 1, "did you mean `memory`?"),
    ("[limits]\npids = 0", 2, 8, "from 1"),
    ("[limits]\ncpu = -1", 2, 7, "cores"),
    ("[limits]\nmemory = \"1KiB\"", 2, 10, "at least 8MiB"),
    ("[limits]\npids = 3", 2, 8, "at least 4"),
    ("network = {allow = [\"a.b:1\"]}\n[secrets]\nPATH = \"a.b:1\"", 3, 1, "another name"),
    ("network = {allow = [\"a.b:1\"]}\n[secrets]\nhttp_proxy = \"a.b:1\"", 3, 1, "another name"),
    ("network = {allow = [\"a.b:1\"]}\n[secrets]\nLD_PRELOAD = \"a.b:1\"", 3, 1, "another name"),
    ("[actions.Buy]\nargv = [\"x\"]", 1, 10, "small letters"),
    ("[actions.buy]\nread_only = true", 1, 1, "argv is missing"),
    ("[actions.buy]\nargv = [\"x\", \"{y}\"]", 2, 8, "{y} must be in schema.properties"),
    ("[actions.buy]\nargv = [\"x\"]\nschema = {}", 3, 10, "type must be \"object\""),
    ("a = [\n", 1, 6, "unclosed"),
];

#[test]
fn what_is_wrong_is_told_with_file_line_and_column() {
    for (text, line, column, words) in WRONG {
        let error = read(text).unwrap_err();
        assert_eq!((error.line, error.column), (line, column), "{text}\n{error}");
        assert!(error.message.contains(words), "{text}\n{error}");
        let place = format!("boxes/shop/box.toml:{line}:{column}: ");
        assert!(error.to_string().starts_with(&place), "{error}");
    }
}

#[test]
fn a_secret_that_env_names_too_is_refused() {
    let text = "[network]\nallow=[\"a.b:1\"]\n[env]\nT=\"x\"\n[secrets]\nT=\"a.b:1\"";
    assert!(read(text).unwrap_err().message.contains("env has this name too"));
}

#[test]
fn the_folder_names_the_box_and_a_skill_beside_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let shop = dir.path().join("shop");
    std::fs::create_dir(&shop).unwrap();
    let error = BoxSpec::read(&shop).unwrap_err();
    assert!(error.to_string().contains("box.toml"), "{error}");
    std::fs::write(shop.join(SPEC_FILE), "base = \"empty\"").unwrap();
    let spec = BoxSpec::read(&shop).unwrap();
    assert_eq!((spec.name.as_str(), spec.skill), ("shop", None));
    std::fs::write(shop.join("SKILL.md"), "---\nname: shop\ndescription: x\n---\n").unwrap();
    assert!(BoxSpec::read(&shop).unwrap().skill.is_some());
    std::fs::write(shop.join(SPEC_FILE), b"env = \"\xff\"").unwrap();
    let error = BoxSpec::read(&shop).unwrap_err();
    assert!(error.to_string().contains(":1:8: this is no UTF-8"), "{error}");
    let bad = BoxSpec::parse("", Path::new("My Box/box.toml")).unwrap_err();
    assert!(bad.message.contains("name is missing"), "{bad}");
}

/// What has the name of a spec and is no file is told as what it is, and nobody waits for it.
#[test]
fn what_is_no_file_is_told_as_what_it_is() {
    use std::os::unix::fs::symlink;
    type Make = fn(&Path);
    let make: [(&str, Make); 5] = [
        ("a pipe", |at| {
            let mode = rustix::fs::Mode::from(0o600);
            rustix::fs::mknodat(rustix::fs::CWD, at, rustix::fs::FileType::Fifo, mode, 0).unwrap();
        }),
        ("a socket", |at| drop(std::os::unix::net::UnixListener::bind(at).unwrap())),
        ("a folder", |at| std::fs::create_dir(at).unwrap()),
        ("a symbolic link", |at| symlink("nowhere", at).unwrap()),
        ("a symbolic link", |at| symlink("real", at).unwrap()),
    ];
    for name in [SKILL_FILE, SPEC_FILE] {
        for (what, make) in make {
            let dir = tempfile::tempdir().unwrap();
            let shop = dir.path().join("shop");
            std::fs::create_dir(&shop).unwrap();
            std::fs::write(shop.join("real"), "base = \"empty\"").unwrap();
            // With and without the other file.
            for other in [None, Some(if name == SKILL_FILE { SPEC_FILE } else { SKILL_FILE })] {
                let text = match other {
                    Some(SKILL_FILE) => "---\nname: shop\ndescription: x\n---\n",
                    _ => "base = \"empty\"",
                };
                other.into_iter().for_each(|other| std::fs::write(shop.join(other), text).unwrap());
                let _ = std::fs::remove_dir(shop.join(name))
                    .or_else(|_| std::fs::remove_file(shop.join(name)));
                make(&shop.join(name));
                assert!(is_box_folder(&shop), "{name}: {what}");
                let error = BoxSpec::read(&shop).unwrap_err().to_string();
                assert!(error.contains(name) && error.contains(what), "{name}: {what}: {error}");
            }
        }
    }
    assert!(!is_box_folder(&tempfile::tempdir().unwrap().path().join("x")));
}

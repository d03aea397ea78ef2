//! Ways out of a folder, all of them shut.

use super::*;
use std::os::unix::fs::symlink;

fn root() -> (tempfile::TempDir, Root) {
    let dir = tempfile::tempdir().expect("a folder");
    std::fs::create_dir_all(dir.path().join("in/deep")).unwrap();
    std::fs::write(dir.path().join("secret"), "s").unwrap();
    std::fs::write(dir.path().join("in/a.txt"), "a").unwrap();
    let root = Root::open(&dir.path().join("in")).unwrap();
    (dir, root)
}

fn told(root: &Root, path: &str) -> String {
    root.read(path, 100).expect_err("it cannot be read")
}

#[test]
fn paths_stay_inside() {
    let (dir, root) = root();
    assert_eq!(root.read("./deep/../a.txt", 100).unwrap(), b"a");
    let absolute = root.path().join("a.txt");
    assert_eq!(root.read(absolute.to_str().unwrap(), 100).unwrap(), b"a");
    for path in ["../secret", "/etc/passwd", "deep/../../secret", ".."] {
        assert!(told(&root, path).contains("is outside of the folder"), "{path}");
    }
    let inside = root.path().to_owned();
    symlink(dir.path().join("secret"), inside.join("link")).unwrap();
    symlink("..", inside.join("up")).unwrap();
    symlink("a.txt", inside.join("near")).unwrap();
    for path in ["link", "up/secret"] {
        assert!(told(&root, path).contains("by a symbolic link"), "{}", told(&root, path));
        assert!(root.write(path, b"x").is_err());
    }
    assert_eq!(root.read("near", 100).unwrap(), b"a");
    assert!(root.write("near", b"x").unwrap_err().contains("write what it points to"));
    assert!(root.write("up/new", b"x").unwrap_err().contains("by a symbolic link"));
    assert_eq!(std::fs::read(dir.path().join("secret")).unwrap(), b"s");
    assert!(root.open_stepwise(Path::new("near"), OFlags::RDONLY).is_err());
    assert!(root.open_stepwise(Path::new("up/secret"), OFlags::RDONLY).is_err());
    assert!(root.open_stepwise(Path::new("deep/../a.txt"), OFlags::RDONLY).is_err());
    assert!(root.open_stepwise(Path::new("a.txt"), OFlags::RDONLY).is_ok());
}

#[test]
fn what_cannot_be_read_or_written_is_told() {
    let (_dir, root) = root();
    assert_eq!(told(&root, "b.txt"), "there is no `b.txt`");
    assert_eq!(told(&root, "deep"), "`deep` is a folder");
    assert_eq!(root.read("a.txt", 0).unwrap_err(), "`a.txt` is larger than 0 bytes");
    assert!(root.write("a.txt/b", b"").unwrap_err().contains("no folder"));
    assert!(root.write("deep", b"").unwrap_err().contains("is a folder"));
    let pipe = root.path().join("pipe");
    rustix::fs::mknodat(CWD, &pipe, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
    assert_eq!(told(&root, "pipe"), "`pipe` is no ordinary file");
}

#[test]
fn writing_is_whole_keeps_the_mode_and_makes_folders() {
    use std::os::unix::fs::PermissionsExt;
    let (_dir, root) = root();
    root.write("new/er/b.txt", b"b").unwrap();
    assert_eq!(root.read("new/er/b.txt", 100).unwrap(), b"b");
    let script = root.path().join("run.sh");
    std::fs::write(&script, "old").unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    root.write("run.sh", b"new").unwrap();
    assert_eq!(std::fs::metadata(&script).unwrap().permissions().mode() & 0o777, 0o755);
    let names: Vec<String> =
        root.list(Path::new("")).unwrap().into_iter().map(|entry| entry.path).collect();
    assert_eq!(names, ["a.txt", "deep", "new", "run.sh"]);
}

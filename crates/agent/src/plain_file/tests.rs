//! What is no file, or too much of one.

use super::read_text;
use std::os::unix::net::UnixListener;
use std::path::Path;

#[test]
fn only_ordinary_files_within_bounds_are_read() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    std::fs::write(at("file"), "words").unwrap();
    std::os::unix::fs::symlink(at("file"), at("link")).unwrap();
    assert_eq!(read_text(&at("file"), 5).unwrap(), "words");
    assert_eq!(read_text(&at("link"), 5).unwrap(), "words");
    assert_eq!(read_text(&at("file"), 4).unwrap_err().to_string(), "it is larger than 4 bytes");
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(rustix::fs::CWD, at("pipe"), rustix::fs::FileType::Fifo, mode, 0).unwrap();
    let _socket = UnixListener::bind(at("socket")).unwrap();
    std::os::unix::fs::symlink(at("pipe"), at("link to a pipe")).unwrap();
    for path in
        [&at("pipe"), &at("link to a pipe"), &at("socket"), dir.path(), Path::new("/dev/zero")]
    {
        let told = read_text(path, 5).unwrap_err().to_string();
        assert_eq!(told, "it is no ordinary file, and is not read", "{}", path.display());
    }
}

//! What may act outside is found, and nothing else.

use super::*;
use crate::hash::BlobHash;

fn plants(path: &str, entry: &Entry) -> Vec<Plant> {
    found(&TreePath::new(path).unwrap(), entry).into_iter().map(|found| found.plant).collect()
}

#[test]
fn files_that_git_would_run_or_read_are_found() {
    let file = Entry::file(BlobHash::of(b""), 0, 0o644);
    for hook in
        [".git/hooks/pre-commit", "a/.git/hooks/x", ".GIT/Hooks/x", ".git/modules/m/hooks/x"]
    {
        assert_eq!(plants(hook, &file), [Plant::GitHook], "{hook}");
    }
    for config in [
        ".git",
        "a/.git",
        ".git/config",
        ".git/modules/m/config",
        ".git/info/attributes",
        "GIT~1/config",
    ] {
        assert_eq!(plants(config, &file), [Plant::GitConfig], "{config}");
    }
    for plain in [".gitignore", "hooks/x", "src/config", ".git/objects/ab/cd", ".git/HEAD"] {
        assert_eq!(plants(plain, &file), [], "{plain}");
    }
}

#[test]
fn links_that_lead_out_and_setuid_are_found() {
    let link = |target: &str| Entry::Symlink { target: target.into() };
    for out in ["/etc/passwd", "../x", "a/../../x", "b/./../../.."] {
        assert_eq!(plants("link", &link(out)), [Plant::EscapingLink], "{out}");
    }
    assert_eq!(plants("a/b/link", &link("../../x")), []);
    assert_eq!(plants("a/b/link", &link("../../../x")), [Plant::EscapingLink]);
    let setuid = Entry::file(BlobHash::of(b""), 0, 0o4755);
    assert_eq!(plants("bin/su", &setuid), [Plant::Setuid]);
}

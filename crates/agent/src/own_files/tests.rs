//! Which paths decide on what agents are and may do.

use super::OwnFiles;
use std::path::Path;

#[test]
fn what_decides_on_rights_is_known_by_its_path() {
    let dir = tempfile::tempdir().unwrap();
    let top = dir.path().canonicalize().unwrap();
    let home = top.join("app");
    std::fs::create_dir_all(home.join("agents")).unwrap();
    std::fs::create_dir_all(top.join("team")).unwrap();
    std::fs::write(top.join("team/far.md"), "x").unwrap();
    std::os::unix::fs::symlink("../../team/far.md", home.join("agents/far.md")).unwrap();
    std::os::unix::fs::symlink("../notes", home.join("skills")).unwrap();
    std::fs::create_dir_all(top.join("notes")).unwrap();
    let own = OwnFiles::of(&home, &top, Path::new("app/"));
    for path in [
        "app/agents/writer.md",
        "app/Agents/writer.md",
        "app/.mcp.json",
        "app/mcp.json",
        "app/greenroom.toml",
        "app/boxes/one/box.toml",
        "app/.greenroom/db",
        "team/far.md",
        "notes/new/SKILL.md",
        "app",
    ] {
        assert!(own.has(Path::new(path)), "{path}");
    }
    for path in ["app/pages/agents/x.md", "agents/x.md", "app/agents.md", "team/near.md", "a"] {
        assert!(!own.has(Path::new(path)), "{path}");
    }
}

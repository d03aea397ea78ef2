//! Folders of agents, good and bad.

use super::*;

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("agents")).unwrap();
    for (name, text) in files {
        std::fs::write(dir.path().join("agents").join(name), text).unwrap();
    }
    dir
}

/// Of the project itself, or of its first file that is broken.
fn problem(dir: &Path) -> String {
    match Project::read(dir) {
        Ok(project) => project.broken[0].problem.to_string(),
        Err(bad) => bad.to_string(),
    }
}

#[test]
fn a_folder_without_agents_has_none() {
    let dir = tempfile::tempdir().unwrap();
    assert!(Project::read(dir.path()).unwrap().definitions.is_empty());
}

#[test]
fn each_file_is_an_agent_named_by_its_head_or_itself() {
    let dir = folder(&[
        ("b.md", "---\nname: lead\ncolor: red\n---\nLead."),
        ("a.md", "---\ndescription: d\n---\nHelp."),
        ("notes.txt", "no agent"),
    ]);
    let project = Project::read(dir.path()).unwrap();
    let names: Vec<&str> = project.definitions.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["a", "lead"]);
    assert!(project.warnings[0].ends_with("b.md: not used here: color"), "{:?}", project.warnings);
}

#[test]
#[expect(clippy::disallowed_methods, reason = "what would wait for ever waits beside the test")]
fn what_is_no_ordinary_file_is_named_and_not_waited_for() {
    let agent = "---\ndescription: d\n---\nHelp.";
    for pipe in ["agents/f.md", ".mcp.json", "greenroom.toml", "skills/s/SKILL.md"] {
        let dir = folder(&[("a.md", agent)]);
        let file = dir.path().join(pipe);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        rustix::fs::mknodat(rustix::fs::CWD, &file, rustix::fs::FileType::Fifo, mode, 0).unwrap();
        let (sent, told) = std::sync::mpsc::channel();
        std::thread::spawn(move || sent.send(problem(dir.path())));
        let told =
            told.recv_timeout(std::time::Duration::from_secs(10)).expect("it is not waited for");
        assert!(told.contains(pipe) && told.contains("no ordinary file"), "{told}");
    }
    let large = folder(&[("a.md", &format!("{agent}{}", "x".repeat(2 << 20)))]);
    let told = problem(large.path());
    assert!(told.contains("a.md: it is larger than 1048576 bytes"), "{told}");
}

#[test]
fn bad_files_are_named() {
    let wrong = |files: &[(&str, &str)]| problem(folder(files).path());
    assert!(wrong(&[("a.md", "words")]).contains("a.md: line 1"));
    let same = "---\nname: x\n---\nHelp.";
    assert!(wrong(&[("a.md", same), ("b.md", same)]).contains("b.md: another file"));
    assert!(wrong(&[("a.md", "---\nname: a/b\n---\nHelp.")]).contains("a.md: name: `a/b`"));
    for ready in ["supervisor", "schedule", "memory", "context"] {
        let told = wrong(&[(&format!("{ready}.md"), "---\ndescription: d\n---\nHelp.")]);
        assert!(told.contains(&format!("{ready}.md: the name `{ready}` is taken")), "{told}");
    }
}

#[test]
fn a_price_that_no_model_has_is_told() {
    let dir = folder(&[("a.md", "---\nmodel: fake/m\n---\nHelp.")]);
    let config = "[providers.fake]\nprotocol = \"chat\"\nurl = \"http://127.0.0.1:1\"\n\
        [prices.\"fake/m\"]\ninput = 1\noutput = 1\n[prices.\"fake/mm\"]\ninput = 1\noutput = 1\n";
    std::fs::write(dir.path().join("greenroom.toml"), config).unwrap();
    let warnings = Project::read(dir.path()).unwrap().warnings;
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(
        warnings[0].contains("greenroom.toml: `[prices.\"fake/mm\"]` is the price of no model")
    );
}

/// Each is told, under the names it may be asked for by.
#[test]
fn what_is_no_agent_keeps_no_other_from_running() {
    let dir = folder(&[
        ("README.md", "# Our agents"),
        ("a.md", "---\ndescription: d\n---\nHelp."),
        ("mine.md", "---\nname: My Agent\n---\nHelp."),
        ("rm.md", "---\nname: remover\ndisallowedTools: Bash(rm:*)\n---\nHelp."),
    ]);
    std::os::unix::fs::symlink("nowhere", dir.path().join("agents/gone.md")).unwrap();
    let project = Project::read(dir.path()).unwrap();
    let names: Vec<&str> = project.definitions.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["a"]);
    let broken: Vec<String> = project.broken.iter().map(|one| one.names.join(" ")).collect();
    assert_eq!(broken, ["README", "gone", "mine My Agent", "rm remover"]);
    for (words, told) in [
        ("README.md: line 1: no front matter", &project.warnings[0]),
        ("gone.md: No such file", &project.warnings[1]),
        ("mine.md: name: `My Agent`", &project.warnings[2]),
        ("rm.md: line 3: disallowedTools: ", &project.warnings[3]),
    ] {
        assert!(told.contains(words) && told.ends_with("; it is left out"), "{told}");
    }
}

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
fn bad_files_are_named() {
    let wrong =
        |files: &[(&str, &str)]| Project::read(folder(files).path()).unwrap_err().to_string();
    assert!(wrong(&[("a.md", "words")]).contains("a.md: line 1"));
    let same = "---\nname: x\n---\nHelp.";
    assert!(wrong(&[("a.md", same), ("b.md", same)]).contains("b.md: another file"));
    assert!(wrong(&[("a.md", "---\nname: a/b\n---\nHelp.")]).contains("a.md: `a/b`"));
    for ready in ["supervisor", "schedule", "memory", "context"] {
        let told = wrong(&[(&format!("{ready}.md"), "---\ndescription: d\n---\nHelp.")]);
        assert!(told.contains(&format!("{ready}.md: the name `{ready}` is taken")), "{told}");
    }
}

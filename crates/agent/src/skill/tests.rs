//! Skills as people have them, found, listed and read.

use super::*;
use std::fs;
use std::os::unix::fs::symlink;

const PDF: &str = "---\nname: pdf\ndescription: >\n  Fills in forms: use when\n  a PDF is at hand.\nallowed-tools: Read, Bash(pdftk:*)\nlicense: MIT\nmetadata:\n  version: \"1.0\"\n---\n\n# Forms\n\nRead `references/forms.md`.\n";

fn project(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    for (path, text) in files {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    dir
}

fn refused(text: &str) -> String {
    let project = project(&[("skills/a/SKILL.md", text)]);
    let error = Skills::find(project.path()).expect_err("it cannot be");
    assert!(error.file.ends_with("skills/a/SKILL.md"));
    error.message
}

#[test]
fn skills_are_listed_by_description_and_read_by_name() {
    let project = project(&[
        ("skills/pdf/SKILL.md", PDF),
        ("skills/pdf/references/forms.md", "Fields"),
        ("skills/pdf/.hidden", ""),
        ("skills/alone/SKILL.md", "---\nname: alone\ndescription: b\n---\nBody\n"),
        ("skills/README.md", "Notes"),
        ("skills/drafts/note.txt", ""),
    ]);
    let skills = Skills::find(project.path()).unwrap();
    let pdf = skills.iter().last().unwrap();
    assert_eq!(pdf.allowed_tools, ["Read", "Bash(pdftk:*)"]);
    assert_eq!((pdf.license.as_deref(), &pdf.metadata["version"]), (Some("MIT"), &"1.0".into()));
    let prompt = skills.prompt();
    let lines = "\n- alone: b\n- pdf: Fills in forms: use when a PDF is at hand.\n";
    assert!(prompt.ends_with(lines) && !prompt.contains("# Forms"), "{prompt}");
    let body = skills.load("pdf", None).unwrap();
    assert!(
        body.starts_with("# Forms") && body.ends_with("skill: `references/forms.md`"),
        "{body}"
    );
    assert_eq!(skills.load("alone", Some("")).unwrap(), "Body");
    assert_eq!(skills.load("pdf", Some("references/forms.md")).unwrap(), "Fields");
    assert!(skills.tool().policy.read_only);
    assert_eq!(skills.only(&["alone"]).unwrap().iter().count(), 1);
    let none = skills.only(&["word"]).err().unwrap();
    assert_eq!(none.message, "there is no skill `word`; there are `alone`, `pdf`");
    assert!(Skills::find(Path::new("nowhere")).unwrap().prompt().is_empty());
}

#[test]
fn files_do_not_leave_the_folder() {
    let project = project(&[("skills/pdf/SKILL.md", PDF), ("secret", "s"), ("skills/b/x", "")]);
    let folder = project.path().join("skills/pdf");
    symlink(project.path().join("secret"), folder.join("link")).unwrap();
    fs::write(folder.join("logo.png"), b"\xff\xd8").unwrap();
    fs::write(folder.join("long"), "x".repeat(FILE_MAX_BYTES as usize + 1)).unwrap();
    let skills = Skills::find(project.path()).unwrap();
    let told = |file: &str| skills.load("pdf", Some(file)).unwrap_err().message;
    assert!(told("../../secret").contains("is outside of the folder"));
    assert!(told("/etc/passwd").contains("is outside of the folder"));
    assert!(told("link").contains("by a symbolic link"));
    assert!(told("logo.png").contains("is no text"));
    assert!(told("long").contains("is larger than 262144 bytes"));
    let missing = told("forms.md");
    assert!(missing.contains("there is no `forms.md`; its files are `SKILL.md`"), "{missing}");
}

#[test]
fn what_is_no_skill_is_told_with_its_line() {
    assert!(refused("# A").starts_with("line 1: no front matter"));
    assert_eq!(refused("---\nname: a\n---\n"), "line 2: missing field `description`");
    assert!(
        refused("---\ndescription: b\nname: A b\n---\n").starts_with("line 3: `A b` cannot be")
    );
    assert!(refused("---\nname: b\ndescription: b\n---\n").contains("its folder's is `a`"));
    assert!(refused("---\nname: a\ndescription: ''\n---\n").starts_with("line 3: the description"));
    assert!(refused("---\nname: a\ndescription: b\nmetadata: c\n---\n").starts_with("line 4:"));
}

/// A skill that cannot be read is told, not left out, and nobody waits for it.
#[test]
fn what_is_no_file_is_told_as_what_it_is() {
    use std::os::unix::net::UnixListener;
    type Make = fn(&Path);
    let make: [(&str, Make); 4] = [
        ("no ordinary file", |at| {
            let (mode, pipe) = (rustix::fs::Mode::from(0o600), rustix::fs::FileType::Fifo);
            rustix::fs::mknodat(rustix::fs::CWD, at, pipe, mode, 0).unwrap();
        }),
        ("no ordinary file", |at| drop(UnixListener::bind(at).unwrap())),
        ("is a folder", |at| fs::create_dir(at).unwrap()),
        ("a symbolic link to nowhere", |at| symlink("nowhere", at).unwrap()),
    ];
    for (what, make) in make {
        let project = project(&[("skills/a/x", "")]);
        make(&project.path().join("skills/a/SKILL.md"));
        let error = Skills::find(project.path()).expect_err("it cannot be read").to_string();
        assert!(error.contains("skills/a/SKILL.md: ") && error.contains(what), "{error}");
    }
}

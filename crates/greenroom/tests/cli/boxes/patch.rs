//! `box diff --patch`: what git applies, and what a box could try with it.

use super::Place;
use crate::house::{sees, terminal};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

/// Whether git takes a patch, from standard input, for a folder that is no repository.
fn git_apply(dir: &Path, args: &[&str], patch: &str) -> (bool, String) {
    let file = dir.with_extension("patch");
    fs::write(&file, patch).expect("a file");
    let ran = Command::new("git")
        .args([&["apply", "--whitespace=nowarn"], args].concat())
        .arg(&file)
        .current_dir(dir)
        .env("GIT_CEILING_DIRECTORIES", dir.parent().expect("a folder"))
        .output()
        .expect("git runs");
    (ran.status.success(), String::from_utf8_lossy(&ran.stderr).into_owned())
}

fn text(path: impl AsRef<Path>) -> String {
    fs::read_to_string(path).expect("a file")
}

#[test]
fn git_applies_what_a_box_has_changed() {
    let place = Place::with_work();
    place.run(&["branch", "work", "try"]).ok();
    assert_eq!(place.run(&["diff", "try", "-p"]).ok().out, "");
    let line = "cd /srv; echo two >> a; chmod 755 a; mkdir -p new/deep; printf 'no end' > new/deep/b; \
        : > empty; mv hello.sh moved.sh; ln -s a link; printf 'x\\n' > 'two words'; \
        printf 'one\\r\\n' > crlf; printf q > '\"q\\'";
    place.sh("try", line);
    let patch = place.run(&["diff", "try", "--patch"]).ok().out;
    let whole = "diff --git a/srv/a b/srv/a\nold mode 100644\nnew mode 100755\n--- a/srv/a\n\
        +++ b/srv/a\n@@ -1 +1,2 @@\n one\n+two\n";
    assert!(patch.contains(whole), "{patch}");
    for words in [
        "similarity index 100%\nrename from srv/hello.sh\nrename to srv/moved.sh\n",
        "diff --git a/srv/empty b/srv/empty\nnew file mode 100644\ndiff --git",
        "new file mode 120000\n--- /dev/null\n+++ b/srv/link\n@@ -0,0 +1 @@\n+a\n\\ No newline",
        "+++ b/srv/two words\t\n",
        "+++ \"b/srv/\\\"q\\\\\"\n",
        "# A srv/new/deep  (folder 0755)\n",
    ] {
        assert!(patch.contains(words), "{words}: {patch}");
    }
    assert!(!patch.contains('\x1b'), "{patch}");
    let dir = place.house.path("here");
    fs::create_dir_all(dir.join("srv")).expect("a folder");
    fs::write(dir.join("srv/a"), "one\n").expect("a file");
    fs::write(dir.join("srv/hello.sh"), "echo hi\n").expect("a file");
    let (done, said) = git_apply(&dir, &[], &patch);
    assert!(done, "{said}\n{patch}");
    let srv = dir.join("srv");
    assert_eq!(text(srv.join("a")), "one\ntwo\n");
    assert_eq!(fs::metadata(srv.join("a")).expect("a file").permissions().mode() & 0o111, 0o111);
    assert_eq!(text(srv.join("moved.sh")), "echo hi\n");
    assert!(!srv.join("hello.sh").exists());
    assert_eq!(text(srv.join("new/deep/b")), "no end");
    assert_eq!(text(srv.join("empty")) + &text(srv.join("two words")), "x\n");
    assert_eq!(text(srv.join("crlf")) + &text(srv.join("\"q\\")), "one\r\nq");
    assert_eq!(fs::read_link(srv.join("link")).expect("a link"), Path::new("a"));
    // And back again.
    let (done, said) = git_apply(&dir, &["-R"], &patch);
    assert!(done && text(srv.join("a")) == "one\n", "{said}");
}

#[test]
fn what_is_no_text_is_told_and_never_taken_for_nothing() {
    let place = Place::with_work();
    let line = "cd /srv; printf '\\000\\001' > bin; dd if=/dev/zero bs=1M count=3 2>/dev/null | tr '\\0' x > big; \
        seq 1 60000 > far; chmod 700 /srv; mkdir -p .git/hooks; echo evil > .git/hooks/pre-commit";
    place.sh("work", line);
    place.run(&["branch", "work", "try"]).ok();
    let line = "cd /srv; printf '\\000\\002' > bin; seq 100001 160000 > far; rm a; ln -s /etc/passwd a; \
        chmod 600 hello.sh; rm big; chmod 755 /srv; mkdir empty; \
        echo x > own; chmod 600 own";
    place.sh("try", line);
    let patch = place.run(&["diff", "try", "-p"]).ok().out;
    for words in [
        "Binary files a/srv/bin and b/srv/bin differ\n",
        "# only files of up to 1.0 MiB are compared line by line\ndiff --git a/srv/big b/srv/big\ndeleted",
        "Binary files a/srv/big and /dev/null differ\n",
        "@@ -1,60000 +1,60000 @@\n-1\n",
        "# M srv/hello.sh  (mode 0644 to 0600)\n",
        "# A srv/own  (file 0600 2 B",
        "# M srv  (mode 0700 to 0755)\n",
        "# A srv/empty  (folder 0755)\n",
        "deleted file mode 100644\n--- a/srv/a\n+++ /dev/null\n@@ -1 +0,0 @@\n-one\n",
        "new file mode 120000\n--- /dev/null\n+++ b/srv/a\n@@ -0,0 +1 @@\n+/etc/passwd\n\\ No",
    ] {
        assert!(patch.contains(words), "{words}: {patch:.3000}");
    }
    // What a patch cannot bring, git refuses.
    let dir = place.house.path("here");
    fs::create_dir_all(dir.join("srv")).expect("a folder");
    for name in ["a", "big", "bin", "far"] {
        fs::write(dir.join("srv").join(name), "one\n").expect("a file");
    }
    let (done, said) = git_apply(&dir, &[], &patch);
    assert!(!done && said.contains("binary patch"), "{said}");
    let patch = place.run(&["diff", "work", "-p"]).ok().out;
    assert!(
        patch.contains("PLANTED: a hook that git would run\ndiff --git a/srv/.git/hooks"),
        "{patch:.3000}"
    );
    let json = place.run(&["diff", "try", "-p", "--json"]).ok().json();
    let paths = json["paths"].as_array().expect("paths");
    let of = |path: &str| paths.iter().find(|one| one["path"] == path).expect("it is told");
    assert!(of("srv/bin")["patch"].as_str().expect("a patch").contains("Binary files"));
    assert_eq!(of("srv/bin")["what"], "M");
    let json = place.run(&["diff", "try", "--json"]).ok().json();
    assert!(json["paths"][0].get("patch").is_none(), "{json}");
}

#[test]
fn names_and_texts_of_a_box_stay_what_they_are() {
    let place = Place::with_work();
    let line = "cd /srv; echo x > \"$(printf 'n\\n--- etc\\n+++ etc\\n@@ -0,0 +1 @@\\n+forged')\"; \
        mkdir \"$(printf 'd\\n+++ forged')\"; \
        printf 'red \\033[31m bell \\007 turned \\342\\200\\256 back\\rover\\n' >> a; \
        printf 'diff --git a/x b/x\\n--- a/x\\n+++ b/x\\n@@ -1 +1 @@\\n-a\\n+b\\n' > like; \
        echo y > \"$(printf 't\\342\\200\\256\\033c')\"";
    place.sh("work", line);
    let patch = place.run(&["diff", "work", "-p"]).ok().out;
    assert!(
        patch.contains("+++ \"b/srv/n\\n--- etc\\n+++ etc\\n@@ -0,0 +1 @@\\n+forged\"\n"),
        "{patch}"
    );
    assert!(patch.contains("# A srv/d\\n+++ forged  (folder"), "{patch}");
    assert!(patch.contains("\"b/srv/t\\342\\200\\256\\033c\"\n"), "{patch}");
    // Whoever applies it gets the bytes; no line of a file begins a line.
    assert!(patch.contains("\x1b[31m bell \x07") && patch.contains("\n+diff --git a/x b/x\n"));
    let dir = place.house.path("here");
    fs::create_dir_all(dir.join("srv")).expect("a folder");
    fs::write(dir.join("srv/a"), "one\n").expect("a file");
    fs::write(dir.join("srv/hello.sh"), "echo hi\n").expect("a file");
    let (done, said) = git_apply(&dir, &[], &patch);
    assert!(done, "{said}\n{patch}");
    assert!(text(dir.join("srv/a")).ends_with("back\rover\n"));
    assert!(!dir.join("etc").exists() && !dir.join("forged").exists() && !dir.join("x").exists());
    let json = place.run(&["diff", "work", "-p", "--json"]).ok().out;
    assert!(!json.contains('\x1b') && !json.contains('\u{202e}'), "{json}");
    let (keys, tty) = terminal();
    let mut command = place.house.command(&["box", "diff", "work", "-p"]);
    command.env("TERM", "xterm").env_remove("NO_COLOR");
    let mut child = command.stdout(tty.try_clone().expect("a copy")).spawn().expect("it runs");
    let shown = sees(&mut fs::File::from(keys), "\"b/srv/t\\342\\200\\256\\033c\"");
    assert!(child.wait().expect("it ends").success());
    let line = "\x1b[32m+red \\u{1b}[31m bell \\u{7} turned \\u{202e} back\\rover\x1b[0m";
    assert!(shown.contains(line), "{shown}");
    assert!(!shown.contains('\u{202e}') && !shown.contains('\x07'), "{shown}");
}

//! `box cp` of folders: as `docker cp` has it, and never further than it was told.

use super::Place;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

fn write(path: impl AsRef<Path>, text: &str, mode: u32) {
    let path = path.as_ref();
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    fs::write(path, text).expect("a file");
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a mode");
}

fn text(path: impl AsRef<Path>) -> String {
    fs::read_to_string(path.as_ref()).unwrap_or_else(|error| panic!("{:?}: {error}", path.as_ref()))
}

fn mode(path: impl AsRef<Path>) -> u32 {
    fs::symlink_metadata(path).expect("it is there").permissions().mode() & 0o7777
}

fn names(path: impl AsRef<Path>) -> Vec<String> {
    let all = fs::read_dir(path).expect("a folder").flatten();
    let mut all: Vec<_> = all.map(|one| one.file_name().to_string_lossy().into_owned()).collect();
    all.sort();
    all
}

/// A folder `site` of all that a folder can have.
fn site(place: &Place) {
    let site = place.house.path("site");
    write(site.join("index.html"), "hello\n", 0o644);
    write(site.join("run.sh"), "echo hi\n", 0o775);
    write(site.join("sub/deep/x"), "x\n", 0o600);
    write(site.join("closed/y"), "y\n", 0o400);
    fs::create_dir(site.join("empty")).expect("a folder");
    symlink("index.html", site.join("link")).expect("a link");
    symlink("/etc/passwd", site.join("away")).expect("a link");
    symlink("sub", site.join("folder")).expect("a link");
    fs::set_permissions(site.join("closed"), fs::Permissions::from_mode(0o555)).expect("a mode");
}

/// Like `site`, with nothing more and nothing less.
fn is_site(dir: &Path) {
    let all = ["away", "closed", "empty", "folder", "index.html", "link", "run.sh", "sub"];
    assert_eq!(names(dir), all);
    assert_eq!((text(dir.join("index.html")), mode(dir.join("run.sh"))), ("hello\n".into(), 0o775));
    assert_eq!((text(dir.join("sub/deep/x")), mode(dir.join("sub/deep/x"))), ("x\n".into(), 0o600));
    assert_eq!((mode(dir.join("closed")), mode(dir.join("closed/y"))), (0o555, 0o400));
    let leads = |name: &str| fs::read_link(dir.join(name)).expect("a link");
    assert_eq!(leads("away"), Path::new("/etc/passwd"));
    assert_eq!(leads("folder"), Path::new("sub"));
}

#[test]
fn folders_go_in_and_out_as_child_as_name_or_what_is_in_them() {
    let place = Place::with_work();
    site(&place);
    let said = place.run(&["cp", "site", "work:/srv"]).ok();
    assert_eq!(said.out, "4 files, 5 folders, 3 links, 18 B copied\n");
    place.run(&["cp", "site", "work:/srv/new"]).ok();
    place.run(&["cp", "site/.", "work:/srv/flat"]).ok();
    let line = "cd /srv; stat -c '%a %u' site/run.sh site/sub/deep/x site/closed; \
        readlink site/away; cat new/index.html flat/link; ls";
    let seen = place.sh("work", line);
    let all = "775 0\n600 0\n555 0\n/etc/passwd\nhello\nhello\na\nflat\nhello.sh\nnew\nsite\n";
    assert_eq!(seen, all);
    // Into what is there: replaced or beside, and a mode of its own.
    place.sh(
        "work",
        "cd /srv/site; chmod 755 closed; echo other > index.html; chmod 600 index.html; \
        echo z > z; ln -sf /srv/a run.sh",
    );
    place.run(&["cp", "site/.", "work:/srv/site/"]).ok();
    let seen = place.sh(
        "work",
        "cd /srv/site; cat index.html z; stat -c %a index.html; rm z; chmod 555 closed; cat /srv/a",
    );
    assert_eq!(seen, "hello\nz\n644\none\n");

    place.run(&["stop", "work"]).ok();
    let here = |name: &str| place.house.path(name);
    fs::create_dir(here("out")).expect("a folder");
    place.run(&["cp", "work:/srv/site", "out"]).ok();
    is_site(&here("out/site"));
    place.run(&["cp", "work:/srv/site", "renamed"]).ok();
    is_site(&here("renamed"));
    fs::create_dir(here("flat")).expect("a folder");
    write(here("flat/index.html"), "old\n", 0o600);
    place.run(&["cp", "work:/srv/site/.", "flat/"]).ok();
    is_site(&here("flat"));
    // Again, over itself.
    let closed = |mode| fs::set_permissions(here("flat/closed"), fs::Permissions::from_mode(mode));
    closed(0o755).expect("a mode");
    place.run(&["cp", "work:/srv/site/.", "flat"]).ok();
    closed(0o555).expect("a mode");
    is_site(&here("flat"));
    // A copy out starts nothing.
    assert_eq!(place.run(&["ls", "--json"]).ok().json()[0]["running"], false);
    // By the box's own links, and to its own ends.
    place.sh("work", "ln -s /srv/../srv/site /srv/l; mkdir -p /srv/to; ln -s to /srv/via");
    place.run(&["cp", "work:/srv/l", "linked"]).ok();
    is_site(&here("linked"));
    place.run(&["cp", "site", "work:/srv/via"]).ok();
    assert_eq!(place.sh("work", "cat /srv/to/site/index.html"), "hello\n");
    let json = place.run(&["cp", "work:/srv/site", "told", "--json"]).ok().json();
    assert_eq!(
        (&json["files"], &json["folders"], &json["links"]),
        (&4.into(), &5.into(), &3.into())
    );
    assert_eq!(json["notes"][0]["path"], "away");
    // `..` has the name of the folder that it is; `.` alone is what is in it.
    place.run(&["cp", "site/sub/..", "work:/srv/to/dots"]).ok();
    place.run(&["cp", "site/sub/..", "work:/srv/to/dots"]).ok();
    place.sh("work", "test -f /srv/to/dots/index.html && test -f /srv/to/dots/site/index.html");
    fs::create_dir(here("dots")).expect("a folder");
    place.run(&["cp", "work:/srv/site/sub/..", "dots"]).ok();
    is_site(&here("dots/site"));
    place.sh("work", "mkdir /srv/to/all");
    place.run(&["cp", ".", "work:/srv/to/all"]).ok();
    place.sh("work", "test -f /srv/to/all/dots/site/index.html");
    // A file, too, goes into a folder that is there.
    place.run(&["cp", "site/index.html", "work:/srv/to"]).ok();
    assert_eq!(place.sh("work", "cat /srv/to/index.html"), "hello\n");
}

/// A folder `/srv/t` of all that a box could try, and a folder of the machine that it is after.
fn trap(place: &Place) -> PathBuf {
    let host = place.house.path("host");
    write(host.join("secret"), "of the host\n", 0o600);
    let line = format!(
        "mkdir -p /srv/t/d /srv/t/.git/hooks /srv/t/agents /srv/t/real; cd /srv/t; \
         echo in > d/secret; echo in > f; echo evil > .git/hooks/post-checkout; echo evil > .git/config; \
         echo ref > .git/HEAD; echo evil > agents/lead.md; ln -s {0} l; ln -s ../../../../../../{0} up; \
         ln -s {0}/secret s; cp /bin/true root; chmod 6755 root; mkfifo pipe; \
         echo x > \"$(printf 'bad\\033[31m')\"; mkdir \"$(printf 'n\\nleft out: forged')\"; \
         echo x > \"$(printf 'n\\nleft out: forged/in')\"; ln f hard; chmod 2775 real",
        host.display()
    );
    place.sh("work", &line);
    host
}

#[test]
fn what_a_box_has_made_stays_in_the_folder_and_does_nothing_there() {
    let place = Place::with_work();
    let host = trap(&place);
    // What is in the way here leads elsewhere.
    let to = place.house.path("to");
    fs::create_dir(&to).expect("a folder");
    symlink(host.join("secret"), to.join("f")).expect("a link");
    let ran = place.run(&["cp", "work:/srv/t/.", "to"]).ok();
    for words in [
        "left out: .git/hooks/post-checkout: a hook that git would run\n",
        "left out: .git/config: a configuration of git",
        "left out: agents/lead.md: what Greenroom runs agents",
        "left out: bad\\u{1b}[31m: control characters in its name\n",
        "left out: n\\nleft out: forged: control characters in its name\n",
        "take care: l: a symbolic link that leads out of the tree\n",
        "take care: up: ",
        "take care: s: ",
        "work: srv/t/pipe: a pipe, which is left out",
        "the right to run as its owner or group",
    ] {
        assert!(ran.err.contains(words), "{words}: {}", ran.err);
    }
    assert!(!ran.err.contains("\nleft out: forged") && !ran.err.contains('\x1b'), "{}", ran.err);
    let all = [".git", "agents", "d", "f", "hard", "l", "real", "root", "s", "up"];
    assert_eq!(names(&to), all);
    assert_eq!(
        (names(to.join(".git")), names(to.join(".git/hooks")).len()),
        (vec!["HEAD".into(), "hooks".into()], 0)
    );
    assert_eq!((text(to.join("f")), text(to.join("hard"))), ("in\n".into(), "in\n".into()));
    assert!(!fs::symlink_metadata(to.join("f")).expect("a file").is_symlink());
    assert_eq!((mode(to.join("root")), mode(to.join("real"))), (0o755, 0o775));
    assert_eq!(fs::read_link(to.join("l")).expect("a link"), host);
    assert_eq!(
        (names(&host), text(host.join("secret"))),
        (vec!["secret".into()], "of the host\n".into())
    );
    // Whoever says so gets what acts here; a name that is none, never.
    place.run(&["cp", "work:/srv/t", "all", "--planted"]).ok();
    let all = place.house.path("all");
    assert_eq!(text(all.join(".git/hooks/post-checkout")), "evil\n");
    assert!(names(&all).iter().all(|name| !name.contains("forged")));
    place.sh("work", "echo x > \"$(printf '/srv/no-\\377')\"");
    place.run(&["cp", "work:/srv/t", "more"]).fails(1, &["no UTF-8", "cannot be sealed"]);
    assert!(!place.house.path("more").exists());
}

#[test]
fn what_acts_only_where_it_is_put_is_left_out_too() {
    let place = Place::with_work();
    let line = "mkdir -p /srv/o/hooks /srv/o/skills/x; cd /srv/o; echo evil > hooks/pre-commit; \
        chmod 755 hooks/pre-commit; echo evil > lead.md; echo evil > tasks.json; \
        echo evil > skills/x/run; echo ref > HEAD";
    place.sh("work", line);
    let here = |name: &str| place.house.path(name);
    for folder in ["g/.git", "agents", "g/.vscode", "bare/objects", "bare/refs", "skills/x"] {
        fs::create_dir_all(here(folder)).expect("a folder");
    }
    write(here("bare/HEAD"), "ref\n", 0o644);
    symlink("g/.git", here("repository")).expect("a link");
    // What is copied, where to, what of it acts there, and where that would be.
    let cases = [
        ("hooks", "g/.git/", "pre-commit", "g/.git/hooks/pre-commit"),
        ("hooks", "repository", "pre-commit", "g/.git/hooks/pre-commit"),
        ("hooks", "bare", "pre-commit", "bare/hooks/pre-commit"),
        (".", "bare", "hooks/pre-commit", "bare/hooks/pre-commit"),
        (".", "agents", "lead.md", "agents/lead.md"),
        (".", "g/.vscode", "tasks.json", "g/.vscode/tasks.json"),
        ("skills/x", "skills", "run", "skills/x/run"),
    ];
    for (from, to, told, put) in cases {
        let ran = place.run(&["cp", &format!("work:/srv/o/{from}"), to]).ok();
        assert!(ran.err.contains(&format!("left out: {told}: ")), "{from} {to}: {}", ran.err);
        assert!(!here(put).exists(), "{put}");
    }
    place.run(&["cp", "work:/srv/o/hooks", "g/.git", "--planted"]).ok();
    assert_eq!(text(here("g/.git/hooks/pre-commit")), "evil\n");
    // Elsewhere they are what they are.
    place.run(&["cp", "work:/srv/o/hooks", "."]).ok();
    assert_eq!(text(here("hooks/pre-commit")), "evil\n");
    // Who copies a file has said where to, and hears what that is.
    let ran = place.run(&["cp", "work:/srv/o/lead.md", "g/.git/hooks/post-merge"]).ok();
    assert!(ran.err.contains("take care: g/.git/hooks/post-merge: a hook"), "{}", ran.err);
    let json = place.run(&["cp", "work:/srv/o/lead.md", "agents", "--json"]).ok().json();
    assert_eq!((&json["bytes"], &json["notes"][0]["path"]), (&5.into(), &"agents/lead.md".into()));
    assert_eq!(place.run(&["cp", "work:/srv/o/lead.md", "lead.md"]).ok().err, "");
}

/// Whatever was asked for: its store is what the project's processes are.
#[test]
fn greenrooms_own_folder_is_never_copied_over() {
    let place = Place::with_work();
    let line = "mkdir -p /p/.greenroom /p/own/boxes; echo x > /p/CLAUDE.md; \
        echo evil > /p/.greenroom/store.db; echo evil > /p/own/boxes/index";
    place.sh("work", line);
    let told = place.run(&["cp", "--planted", "work:/p/.", "."]).ok().err;
    assert!(told.contains("left out: .greenroom: "), "{told}");
    assert!(place.house.path("CLAUDE.md").exists());
    assert!(!place.house.path(".greenroom/store.db").exists());
    // Of another name too.
    fs::remove_dir_all(place.house.path("own")).expect("copied");
    place.house.run(&["--dir", "own", "box", "run", "./plain", "--name", "b", "--", "true"]).ok();
    let line = "mkdir -p /p/own/boxes; echo x > /p/new; echo evil > /p/own/boxes/index";
    place.house.run(&["--dir", "own", "box", "exec", "b", "--", "sh", "-c", line]).ok();
    let told = place.house.run(&["--dir", "own", "box", "cp", "--planted", "b:/p/.", "."]).ok().err;
    assert!(told.contains("left out: own: ") && !told.contains("left out: new"), "{told}");
    assert!(!place.house.path("own/boxes/index").exists());
    place.house.run(&["--dir", "own", "box", "rm", "-f", "b"]).ok();
}

#[test]
fn a_box_buries_no_note_behind_others() {
    let place = Place::with_work();
    let line = "mkdir -p /srv/n/zz2/.git/hooks; cd /srv/n; i=0; \
        while [ $i -lt 1005 ]; do : > \"$(printf 'a\\t%s' $i)\"; i=$((i+1)); done; \
        ln -s /etc/passwd zz; echo evil > zz2/.git/hooks/pre-commit";
    place.sh("work", line);
    let ran = place.run(&["cp", "work:/srv/n", "to"]).ok();
    for words in [
        "take care: zz: a symbolic link",
        "left out: zz2/.git/hooks/pre-commit: a hook",
        "and 995 more; --json names all but 5 of them",
    ] {
        assert!(ran.err.contains(words), "{words}: {}", ran.err);
    }
    let json = place.run(&["cp", "work:/srv/n", "told", "--json"]).ok().json();
    let paths: Vec<_> = json["notes"].as_array().expect("notes").iter().collect();
    assert_eq!((paths.len(), &json["more_notes"]), (1002, &5.into()));
    assert_eq!((&paths[0]["path"], &paths[0]["left_out"]), (&"zz".into(), &false.into()));
    assert_eq!(paths[1]["path"], "zz2/.git/hooks/pre-commit");
}

#[test]
fn nothing_goes_through_a_link_that_is_there_or_in_place_of_a_folder() {
    let place = Place::with_work();
    let host = trap(&place);
    let to = place.house.path("to");
    fs::create_dir(&to).expect("a folder");
    place.run(&["cp", "work:/srv/t/.", "to"]).ok();
    // Of this machine, or (below) of this copy.
    fs::remove_dir_all(to.join("d")).expect("removed");
    symlink(&host, to.join("d")).expect("a link");
    let refused = place.run(&["cp", "work:/srv/t/.", "to"]);
    refused.fails(
        1,
        &["d: a folder in the box, and something else here", "paths were copied", "whole"],
    );
    place.sh("work", "cd /srv/t; rm l; mkdir l; echo in > l/secret");
    fs::remove_file(to.join("d")).expect("removed");
    place.run(&["cp", "work:/srv/t/.", "to"]).fails(1, &["l: a folder in the box"]);
    assert_eq!(text(host.join("secret")), "of the host\n");
    fs::remove_file(to.join("l")).expect("removed");
    fs::remove_file(to.join("f")).expect("removed");
    fs::create_dir(to.join("f")).expect("a folder");
    place
        .run(&["cp", "work:/srv/t/.", "to"])
        .fails(1, &["f: no folder in the box, and a folder here"]);
    assert!(names(&to).iter().all(|name| !name.contains("greenroom-copy")), "{:?}", names(&to));
}

/// A name, words of the refusal, and how it is made.
type Wrong<'a> = (&'a str, &'a str, &'a dyn Fn(&Path));

#[test]
fn what_no_box_can_have_is_refused_before_anything_is_copied() {
    let place = Place::with_work();
    let from = place.house.path("from");
    write(from.join("a"), "a\n", 0o644);
    let wrongs: [Wrong<'_>; 3] = [
        ("pipe", "a pipe", &|path| {
            rustix::fs::mknodat(
                rustix::fs::CWD,
                path,
                rustix::fs::FileType::Fifo,
                rustix::fs::Mode::from(0o600),
                0,
            )
            .expect("a pipe");
        }),
        ("run", "setuid", &|path| write(path, "x", 0o4755)),
        ("no-\u{fffd}", "no UTF-8", &|path| {
            use std::os::unix::ffi::OsStrExt;
            let name = std::ffi::OsStr::from_bytes(b"no-\xff");
            fs::write(path.with_file_name(name), "x").expect("a file");
        }),
    ];
    for (name, words, make) in wrongs {
        let dir = place.house.path("wrong");
        write(dir.join("a"), "a\n", 0o644);
        make(&dir.join(name));
        place.run(&["cp", "wrong", "work:/srv/to"]).fails(1, &[words, "nothing was copied"]);
        fs::remove_dir_all(&dir).expect("removed");
    }
    assert_eq!(place.sh("work", "ls /srv"), "a\nhello.sh\n");
    // Greenroom's own folder is never in a box.
    let ran = place.run(&["cp", ".", "work:/srv/all"]).ok();
    assert!(ran.err.contains("left out: .greenroom: Greenroom's own folder"), "{}", ran.err);
    assert_eq!(place.sh("work", "ls -A /srv/all"), "from\nplain\n");
    // In the box links lead where the box has them, and what is there may be in the way.
    place.sh("work", "mkdir /srv/in /srv/in/a; ln -s / /srv/root");
    place.run(&["cp", "from/.", "work:/srv/in"]).fails(1, &["/srv/in/a", "directory"]);
    place.run(&["cp", "from/.", "work:/srv/root"]).ok();
    assert_eq!(place.sh("work", "cat /a"), "a\n");
    place.run(&["freeze", "work"]).ok();
    place.run(&["cp", "from", "work:/srv/x"]).fails(1, &["frozen", "box thaw work"]);
}

/// Whatever changes meanwhile: it ends, with words if it fails, and nothing is elsewhere.
#[test]
fn a_tree_that_changes_under_the_copy_leads_nowhere() {
    let place = Place::with_work();
    let (host, to) = (place.house.path("host"), place.house.path("to"));
    write(host.join("secret"), "of the host\n", 0o600);
    let line = format!(
        "mkdir -p /srv/r/d; echo in > /srv/r/d/secret; cd /srv/r; \
         while :; do mv d e; ln -s {} d; rm d; mv e d; echo x > $$; rm $$; done",
        host.display()
    );
    place.run(&["exec", "work", "-d", "--", "sh", "-c", &line]).ok();
    let from = place.house.path("from");
    write(from.join("d/secret"), "from\n", 0o644);
    let mut held = 0;
    for _ in 0..5 {
        let _ = fs::remove_dir_all(&to);
        let out = place.run(&["cp", "work:/srv/r", "to"]);
        assert!(out.code == 0 || out.code == 1 && !out.err.is_empty(), "{} {}", out.code, out.err);
        let secret = fs::read_to_string(to.join("d/secret")).unwrap_or_default();
        assert!(to.join("d").is_symlink() || secret != "of the host\n", "{secret}");
        let into = place.run(&["cp", "from/.", "work:/srv/r"]);
        assert!(into.code == 0 || into.code == 1 && into.err.contains("/srv/r"), "{}", into.err);
        held += usize::from(out.code == 0);
    }
    assert!(held > 0, "no copy came through");
    assert_eq!(
        (names(&host), text(host.join("secret"))),
        (vec!["secret".into()], "of the host\n".into())
    );
}

//! A folder gets all changes or none, and nobody's work is overwritten.

mod found;

use super::*;
use crate::export::Recovered;
use crate::export::record::STAGED;
use crate::layer::{Bounds, scan};
use crate::steps::Steps;
use crate::tree::Stack;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

struct Case {
    dir: tempfile::TempDir,
    store: Store,
}

/// Paths with what is in them: `/` is a folder, `>x` a link.
type Files<'a> = &'a [(&'a str, &'a str)];

fn write(dir: &Path, files: Files<'_>) {
    std::fs::create_dir_all(dir).unwrap();
    for (path, text) in files {
        let path = dir.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        match text.strip_prefix('>') {
            Some(target) => symlink(target, &path).unwrap(),
            None if *text == "/" => std::fs::create_dir_all(&path).unwrap(),
            None => std::fs::write(&path, text).unwrap(),
        }
    }
}

impl Case {
    /// A host folder with some files.
    fn new(files: Files<'_>) -> Case {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("store")).unwrap();
        write(&dir.path().join("host"), files);
        Case { dir, store }
    }

    fn stack(&self, dir: &Path) -> Stack {
        let mut writing = self.store.write().unwrap();
        let manifest = scan(dir, &Bounds::base(), &mut writing).unwrap();
        let id = writing.layer(manifest.clone()).unwrap();
        Stack::new(vec![(id, Arc::new(manifest))])
    }

    /// From the host's folder as it is to another tree.
    fn changes(&self, files: Files<'_>) -> Changes {
        let other = self.dir.path().join("other");
        let _ = std::fs::remove_dir_all(&other);
        write(&other, files);
        Changes::between(&self.stack(&self.dir.path().join("host")), &self.stack(&other))
    }

    fn host(&self) -> HostDir {
        let (host, recovered) = self.open("host").unwrap();
        assert_eq!(recovered, Recovered::Nothing);
        host
    }

    fn open(&self, name: &str) -> Result<(HostDir, Recovered), Error> {
        HostDir::open(&self.dir.path().join(name), &self.dir.path().join("exports"))
    }

    /// An export that is cut off before the first file is in its place.
    fn cut_off(&self, changes: &Changes) {
        let steps = Steps::told_to(|step| assert_ne!(step, "put", "cut off"));
        let (host, exports) = (self.dir.path().join("host"), self.dir.path().join("exports"));
        let (host, _) = HostDir::open_told(&host, &exports, steps).unwrap();
        let export = AssertUnwindSafe(|| host.export(&self.store, changes, false));
        assert!(catch_unwind(export).is_err());
    }

    /// The folder of what is staged.
    fn staged(&self) -> PathBuf {
        self.find_staged().unwrap()
    }

    fn is_staged(&self) -> bool {
        self.find_staged().is_some()
    }

    fn find_staged(&self) -> Option<PathBuf> {
        let names = std::fs::read_dir(self.dir.path().join("host")).unwrap().flatten();
        let staged = |name: &str| name.starts_with(STAGED);
        let mut found = names.filter(|entry| staged(&entry.file_name().to_string_lossy()));
        Some(found.next()?.path())
    }

    fn is_like(&self, other: &str) -> bool {
        let (host, other) = (self.dir.path().join("host"), self.dir.path().join(other));
        self.stack(&host).flat() == self.stack(&other).flat()
    }
}

/// Also where a folder went, or became something else.
#[test]
fn what_was_exported_can_be_exported_again() {
    for after in [&[("a", "1")][..], &[("a", "1"), ("d", "a file")]] {
        let case = Case::new(&[("a", "1"), ("d/e/x", "1"), ("d/y", "1")]);
        let changes = case.changes(after);
        assert!(case.host().export(&case.store, &changes, false).unwrap().paths > 0);
        assert!(case.is_like("other"));
        assert_eq!(case.host().export(&case.store, &changes, false).unwrap().paths, 0);
        assert!(case.is_like("other"));
    }
}

#[test]
fn a_folder_becomes_the_other_tree() {
    let case = Case::new(&[
        ("a", "1"),
        ("d/e/x", "1"),
        ("d/y", "1"),
        ("t/x", "1"),
        ("f", "1"),
        ("l", ">a"),
    ]);
    let changes = case.changes(&[
        ("a", "2"),
        ("n/m/x", "2"),
        ("t", "a file"),
        ("f/in", "2"),
        ("l", ">b"),
        ("d/y", "1"),
    ]);
    let exported = case.host().export(&case.store, &changes, false).unwrap();
    assert_eq!(exported.paths, changes.by_path().len());
    assert!(case.is_like("other"));
    let left = std::fs::read_dir(case.dir.path().join("exports")).unwrap();
    assert_eq!(left.count(), 1, "the lock");
    let nothing = case.changes(&[
        ("a", "2"),
        ("n/m/x", "2"),
        ("t", "a file"),
        ("f/in", "2"),
        ("l", ">b"),
        ("d/y", "1"),
    ]);
    assert_eq!(case.host().export(&case.store, &nothing, false).unwrap().paths, 0);
}

#[test]
fn what_somebody_else_has_done_is_not_overwritten() {
    let deeds: [(&str, Deed); 5] = [
        ("a", |host| std::fs::write(host.join("a"), "mine").unwrap()),
        ("a", |host| {
            std::fs::set_permissions(host.join("a"), std::fs::Permissions::from_mode(0o600))
                .unwrap()
        }),
        ("new", |host| std::fs::write(host.join("new"), "mine").unwrap()),
        ("d/mine", |host| std::fs::write(host.join("d/mine"), "mine").unwrap()),
        ("d", |host| {
            std::fs::rename(host.join("d"), host.join("elsewhere")).unwrap();
            symlink("elsewhere", host.join("d")).unwrap();
        }),
    ];
    for (at, deed) in deeds {
        let case = Case::new(&[("a", "1"), ("d/x", "1")]);
        let changes = case.changes(&[("a", "2"), ("new", "2")]);
        deed(&case.dir.path().join("host"));
        let before = case.stack(&case.dir.path().join("host")).flat();
        let error = case.host().export(&case.store, &changes, false).unwrap_err();
        assert!(error.to_string().starts_with(&format!("{at}: ")), "{at}: {error}");
        assert_eq!(case.stack(&case.dir.path().join("host")).flat(), before);
    }
}

#[test]
fn what_was_planted_needs_a_word() {
    for (path, text) in [
        (".git/hooks/pre-commit", "#!"),
        ("l", ">/etc/passwd"),
        ("app/.envrc", "x"),
        (".vscode/tasks.json", "{}"),
        (".claude/settings.json", "{}"),
        ("AGENTS.md", "x"),
        (".github/workflows/x.yml", "x"),
        (".cargo/config.toml", "x"),
    ] {
        let case = Case::new(&[("a", "1")]);
        let changes = case.changes(&[("a", "1"), (path, text)]);
        let error = case.host().export(&case.store, &changes, false).unwrap_err();
        assert!(error.to_string().contains("outside of the box"), "{error}");
        assert!(!case.is_like("other"));
        case.host().export(&case.store, &changes, true).unwrap();
        assert!(case.is_like("other"));
    }
}

/// Who allows one of them allows all, and hears of all.
#[test]
fn all_that_was_planted_is_named() {
    let case = Case::new(&[("a", "1")]);
    let changes = case.changes(&[("a", "2"), (".envrc", "x"), ("CLAUDE.md", "x"), ("l", ">/x")]);
    let error = case.host().export(&case.store, &changes, false).unwrap_err().to_string();
    let told = [".envrc: ", "so may CLAUDE.md: ", "so may l: "];
    assert!(told.iter().all(|told| error.contains(told)), "{error}");
}

#[test]
fn two_do_not_write_at_once_and_no_link_is_followed_out() {
    let case = Case::new(&[("d/x", "1")]);
    let host = case.host();
    let second = case.open("host").unwrap_err();
    assert!(matches!(second, Error::Busy(_)));
    // A folder of the machine is swapped for a link to elsewhere.
    let changes = case.changes(&[("d/x", "2")]);
    let (inside, outside) = (case.dir.path().join("host/d"), case.dir.path().join("outside"));
    std::fs::rename(&inside, &outside).unwrap();
    symlink(&outside, &inside).unwrap();
    assert!(host.export(&case.store, &changes, true).is_err());
    assert_eq!(std::fs::read_to_string(outside.join("x")).unwrap(), "1");
}

#[test]
fn a_folder_that_brings_a_plan_is_not_believed() {
    // What somebody has put into a repository, say, that was cloned.
    let plan = r#"{"format":1,"dir":"","inode":0,"stage":{"planned":{"planted":true,"plan":{"items":
        [{"path":".git/hooks/post-checkout","before":null,"after":{"symlink":{"target":"x"}}}]}}}}"#;
    let old = plan.replace("\"stage\":{\"planned\":{\"planted\":true,\"plan\":{", "");
    let case = Case::new(&[
        ("a", "1"),
        (".greenroom-export/plan", &old),
        (".greenroom-export/0", "#!"),
        (".greenroom-export-00/00", plan),
        (".greenroom-exported/0", "#!"),
    ]);
    let changes = case.changes(&[("a", "1"), ("new", "2")]);
    let keep = changes.by_path().keys().filter(|path| path.as_str().starts_with('.')).cloned();
    let keep = keep.collect();
    let exported = case.host().export(&case.store, &changes.without(&keep), false).unwrap();
    assert_eq!(exported.paths, 1);
    let host = case.dir.path().join("host");
    assert!(!host.join(".git").exists() && host.join(".greenroom-export/plan").exists());
    // A box that writes one itself, for whoever opens that folder, is told.
    let changes = case.changes(&[("a", "1"), ("w/.Greenroom-Export-1/plan", plan)]);
    let error = case.host().export(&case.store, &changes, false).unwrap_err();
    assert!(error.to_string().contains("exports give to what they stage"), "{error}");
}

#[test]
fn what_was_staged_is_looked_at_again_before_it_is_put() {
    let case = Case::new(&[("a", "1")]);
    let changes = case.changes(&[("a", "2"), ("new", "2")]);
    case.cut_off(&changes);
    let staged = case.staged();
    std::fs::write(staged.join("1"), "other").unwrap();
    let error = case.open("host").unwrap_err().to_string();
    assert!(error.contains("new: what was staged") && error.contains("--give-up"), "{error}");
    assert!(!case.dir.path().join("host/new").exists());
    std::fs::write(staged.join("1"), "2").unwrap();
    assert_eq!(case.open("host").unwrap().1, Recovered::Finished);
    assert!(case.is_like("other"));
    // Removing it by hand gives it up, too.
    let changes = case.changes(&[("a", "3")]);
    case.cut_off(&changes);
    std::fs::remove_dir_all(case.staged()).unwrap();
    assert_eq!(case.open("host").unwrap().1, Recovered::Nothing);
    assert_eq!(case.open("host").unwrap().1, Recovered::Nothing);
}

#[test]
fn a_copy_of_a_folder_is_not_the_folder() {
    let case = Case::new(&[("a", "1")]);
    case.cut_off(&case.changes(&[("a", "2")]));
    let (host, copy) = (case.dir.path().join("host"), case.dir.path().join("copy"));
    let copied = std::process::Command::new("cp").arg("-a").args([&host, &copy]).status();
    assert!(copied.unwrap().success());
    assert_eq!(case.open("copy").unwrap().1, Recovered::Nothing);
    assert_eq!(std::fs::read_to_string(copy.join("a")).unwrap(), "1");
    // Somebody has moved it meanwhile.
    std::fs::rename(&host, case.dir.path().join("moved")).unwrap();
    assert_eq!(case.open("moved").unwrap().1, Recovered::Finished);
    assert_eq!(std::fs::read_to_string(case.dir.path().join("moved/a")).unwrap(), "2");
}

/// A change whose folder the box knows, but which is not in the folder of the machine.
#[test]
fn a_folder_that_is_not_there_is_told_before_anything_is_begun() {
    let case = Case::new(&[("d/e/x", "1"), ("a", "1")]);
    let changes = case.changes(&[("d/e/x", "1"), ("d/e/new", "2"), ("a", "2")]);
    let host = case.dir.path().join("host");
    std::fs::remove_dir_all(host.join("d")).unwrap();
    let error = case.host().export(&case.store, &changes, false).unwrap_err().to_string();
    assert!(error.starts_with("d/e/new: ") && error.contains("not here"), "{error}");
    assert_eq!(std::fs::read_to_string(host.join("a")).unwrap(), "1");
    assert!(!case.is_staged());
    // The next export is not in its way, nor this one once the folder is there.
    std::fs::create_dir_all(host.join("d/e")).unwrap();
    case.host().export(&case.store, &changes, false).unwrap();
    assert_eq!(std::fs::read_to_string(host.join("d/e/new")).unwrap(), "2");
}

/// Where moving a file cannot work it is told first, too.
#[test]
fn a_folder_that_may_not_be_written_to_is_told_before_anything_is_begun() {
    let case = Case::new(&[("d/x", "1"), ("a", "1")]);
    let changes = case.changes(&[("d/x", "2"), ("a", "2")]);
    let inside = case.dir.path().join("host/d");
    std::fs::set_permissions(&inside, std::fs::Permissions::from_mode(0o555)).unwrap();
    let exported = case.host().export(&case.store, &changes, false);
    std::fs::set_permissions(&inside, std::fs::Permissions::from_mode(0o755)).unwrap();
    if rustix::process::geteuid().is_root() {
        // Root may write everywhere.
        exported.unwrap();
        return;
    }
    let error = exported.unwrap_err().to_string();
    assert!(error.starts_with("d/x: ") && error.contains("may not write"), "{error}");
    assert_eq!(std::fs::read_to_string(case.dir.path().join("host/a")).unwrap(), "1");
}

/// Somebody removes a folder while a plan is carried out: it is told what to do, and there is
/// a way out that leaves the folder to later exports.
#[test]
fn a_plan_that_cannot_be_finished_is_finished_later_or_given_up() {
    for gives_up in [false, true] {
        let case = Case::new(&[("a", "1"), ("d/x", "1"), ("z", "1")]);
        let changes = case.changes(&[("a", "2"), ("d/x", "1"), ("d/y", "2"), ("z", "2")]);
        let (host, exports) = (case.dir.path().join("host"), case.dir.path().join("exports"));
        let (folder, away) = (host.join("d"), case.dir.path().join("away"));
        let (from, to) = (folder.clone(), away.clone());
        let steps = Steps::told_to(move |step| {
            if step == "put" && from.exists() {
                std::fs::rename(&from, &to).unwrap();
            }
        });
        let (open, _) = HostDir::open_told(&host, &exports, steps).unwrap();
        let error = open.export(&case.store, &changes, false).unwrap_err().to_string();
        assert!(error.contains("d/y") && error.contains("--give-up"), "{error}");
        drop(open);
        let again = case.open("host").unwrap_err().to_string();
        assert!(again.contains("d/y") && again.contains("--give-up"), "{again}");
        if gives_up {
            let left = HostDir::give_up(&host, &exports).unwrap();
            assert_eq!(left.iter().map(TreePath::as_str).collect::<Vec<_>>(), ["d/y", "z"]);
            assert!(!case.is_staged());
            assert!(HostDir::give_up(&host, &exports).unwrap().is_empty());
            std::fs::rename(&away, &folder).unwrap();
            // `a` is there already; the rest follows.
            case.host().export(&case.store, &changes, false).unwrap();
        } else {
            std::fs::rename(&away, &folder).unwrap();
            assert_eq!(case.open("host").unwrap().1, Recovered::Finished);
        }
        assert!(case.is_like("other"));
    }
}

/// What somebody does in the host's folder.
type Deed = fn(&Path);

/// The host's folder while an export is at a step: somebody does something, once.
fn export_while(
    case: &Case,
    changes: &Changes,
    at: &'static str,
    deed: Deed,
) -> Result<Exported, Error> {
    let (host, exports) = (case.dir.path().join("host"), case.dir.path().join("exports"));
    let (inside, once) = (host.clone(), std::sync::Once::new());
    let steps = Steps::told_to(move |step| {
        if step == at {
            once.call_once(|| deed(&inside));
        }
    });
    HostDir::open_told(&host, &exports, steps)?.0.export(&case.store, changes, false)
}

#[test]
fn what_is_edited_while_files_are_staged_is_not_overwritten() {
    let case = Case::new(&[("a", "1"), ("b", "1"), ("gone", "1")]);
    let changes = case.changes(&[("a", "2"), ("b", "2"), ("new", "2")]);
    for (path, deed) in [
        ("a", (|host| std::fs::write(host.join("a"), "mine").unwrap()) as Deed),
        ("gone", |host| std::fs::write(host.join("gone"), "mine").unwrap()),
        ("new", |host| std::fs::write(host.join("new"), "mine").unwrap()),
    ] {
        let host = case.dir.path().join("host");
        write(&host, &[("a", "1"), ("b", "1"), ("gone", "1")]);
        let _ = std::fs::remove_file(host.join("new"));
        let error = export_while(&case, &changes, "stage", deed).unwrap_err().to_string();
        assert!(error.starts_with(&format!("{path}: ")), "{path}: {error}");
        assert_eq!(std::fs::read_to_string(host.join(path)).unwrap(), "mine");
        // Nothing was changed, and nothing is in the way.
        assert_eq!(std::fs::read_to_string(host.join("b")).unwrap(), "1");
        assert!(!case.is_staged());
    }
}

/// At the last moment before a path is changed, and between the look at it and its change.
#[test]
fn what_is_edited_while_an_export_is_applied_is_not_overwritten() {
    let deeds: [(&str, &str, Deed); 6] = [
        ("a", "put", |host| std::fs::write(host.join("a"), "mine").unwrap()),
        ("a", "swap", |host| std::fs::write(host.join("a"), "mine").unwrap()),
        ("a", "swap", |host| {
            std::fs::remove_file(host.join("a")).unwrap();
            std::fs::write(host.join("a"), "mine").unwrap();
        }),
        ("new", "put", |host| std::fs::write(host.join("new"), "mine").unwrap()),
        ("gone", "remove", |host| std::fs::write(host.join("gone"), "mine").unwrap()),
        ("gone", "take", |host| std::fs::write(host.join("gone"), "mine").unwrap()),
    ];
    for ((path, step, deed), gives_up) in deeds.into_iter().flat_map(|d| [(d, false), (d, true)]) {
        let case = Case::new(&[("a", "1"), ("gone", "1")]);
        let changes = case.changes(&[("a", "2"), ("new", "2")]);
        let (host, exports) = (case.dir.path().join("host"), case.dir.path().join("exports"));
        let error = export_while(&case, &changes, step, deed).unwrap_err().to_string();
        let told = error.contains(&format!(" {path}: ")) && error.contains("--give-up");
        assert!(told, "{path} at {step}: {error}");
        let mine = || std::fs::read_to_string(host.join(path)).unwrap();
        assert_eq!(mine(), "mine", "{path} at {step}");
        let again = case.open("host").unwrap_err().to_string();
        assert!(again.contains(path) && mine() == "mine", "{again}");
        // It is put right, or the rest is given up.
        if !gives_up {
            std::fs::rename(host.join(path), case.dir.path().join("mine")).unwrap();
            assert_eq!(case.open("host").unwrap().1, Recovered::Finished);
            assert!(case.is_like("other"));
        } else {
            HostDir::give_up(&host, &exports).unwrap();
            assert_eq!(mine(), "mine");
        }
        assert!(!case.is_staged());
    }
}

/// What it has replaced or taken away is looked at again by whoever finishes it.
#[test]
fn what_was_edited_when_an_export_was_cut_off_is_given_back() {
    let steps =
        [("a", "swap", "look at what was swapped"), ("gone", "take", "look at what was taken")];
    for (path, last, cut_off) in steps {
        let case = Case::new(&[("a", "1"), ("gone", "1")]);
        let changes = case.changes(&[("a", "2")]);
        let (host, exports) = (case.dir.path().join("host"), case.dir.path().join("exports"));
        let inside = host.join(path);
        let steps = Steps::told_to(move |step| {
            if step == last {
                std::fs::write(&inside, "mine").unwrap();
            }
            assert_ne!(step, cut_off, "cut off");
        });
        let open = HostDir::open_told(&host, &exports, steps).unwrap().0;
        let export = AssertUnwindSafe(|| open.export(&case.store, &changes, false));
        assert!(catch_unwind(export).is_err());
        drop(open);
        let again = case.open("host").unwrap_err().to_string();
        assert!(again.contains(&format!(" {path}: ")), "{again}");
        assert_eq!(std::fs::read_to_string(host.join(path)).unwrap(), "mine");
    }
}

#[test]
fn a_file_system_that_cannot_exchange_names_gets_all_too() {
    let case = Case::new(&[("a", "1"), ("l", ">a"), ("f", "1")]);
    let changes = case.changes(&[("a", "2"), ("l", ">b"), ("f/in", "2")]);
    let mut host = case.host();
    host.exchanges = false;
    assert_eq!(host.export(&case.store, &changes, false).unwrap().paths, 4);
    assert!(case.is_like("other") && !case.is_staged());
}

#[test]
fn what_is_there_already_is_not_counted() {
    let case = Case::new(&[("a", "1"), ("d/x", "1"), ("gone", "1")]);
    let changes = case.changes(&[("a", "2"), ("d/x", "1"), ("n/new", "2")]);
    assert_eq!(case.host().export(&case.store, &changes, false).unwrap().paths, 4);
    assert_eq!(case.host().export(&case.store, &changes, false).unwrap().paths, 0);
    std::fs::remove_file(case.dir.path().join("host/n/new")).unwrap();
    assert_eq!(case.host().export(&case.store, &changes, false).unwrap().paths, 1);
    assert!(case.is_like("other"));
}

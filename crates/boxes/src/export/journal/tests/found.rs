//! Whatever is found at a path and beside it, when an export that was cut off is finished or
//! given up: what somebody has saved is still there, and what the refusal says helps.

use super::*;
use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What is at a path: nothing, a text, `|` for a pipe, `/` for a folder with a file `in` of the
/// text that follows, if one does.
fn set(at: &Path, what: &str) {
    let _ = std::fs::remove_dir_all(at).or_else(|_| std::fs::remove_file(at));
    match what.strip_prefix('/') {
        Some(inside) => {
            std::fs::create_dir(at).unwrap();
            if !inside.is_empty() {
                std::fs::write(at.join("in"), inside).unwrap();
            }
        }
        None if what == "|" => {
            let mode = Mode::from(0o600);
            let pipe = rustix::fs::FileType::Fifo;
            rustix::fs::mknodat(rustix::fs::CWD, at, pipe, mode, 0).unwrap();
        }
        None if what.is_empty() => {}
        None => std::fs::write(at, what).unwrap(),
    }
}

fn get(at: &Path) -> String {
    match at.symlink_metadata() {
        Err(_) => String::new(),
        Ok(is) if is.is_dir() => format!("/{}", get(&at.join("in"))),
        Ok(is) if is.is_file() => std::fs::read_to_string(at).unwrap(),
        Ok(_) => "|".into(),
    }
}

/// A kind of change to `a`, and the name of what is staged for it or was taken for it.
struct Kind {
    before: &'static str,
    after: &'static str,
    beside: &'static str,
}

impl Kind {
    /// An export that was cut off when nothing was done, and then what is found is this.
    fn found(&self, host: &str, beside: &str) -> Case {
        let case = Case::new(&[("keep", "1")]);
        let at = case.dir.path().join("host/a");
        set(&at, self.before);
        let other = case.dir.path().join("other");
        write(&other, &[("keep", "1")]);
        set(&other.join("a"), self.after);
        let inside = case.dir.path().join("host");
        let changes = Changes::between(&case.stack(&inside), &case.stack(&other));
        let steps = Steps::told_to(|step| assert!(!["remove", "put"].contains(&step), "cut off"));
        let (open, _) =
            HostDir::open_told(&inside, &case.dir.path().join("exports"), steps).unwrap();
        let export = AssertUnwindSafe(|| open.export(&case.store, &changes, false));
        assert!(catch_unwind(export).is_err());
        set(&at, host);
        set(&case.staged().join(self.beside), beside);
        case
    }

    /// Finishes it, or hears why not and does what it hears.
    fn finish(&self, host: &str, beside: &str) -> (String, String) {
        let case = self.found(host, beside);
        let at = case.dir.path().join("host/a");
        let told = match case.open("host") {
            Ok((_, recovered)) => {
                assert_eq!(recovered, Recovered::Finished);
                assert!(!case.is_staged());
                return ("done".into(), get(&at));
            }
            Err(error) => error.to_string(),
        };
        let (is, told_again) = (get(&at), case.open("host").unwrap_err().to_string());
        assert_eq!((&told, &is), (&told_again, &get(&at)), "it stays so");
        let away = case.dir.path().join("away");
        let word = if told.contains("changed by somebody else meanwhile; move it away") {
            std::fs::rename(&at, &away).unwrap();
            "changed"
        } else if told.contains("put there what the box has") {
            set(&at, self.after);
            "not staged"
        } else {
            assert!(told.contains("has no way back; move it from there"), "{told}");
            assert!(told.contains(&format!("/{},", self.beside)), "{told}");
            std::fs::rename(case.staged().join(self.beside), &away).unwrap();
            "kept"
        };
        match case.open("host") {
            Ok((_, recovered)) => assert_eq!(recovered, Recovered::Finished),
            // It was two that were in the way of each other.
            Err(error) if word == "kept" => {
                let error = error.to_string();
                assert!(!error.contains("has no way back"), "{error}");
            }
            Err(error) => panic!("{told}: {error}"),
        }
        if word != "kept" {
            assert!(case.is_like("other"), "{told}");
        }
        (word.into(), is)
    }

    /// Gives it up.
    fn give_up(&self, host: &str, beside: &str) -> String {
        let case = self.found(host, beside);
        let (root, exports) = (case.dir.path().join("host"), case.dir.path().join("exports"));
        let given_up = HostDir::give_up(&root, &exports);
        let is = get(&root.join("a"));
        match given_up {
            Ok(_) => {
                assert!(!case.is_staged());
                assert_eq!(case.open("host").unwrap().1, Recovered::Nothing);
                is
            }
            Err(error) => {
                assert!(error.to_string().contains("has no way back"), "{error}");
                assert_eq!(get(&case.staged().join(self.beside)), beside);
                let away = case.dir.path().join("away");
                std::fs::rename(case.staged().join(self.beside), away).unwrap();
                HostDir::give_up(&root, &exports).unwrap();
                assert_eq!(get(&root.join("a")), is);
                format!("kept {is}")
            }
        }
    }

    /// Each row: what is at the path, what is beside it, what comes of finishing it, what is at
    /// the path then, and what is there after it was given up instead.
    fn rows(&self, rows: &[[&str; 5]]) {
        for [host, beside, word, finished, given_up] in rows {
            let (is_word, is) = self.finish(host, beside);
            let row = format!("{} to {}: `{host}` and `{beside}`", self.before, self.after);
            assert_eq!((is_word.as_str(), is.as_str()), (*word, *finished), "{row}");
            assert_eq!(self.give_up(host, beside), *given_up, "{row}, given up");
        }
    }
}

#[test]
fn a_file_that_is_replaced() {
    Kind { before: "1", after: "2", beside: "0" }.rows(&[
        ["", "2", "done", "2", ""],
        ["1", "2", "done", "2", "1"],
        ["2", "2", "done", "2", "2"],
        ["mine", "2", "changed", "mine", "mine"],
        ["|", "2", "changed", "|", "|"],
        ["/mine", "2", "changed", "/mine", "/mine"],
        // It was replaced, and this is what somebody has made of it since.
        ["", "1", "done", "", ""],
        ["1", "1", "done", "1", "1"],
        ["2", "1", "done", "2", "2"],
        ["mine", "1", "done", "mine", "mine"],
        ["|", "1", "done", "|", "|"],
        ["", "", "not staged", "", ""],
        ["1", "", "not staged", "1", "1"],
        ["2", "", "done", "2", "2"],
        ["mine", "", "done", "mine", "mine"],
        // Nobody has looked yet at what was replaced.
        ["", "theirs", "done", "theirs", "theirs"],
        ["1", "theirs", "kept", "1", "kept 1"],
        ["2", "theirs", "changed", "theirs", "theirs"],
        ["mine", "theirs", "kept", "mine", "kept mine"],
        ["2", "/theirs", "changed", "/theirs", "/theirs"],
    ]);
}

/// Where the file system cannot exchange names: what was there is taken away first.
#[test]
fn a_file_that_is_replaced_without_an_exchange() {
    Kind { before: "1", after: "2", beside: "0-taken" }.rows(&[
        // Taken, and nothing put in its place: given up, it is there again.
        ["", "1", "done", "2", "1"],
        ["1", "1", "done", "2", "1"],
        ["2", "1", "done", "2", "2"],
        ["mine", "1", "changed", "mine", "mine"],
        ["", "2", "done", "2", ""],
        ["", "theirs", "changed", "theirs", "theirs"],
        ["1", "theirs", "kept", "1", "kept 1"],
        ["2", "theirs", "kept", "2", "kept 2"],
        ["mine", "theirs", "kept", "mine", "kept mine"],
    ]);
}

#[test]
fn a_file_that_is_new() {
    Kind { before: "", after: "2", beside: "0" }.rows(&[
        ["", "2", "done", "2", ""],
        ["2", "2", "done", "2", "2"],
        ["mine", "2", "changed", "mine", "mine"],
        ["|", "2", "changed", "|", "|"],
        ["/", "2", "changed", "/", "/"],
        ["", "", "not staged", "", ""],
        ["2", "", "done", "2", "2"],
        ["mine", "", "done", "mine", "mine"],
        // It replaces nothing, so this is nobody's.
        ["", "theirs", "not staged", "", ""],
        ["2", "theirs", "done", "2", "2"],
        ["mine", "theirs", "not staged", "mine", "mine"],
    ]);
}

#[test]
fn a_file_that_is_removed() {
    Kind { before: "1", after: "", beside: "0-taken" }.rows(&[
        ["", "", "done", "", ""],
        ["1", "", "done", "", "1"],
        ["mine", "", "changed", "mine", "mine"],
        ["|", "", "changed", "|", "|"],
        ["/mine", "", "changed", "/mine", "/mine"],
        ["", "1", "done", "", ""],
        ["1", "1", "done", "", "1"],
        ["mine", "1", "done", "mine", "mine"],
        ["", "theirs", "changed", "theirs", "theirs"],
        ["1", "theirs", "kept", "1", "kept 1"],
        ["mine", "theirs", "kept", "mine", "kept mine"],
        ["", "/theirs", "changed", "/theirs", "/theirs"],
    ]);
}

#[test]
fn a_file_that_becomes_a_folder() {
    Kind { before: "1", after: "/2", beside: "0-taken" }.rows(&[
        ["", "", "done", "/2", ""],
        ["1", "", "done", "/2", "1"],
        ["mine", "", "changed", "mine", "mine"],
        ["/", "", "done", "/2", "/"],
        ["/mine", "", "changed", "/mine", "/mine"],
        // Removed, and nothing put in its place: given up, it is there again.
        ["", "1", "done", "/2", "1"],
        ["1", "1", "done", "/2", "1"],
        ["mine", "1", "changed", "mine", "mine"],
        ["/", "1", "done", "/2", "/"],
        ["", "theirs", "changed", "theirs", "theirs"],
        ["1", "theirs", "kept", "1", "kept 1"],
        ["/", "theirs", "kept", "/", "kept /"],
    ]);
}

#[test]
fn a_folder_that_becomes_a_file() {
    Kind { before: "/1", after: "2", beside: "1-taken" }.rows(&[
        ["", "", "done", "2", "/"],
        ["/1", "", "done", "2", "/1"],
        ["/", "", "done", "2", "/"],
        ["/mine", "", "changed", "/mine", "/mine"],
        ["mine", "", "changed", "mine", "mine"],
        ["", "1", "done", "2", "/1"],
        ["/", "1", "done", "2", "/1"],
        ["/1", "1", "done", "2", "/1"],
        ["2", "1", "done", "2", "2"],
        ["mine", "1", "changed", "mine", "mine"],
        ["/", "theirs", "changed", "/theirs", "/theirs"],
        ["/mine", "theirs", "kept", "/mine", "kept /mine"],
    ]);
}

/// What stands in a folder that was to go stays, and says so.
#[test]
fn a_folder_with_something_new_in_it_is_not_removed() {
    let case = Kind { before: "/1", after: "2", beside: "1-taken" }.found("/1", "");
    let mine = case.dir.path().join("host/a/mine");
    std::fs::write(&mine, "mine").unwrap();
    let told = case.open("host").unwrap_err().to_string();
    assert!(told.contains(" a: something is in it") && mine.exists(), "{told}");
    std::fs::rename(&mine, case.dir.path().join("mine")).unwrap();
    assert_eq!(case.open("host").unwrap().1, Recovered::Finished);
    assert!(case.is_like("other"));
}

/// Nothing is put back into a folder that somebody has removed, and it is in nobody's way.
#[test]
fn what_was_in_a_folder_that_is_gone_is_given_up() {
    let case = Case::new(&[("d/a", "1"), ("keep", "1")]);
    case.cut_off(&case.changes(&[("d/a/in", "2"), ("keep", "1")]));
    let (host, exports) = (case.dir.path().join("host"), case.dir.path().join("exports"));
    std::fs::remove_dir(host.join("d")).unwrap();
    let told = case.open("host").unwrap_err().to_string();
    assert!(told.contains(" d/a: the folder that it is in is not there now"), "{told}");
    let left = HostDir::give_up(&host, &exports).unwrap();
    assert_eq!(left.iter().map(TreePath::as_str).collect::<Vec<_>>(), ["d/a", "d/a/in"]);
    assert!(!case.is_staged() && !host.join("d").exists());
}

/// All texts below a folder.
fn texts(dir: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(dir).unwrap().flatten() {
        match entry.file_type().unwrap().is_dir() {
            true => texts(&entry.path(), found),
            false => drop(found.insert(std::fs::read_to_string(entry.path()).unwrap())),
        }
    }
}

/// Somebody who saves a file at each step of a range, and a process that ends at a later one.
/// Steps count from when all is staged: what is saved before is refused.
struct Saves {
    case: Case,
    changes: Changes,
    path: &'static str,
    exchanges: bool,
}

impl Saves {
    fn new(path: &'static str, exchanges: bool) -> Saves {
        let case = Case::new(&[("a", "1"), ("gone", "1")]);
        let changes = case.changes(&[("a", "2")]);
        Saves { case, changes, path, exchanges }
    }

    fn dirs(&self) -> (PathBuf, PathBuf) {
        (self.case.dir.path().join("host"), self.case.dir.path().join("exports"))
    }

    /// How many steps there were, and what was saved last.
    fn cut_off(&self, saved: RangeInclusive<usize>, cut_off: usize) -> (usize, String) {
        let (host, exports) = self.dirs();
        for dir in [&host, &exports] {
            let _ = std::fs::remove_dir_all(dir);
        }
        write(&host, &[("a", "1"), ("gone", "1")]);
        let (file, beside) = (host.join(self.path), self.case.dir.path().join("beside"));
        let count = Arc::new(AtomicUsize::new(0));
        let (counter, steps) = (count.clone(), saved.clone());
        let steps = Steps::told_to(move |step| {
            let before = counter.load(Ordering::Relaxed);
            if before == 0 && step != "write down the plan" {
                return;
            }
            let at = before + 1;
            counter.store(at, Ordering::Relaxed);
            if steps.contains(&at) {
                // As most editors do it.
                std::fs::write(&beside, format!("mine {at}")).unwrap();
                std::fs::rename(&beside, &file).unwrap();
            }
            if at == cut_off {
                // Says nothing, for it happens often.
                resume_unwind(Box::new("cut off"));
            }
        });
        let mut open = HostDir::open_told(&host, &exports, steps).unwrap().0;
        open.exchanges = self.exchanges;
        let export = || open.export(&self.case.store, &self.changes, false);
        let _ = catch_unwind(AssertUnwindSafe(export));
        let count = count.load(Ordering::Relaxed);
        (count, format!("mine {}", count.min(*saved.end())))
    }

    /// Whether it is there after a crash at each step from the first at which it is saved. How
    /// many crashes that were; none if the export has not so many steps.
    fn outlive_any_crash(&self, saved: &RangeInclusive<usize>) -> usize {
        let (host, exports) = self.dirs();
        for cut_off in *saved.start().. {
            let (count, mine) = self.cut_off(saved.clone(), cut_off);
            if count < cut_off {
                return cut_off - saved.start();
            }
            // It is finished, if it can be, and then given up; or given up at once.
            for gives_up in [cut_off % 2 == 0, true] {
                match gives_up {
                    true => drop(HostDir::give_up(&host, &exports)),
                    false => drop(self.case.open("host")),
                }
                let mut found = BTreeSet::new();
                texts(&host, &mut found);
                assert!(found.contains(&mine), "{}: {saved:?}, {cut_off}: {found:?}", self.path);
            }
        }
        0
    }
}

#[test]
fn what_is_saved_at_any_step_outlives_any_crash() {
    for (path, exchanges, again) in
        [("a", true, 0), ("a", true, 1), ("a", false, 0), ("gone", true, 0)]
    {
        let saves = Saves::new(path, exchanges);
        let crashes = (1..).map(|first| saves.outlive_any_crash(&(first..=first + again)));
        let crashes: usize = crashes.take_while(|crashes| *crashes > 0).sum();
        assert!(crashes > 30, "{path}: {crashes} crashes");
    }
}

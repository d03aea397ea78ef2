//! Commits through the store: the modes, nesting, races, many layers, and random ones
//! against a plain model.

use super::*;
use crate::hash::BlobHash;
use crate::path::TreePath;
use crate::tree::{Change, Entry, Manifest, layer};
use proptest::prelude::*;
use std::collections::BTreeMap;

fn path(text: &str) -> TreePath {
    TreePath::new(text).unwrap()
}

struct House {
    _dir: tempfile::TempDir,
    boxes: Branches,
}

impl House {
    fn new(files: &[(&str, &str)]) -> House {
        let dir = tempfile::tempdir().unwrap();
        let boxes = Branches::open(dir.path()).unwrap();
        let mut writing = boxes.store().write().unwrap();
        let manifest = manifest(&mut writing, files);
        let id = writing.layer(manifest).unwrap();
        boxes.found(&writing, "main", &[id]).unwrap();
        drop(writing);
        House { _dir: dir, boxes }
    }

    /// `-` removes, `>x` is a link.
    fn write(&self, branch: &str, files: &[(&str, &str)]) {
        let mut writing = self.boxes.store().write().unwrap();
        let manifest = manifest(&mut writing, files);
        self.boxes.seal(&mut writing, branch, manifest).unwrap();
    }

    fn commit(&self, branch: &str, mode: Mode) -> Result<Committed, Error> {
        self.boxes.commit(branch, Terms { mode, merge_text: false })
    }

    fn files(&self, name: &str) -> Vec<(String, String)> {
        let head = self.boxes.head(name).unwrap();
        let flat = self.boxes.store().stack(&head.stack).unwrap().flat();
        let files = flat.into_iter().filter_map(|(path, entry)| match entry {
            Entry::File { hash, .. } => {
                let text = String::from_utf8(self.boxes.store().blob(hash).unwrap()).unwrap();
                Some((path.to_string(), text))
            }
            _ => None,
        });
        files.collect()
    }
}

fn manifest(writing: &mut Writing<'_>, files: &[(&str, &str)]) -> Manifest {
    let mut entries = BTreeMap::new();
    for (at, text) in files {
        let entry = match *text {
            "-" => Entry::Tombstone,
            link if link.starts_with('>') => Entry::Symlink { target: link[1..].to_owned() },
            text => {
                let (hash, size) = writing.blob(&mut text.as_bytes(), 1 << 20).unwrap();
                Entry::file(hash, size, 0o644)
            }
        };
        entries.insert(path(at), entry);
    }
    Manifest::with_folders(entries).unwrap()
}

fn files(all: &[(&str, &str)]) -> Vec<(String, String)> {
    all.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect()
}

#[test]
fn who_is_first_wins_and_the_other_can_be_rebased() {
    let house = House::new(&[("a", "1"), ("b", "1"), ("c", "1")]);
    for name in ["x", "y", "z"] {
        house.boxes.branch("main", name).unwrap();
    }
    house.write("x", &[("a", "x")]);
    house.write("y", &[("b", "y"), ("new/y", "y")]);
    house.write("z", &[("a", "z"), ("c", "-")]);
    let committed = house.commit("x", Mode::FirstWins).unwrap();
    assert_eq!(committed.changes.by_path().len(), 1);

    let overtaken = house.commit("y", Mode::FirstWins).unwrap_err();
    assert!(
        matches!(&overtaken, Error::Overtaken { overlaps, .. } if overlaps.is_empty()),
        "{overtaken}"
    );
    assert_eq!(house.boxes.head("y").unwrap().state, State::Open);
    house.commit("y", Mode::Rebase).unwrap();
    let both = files(&[("a", "x"), ("b", "y"), ("c", "1"), ("new/y", "y")]);
    assert_eq!(house.files("main"), both);

    let before = house.boxes.head("main").unwrap();
    let conflict = house.commit("z", Mode::Rebase).unwrap_err();
    let words = "`z` and `main` both changed\n  a: changed there, changed in the branch";
    assert_eq!(conflict.to_string(), words);
    let Error::Conflict { overlaps, .. } = conflict else { panic!("a conflict") };
    let entry = |text: &str| Some(Entry::file(BlobHash::of(text.as_bytes()), 1, 0o644));
    let overlap =
        Overlap { path: path("a"), base: entry("1"), ours: entry("x"), theirs: entry("z") };
    assert_eq!(overlaps, [overlap]);
    assert_eq!(house.boxes.head("main").unwrap(), before);

    let forced = house.commit("z", Mode::Force).unwrap();
    assert_eq!((forced.forced.len(), forced.parent.moves), (1, 3));
    assert_eq!(house.files("main"), files(&[("a", "z"), ("b", "y"), ("new/y", "y")]));
    let twice = house.commit("z", Mode::Force).unwrap_err();
    assert_eq!(twice.to_string(), "`z` was committed already");
}

/// A change of each side to `d/x` and `d/e/f`, and what is named when the branch's wins: the
/// paths that both are about, then all that the parent gets.
type Clash<'a> = (Files<'a>, Files<'a>, &'a [&'a str], &'a [&'a str]);

type Files<'a> = &'a [(&'a str, &'a str)];

#[test]
fn a_removed_folder_conflicts_with_what_is_written_in_it() {
    let clashes: [Clash<'_>; 8] = [
        (&[("d", "-")], &[("d/new", "1")], &["d", "d/new"], &["+d", "+d/new"]),
        (&[("d/new", "1")], &[("d", "-")], &["d/new"], &["-d", "-d/e", "-d/e/f", "-d/new", "-d/x"]),
        (&[("d/x", "2")], &[("d", "a file")], &["d/x"], &["*d", "-d/e", "-d/e/f", "-d/x"]),
        // The parent has a file, or a link, where the branch wrote into a folder.
        (&[("d", "precious")], &[("d/new", "1")], &["d", "d/new"], &["*d", "+d/new"]),
        (&[("d/e", ">x")], &[("d/e/f", "2")], &["d/e", "d/e/f"], &["*d/e", "+d/e/f"]),
        (
            &[("d", "precious")],
            &[("d/e/f", "2")],
            &["d", "d/e", "d/e/f"],
            &["*d", "+d/e", "+d/e/f"],
        ),
        // And the other way round.
        (
            &[("n/x", "1"), ("n/y", "1")],
            &[("n", "1")],
            &["n", "n/x", "n/y"],
            &["*n", "-n/x", "-n/y"],
        ),
        (&[("n", "1")], &[("n/x", "1")], &["n"], &["*n", "+n/x"]),
    ];
    for (ours, theirs, named, got) in clashes {
        let house = House::new(&[("d/x", "1"), ("d/e/f", "1")]);
        house.boxes.branch("main", "one").unwrap();
        house.boxes.branch("main", "two").unwrap();
        house.write("one", ours);
        house.write("two", theirs);
        house.commit("one", Mode::Rebase).unwrap();
        let before = house.boxes.head("main").unwrap();
        let Error::Conflict { overlaps, .. } = house.commit("two", Mode::Rebase).unwrap_err()
        else {
            panic!("a conflict")
        };
        let paths = |found: &[Overlap]| -> Vec<String> {
            found.iter().map(|overlap| overlap.path.to_string()).collect()
        };
        assert_eq!(paths(&overlaps), named, "{ours:?} {theirs:?}");
        let forced = house.commit("two", Mode::Force).unwrap();
        assert_eq!(paths(&forced.forced), paths(&overlaps));
        assert_eq!(told(&forced.changes), got, "{ours:?} {theirs:?}");
        // What is told is what has become of the parent.
        let stack = |head: &Head| house.boxes.store().stack(&head.stack).unwrap();
        assert_eq!(forced.changes, Changes::between(&stack(&before), &stack(&forced.parent)));
    }
}

/// `+` is added, `-` removed, `*` changed.
fn told(changes: &Changes) -> Vec<String> {
    let one = |(path, change): (&TreePath, &Change)| match (&change.before, &change.after) {
        (None, _) => format!("+{path}"),
        (_, None) => format!("-{path}"),
        _ => format!("*{path}"),
    };
    changes.by_path().iter().map(one).collect()
}

#[test]
fn texts_are_merged_where_their_lines_are_apart() {
    let lines = |first: &str, last: &str| format!("{first}\n2\n3\n4\n5\n6\n7\n{last}\n");
    let house = House::new(&[("t", &lines("1", "8"))]);
    for name in ["x", "y", "z"] {
        house.boxes.branch("main", name).unwrap();
    }
    house.write("x", &[("t", &lines("one", "8"))]);
    house.write("y", &[("t", &lines("1", "eight"))]);
    house.write("z", &[("t", &lines("uno", "8"))]);
    house.commit("x", Mode::FirstWins).unwrap();
    let terms = Terms { mode: Mode::Rebase, merge_text: true };
    let committed = house.boxes.commit("y", terms).unwrap();
    assert_eq!((committed.merged.len(), committed.forced.len()), (1, 0));
    assert_eq!(house.files("main"), files(&[("t", &lines("one", "eight"))]));
    // The same lines.
    assert!(matches!(house.boxes.commit("z", terms), Err(Error::Conflict { .. })));
}

#[test]
fn branches_of_branches_go_back_one_by_one() {
    let house = House::new(&[("a", "1")]);
    house.boxes.branch("main", "lead").unwrap();
    house.boxes.branch("lead", "one").unwrap();
    house.boxes.branch("lead", "two").unwrap();
    house.write("one", &[("one", "1")]);
    house.write("two", &[("two", "2")]);
    let early = house.commit("lead", Mode::Force).unwrap_err().to_string();
    assert!(early.contains("has the open branch `one`"), "{early}");
    house.commit("one", Mode::FirstWins).unwrap();
    house.commit("two", Mode::Rebase).unwrap();
    assert_eq!(house.files("main"), files(&[("a", "1")]));
    house.commit("lead", Mode::FirstWins).unwrap();
    assert_eq!(house.files("main"), files(&[("a", "1"), ("one", "1"), ("two", "2")]));
    let root = house.commit("main", Mode::Force).unwrap_err().to_string();
    assert!(root.contains("no parent"), "{root}");
}

#[test]
fn many_commits_do_not_make_many_layers() {
    let house = House::new(&[("a", "0")]);
    for number in 0..80 {
        house.boxes.branch("main", "next").unwrap();
        let text = number.to_string();
        house.write("next", &[("a", &text), (&format!("d/{number}"), &text)]);
        house.commit("next", Mode::FirstWins).unwrap();
        assert!(house.boxes.head("main").unwrap().stack.len() <= LAYERS_MAX);
    }
    assert_eq!(house.files("main").len(), 81);
    assert_eq!(house.files("main")[0].1, "79");
}

#[test]
fn of_many_at_once_none_is_lost() {
    const EACH: usize = 12;
    let house = House::new(&[("a", "0")]);
    for number in 0..4 * EACH {
        house.boxes.branch("main", &number.to_string()).unwrap();
        house.write(&number.to_string(), &[(&format!("f/{number}"), "x")]);
    }
    std::thread::scope(|scope| {
        for worker in 0..4 {
            let house = &house;
            scope.spawn(move || {
                // As another process would.
                let boxes = Branches::open(house.boxes.store().dir()).unwrap();
                for number in 0..EACH {
                    let name = (worker * EACH + number).to_string();
                    boxes.commit(&name, Terms { mode: Mode::Rebase, merge_text: false }).unwrap();
                }
            });
        }
    });
    assert_eq!(house.files("main").len(), 4 * EACH + 1);
}

type Choices = Vec<(u8, u8)>;

fn seals() -> impl Strategy<Value = Vec<Choices>> {
    prop::collection::vec(prop::collection::vec((any::<u8>(), any::<u8>()), 0..5), 0..3)
}

type Tree = BTreeMap<TreePath, Entry>;

/// What the parent must be after: each side's changes path by path, if that is a tree.
fn model(base: &Tree, ours: &Tree, theirs: &Tree) -> Option<Tree> {
    let paths: BTreeSet<_> = base.keys().chain(ours.keys()).chain(theirs.keys()).collect();
    let mut merged = Tree::new();
    for path in paths {
        let (was, our, their) = (base.get(path), ours.get(path), theirs.get(path));
        let taken = match (was == our, was == their) {
            (true, _) => their,
            (_, true) => our,
            _ if our == their => our,
            _ => return None,
        };
        merged.extend(taken.map(|entry| (path.clone(), entry.clone())));
    }
    Manifest::new(merged.clone()).is_ok().then_some(merged)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_rebase_is_the_plain_merge_or_changes_nothing(base in seals(), ours in seals(), theirs in seals()) {
        let house = House::new(&[]);
        let boxes = &house.boxes;
        let seal = |name: &str, choices: &[Choices]| {
            for choices in choices {
                let mut writing = boxes.store().write().unwrap();
                boxes.seal(&mut writing, name, layer(choices)).unwrap();
            }
        };
        let flat = |name: &str| boxes.store().stack(&boxes.head(name).unwrap().stack).unwrap().flat();
        seal("main", &base);
        let before = flat("main");
        boxes.branch("main", "ours").unwrap();
        boxes.branch("main", "theirs").unwrap();
        seal("ours", &ours);
        seal("theirs", &theirs);
        let (our, their) = (flat("ours"), flat("theirs"));
        house.commit("ours", Mode::FirstWins).unwrap();
        prop_assert_eq!(&flat("main"), &our);
        let committed = house.commit("theirs", Mode::Rebase);
        match model(&before, &our, &their) {
            Some(merged) => {
                prop_assert!(committed.is_ok());
                prop_assert_eq!(flat("main"), merged);
            }
            None => {
                let conflict = matches!(committed, Err(Error::Conflict { .. }));
                prop_assert!(conflict);
                prop_assert_eq!(flat("main"), our);
                prop_assert_eq!(boxes.head("theirs").unwrap().state, State::Open);
            }
        }
    }
}

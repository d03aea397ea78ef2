//! However a box makes its tree, it is searched in few looks, and never too few things are told.

use super::*;
use crate::hash::{BlobHash, LayerId};
use crate::tree::Manifest;
use crate::tree::planted::{Plant, Planted};
use std::sync::Arc;

fn path(path: impl Into<String>) -> TreePath {
    TreePath::new(path).unwrap()
}

fn link(target: impl Into<String>) -> Entry {
    Entry::Symlink { target: target.into() }
}

fn file() -> Entry {
    Entry::file(BlobHash::of(b""), 0, 0o644)
}

/// What is planted among entries of a tree, how often that was looked at, and what it cost.
fn searched<'e>(
    entries: impl IntoIterator<Item = (&'e TreePath, &'e Entry)>,
    see: impl Fn(&TreePath) -> Option<Seen>,
) -> (Vec<(String, Plant)>, u64, u64) {
    let (looks, cost) = (Cell::new(0), Cell::new(0));
    let found = Planted::found(entries.into_iter(), &|path| {
        looks.set(looks.get() + 1);
        cost.set(cost.get() + LOOK_COST + path.as_str().len() as u64);
        see(path)
    });
    let found = found.into_iter().map(|found| (found.path.into(), found.plant)).collect();
    (found, looks.get(), cost.get())
}

#[test]
fn below_what_is_missing_nothing_is_looked_at() {
    let long: BTreeMap<_, _> =
        (0..30).map(|no| (path(format!("l{no}")), link("a/".repeat(2000)))).collect();
    assert_eq!(searched(&long, |path| long.get(path).and_then(Seen::of)), (vec![], 30, 30 * 65));
    // Above it there is something to look at again.
    let tree = BTreeMap::from([
        (path("d"), Entry::dir(0o755)),
        (path("d/l"), link("a/b/../../up/x")),
        (path("d/up"), link("../..")),
    ]);
    let out = [Plant::EscapingLink; 2];
    let (found, looks, _) = searched(&tree, |path| tree.get(path).and_then(Seen::of));
    assert_eq!(found, [("d/l".into(), out[0]), ("d/up".into(), out[1])]);
    assert_eq!(looks, 2, "`d/a` and `d/up`");
    // The folder of a link is there, whether or not the tree names it.
    let tree = BTreeMap::from([(path("d/l"), link("../d/up/x")), (path("d/up"), link("../.."))]);
    let (found, ..) = searched(&tree, |path| tree.get(path).and_then(Seen::of));
    assert_eq!(found.len(), 2);
}

#[test]
fn a_chain_of_long_links_takes_few_looks() {
    let (down, up) = ("a/".repeat(900), "../".repeat(900));
    let chain = (0..40).map(|no| (path(format!("l{no}")), link(format!("{down}{up}l{}", no + 1))));
    let chain: BTreeMap<_, _> = chain.collect();
    let (found, looks, _) = searched(&chain, |path| chain.get(path).and_then(Seen::of));
    assert_eq!(found, []);
    // Two for each link that is followed.
    assert_eq!(looks, 2 * (1..=40).sum::<u64>());
}

#[test]
fn a_folder_is_looked_at_once_to_know_a_repository() {
    let deep = "hooks/".repeat(250);
    let files: BTreeMap<_, _> = (0..1000).map(|no| (path(format!("{deep}{no}")), file())).collect();
    let (found, looks, _) = searched(&files, |_| None);
    assert_eq!((found, looks), (vec![], 250));
    // Of no name that git knows.
    let deep = "objects/".repeat(250);
    let files = [(path(format!("{deep}x")), file())];
    assert_eq!(searched(files.iter().map(|(path, file)| (path, file)), |_| None).1, 0);
    // One folder is none, and the next is one.
    let files = ["a/hooks/x", "b/hooks/x", "b/hooks/y", "c/hooks/x"].map(path);
    let tree = ["b/HEAD", "b/refs", "b/objects"];
    let (found, looks, _) = searched(files.iter().zip([&file(); 4]), |path| {
        tree.contains(&path.as_str()).then_some(Seen::File)
    });
    let hooks = ["b/hooks/x", "b/hooks/y"].map(|path| (path.to_owned(), Plant::GitHook));
    assert_eq!(found, hooks);
    // `a` and `c` have no HEAD; in `b` four names are looked for, once.
    assert_eq!(looks, 6);
}

#[test]
fn what_a_box_made_costly_counts_as_planted() {
    let link = link(format!("{0}/", "n".repeat(250)).repeat(15));
    let links: Vec<_> = (0..100_000).map(|no| path(format!("l{no:06}"))).collect();
    let (hook, plain) = (path("m/hooks/x"), path("m/x"));
    let (link_in, file) = (path("node_modules/x/l"), file());
    let entries = links.iter().map(|path| (path, &link));
    let entries = entries.chain([(&hook, &file), (&plain, &file), (&link_in, &link)]);
    let (found, looks, cost) =
        searched(entries, |path| path.as_str().starts_with('n').then_some(Seen::Dir));
    assert!(cost <= BUDGET && looks < 200_000, "{cost} of {looks} looks");
    assert!(!found.iter().any(|(path, _)| path == "l000000" || path == "m/x"), "those are known");
    let last: Vec<_> = found.iter().skip_while(|(path, _)| path != "l099999").collect();
    let last: Vec<_> = last.iter().map(|(path, plant)| (path.as_str(), *plant)).collect();
    let expected = [
        ("l099999", Plant::EscapingLink),
        ("l099999", Plant::ThroughPackages),
        ("m/hooks/x", Plant::GitHook),
        ("node_modules/x/l", Plant::EscapingLink),
    ];
    assert_eq!(last, expected);
}

#[test]
fn a_tree_of_many_honest_links_is_searched_whole() {
    let link = link("../lib/some/name/of/a/file");
    let links: Vec<_> = (0..100_000).map(|no| path(format!("usr/bin/l{no:06}"))).collect();
    let entries = links.iter().map(|path| (path, &link));
    let (found, looks, _) = searched(entries, |_| Some(Seen::Dir));
    assert_eq!((found, looks), (vec![], 600_000));
}

#[test]
fn layers_show_the_same_as_one_tree() {
    let layer = |entries: &[(&str, Entry)]| {
        let entries = entries.iter().map(|(at, entry)| (path(*at), entry.clone())).collect();
        Arc::new(Manifest::with_folders(entries).unwrap())
    };
    let layers = [
        layer(&[("a/x", file()), ("a/y", link("x")), ("b/c/d", file()), ("e/f", file())]),
        layer(&[("a/x", Entry::Tombstone), ("b", file()), ("e/g", link("f"))]),
    ];
    let layers = layers.map(|layer| (layer.id(), layer));
    let stack = Stack::new(layers.into_iter().collect::<Vec<(LayerId, _)>>());
    let (one, other) = (Layers::new(&stack), Layers::new(&stack));
    other.left.set(0);
    for at in ["a", "a/x", "a/y", "b", "b/c", "b/c/d", "e", "e/f", "e/g", "h"] {
        assert_eq!(one.see(&path(at)), other.see(&path(at)), "{at}");
    }
    assert!(one.flat.get().is_none() && other.flat.get().is_some());
    assert_eq!(one.left.get(), LAYERED_MAX - 2 * 17);
}

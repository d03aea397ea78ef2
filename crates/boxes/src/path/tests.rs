//! Paths have one spelling, and none leads out.

use super::*;

#[test]
fn only_the_one_spelling_is_taken() {
    for good in ["a", "a/b", "usr/bin/env", "..a/b..", "ä/ö", "a b/\n"] {
        assert_eq!(TreePath::new(good).unwrap().as_str(), good);
    }
    let long = "x".repeat(256);
    let deep = vec!["d"; 257].join("/");
    let far = vec!["d".repeat(200); 21].join("/");
    for bad in ["", "/", "/a", "a/", "a//b", ".", "./a", "a/..", "../a", "a/./b", "a\0b"] {
        assert!(TreePath::new(bad).is_err(), "{bad:?}");
    }
    for bad in [long, deep, far] {
        assert!(TreePath::new(bad).is_err());
    }
}

#[test]
fn loose_spellings_come_to_the_same_path() {
    for loose in ["a/b", "./a/b", "/a/b", "a//b/", "a/./b/."] {
        assert_eq!(TreePath::from_loose(loose).unwrap().unwrap().as_str(), "a/b");
    }
    for root in ["", "/", ".", "./"] {
        assert_eq!(TreePath::from_loose(root).unwrap(), None);
    }
    for bad in ["..", "a/../b", "/../a", "a/.."] {
        let error = TreePath::from_loose(bad).unwrap_err();
        assert!(error.to_string().contains("`..`"), "{error}");
    }
}

#[test]
fn parts_of_a_path() {
    let path = TreePath::new("a/b/c").unwrap();
    assert_eq!((path.name(), path.parent()), ("c", Some("a/b")));
    assert_eq!(path.ancestors().collect::<Vec<_>>(), ["a", "a/b"]);
    assert_eq!(path.join("d").unwrap().as_str(), "a/b/c/d");
    assert!(path.join("d/e").is_err() && path.join("..").is_err());
    let below = |path: &str, folder: &str| {
        TreePath::new(path).unwrap().is_below(&TreePath::new(folder).unwrap())
    };
    assert!(below("a/b", "a") && below("a/b/c", "a"));
    assert!(!below("a", "a") && !below("ab", "a") && !below("a-b/c", "a"));
}

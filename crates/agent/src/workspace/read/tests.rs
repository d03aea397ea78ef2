//! Git's own output, as it is printed.

use super::*;

#[test]
fn changes_of_a_tree() {
    let raw = b":100644 100644 aaa bbb M\0a b.txt\0:000000 100755 000 ccc A\0d/\xff\0";
    let read = changes(raw);
    assert_eq!((read[0].status, read[0].path.as_slice()), ('M', b"a b.txt".as_slice()));
    assert_eq!((read[1].mode.as_str(), read[1].content.as_str()), ("100755", "ccc"));
    assert_eq!(read[1].path, b"d/\xff");
    assert_eq!(changes(b""), []);
}

#[test]
fn numbers_of_a_diff() {
    assert_eq!(numbers(b"3\t1\ta\0-\t-\tpicture\0" as &[u8]), (2, 3, 1));
    assert_eq!(numbers(b""), (0, 0, 0));
}

#[test]
fn paths_that_are_dirty() {
    assert_eq!(dirty(b" M a\0?? b c\0"), [b"a".to_vec(), b"b c".to_vec()]);
}

#[test]
fn conflicts_of_a_merge() {
    assert_eq!(merged(b"abc\0"), ("abc".to_owned(), Vec::new()));
    let (tree, paths) = merged(b"abc\0a.txt\0d/b.txt\0");
    assert_eq!((tree.as_str(), paths), ("abc", vec!["a.txt".to_owned(), "d/b.txt".to_owned()]));
}

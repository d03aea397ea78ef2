//! One tree, one encoding.

use super::*;

fn path(text: &str) -> TreePath {
    TreePath::new(text).unwrap()
}

fn file(text: &str) -> Entry {
    Entry::file(BlobHash::of(text.as_bytes()), text.len() as u64, 0o644)
}

fn sample() -> Manifest {
    let entries = BTreeMap::from([
        (path("etc"), Entry::dir(0o755)),
        (path("etc/motd"), file("hello")),
        (path("etc/old"), Entry::Tombstone),
        (path("link"), Entry::Symlink { target: "etc/motd".into() }),
    ]);
    Manifest::new(entries).unwrap()
}

#[test]
fn the_encoding_is_kept_to_the_byte() {
    // Ids of layers are in people's stores: whatever changes this changes all of them.
    let text = String::from_utf8(sample().encode()).unwrap();
    let hash = BlobHash::of(b"hello");
    let golden = format!(
        "{{\"greenroom-layer\":1}}\n\
         [\"etc\",{{\"dir\":{{\"mode\":493}}}}]\n\
         [\"etc/motd\",{{\"file\":{{\"hash\":\"{hash}\",\"size\":5,\"mode\":420}}}}]\n\
         [\"etc/old\",\"tombstone\"]\n\
         [\"link\",{{\"symlink\":{{\"target\":\"etc/motd\"}}}}]\n"
    );
    assert_eq!(text, golden);
    assert_eq!(Manifest::decode(text.as_bytes()).unwrap(), sample());
}

#[test]
fn no_other_bytes_are_read() {
    let text = String::from_utf8(sample().encode()).unwrap();
    let mut lines: Vec<&str> = text.lines().collect();
    lines.swap(1, 2);
    let swapped = lines.join("\n") + "\n";
    let others = [
        swapped,
        text.replace("\"mode\":493", "\"mode\": 493"),
        text.replace("\"mode\":493", "\"mode\":493,\"owner\":0"),
        text.replace("\"mode\":493", "\"mode\":493,\"opaque\":false"),
        text.replace("etc/old", "etc/../old"),
        text.replace("\"greenroom-layer\":1", "\"greenroom-layer\":2"),
        text.trim_end().to_owned(),
        text.clone() + "\n",
        text.clone() + "[\"link\",\"tombstone\"]\n",
        text.replace("[\"etc\",{\"dir\":{\"mode\":493}}]\n", ""),
    ];
    for other in others {
        let error = Manifest::decode(other.as_bytes()).unwrap_err();
        assert!(matches!(error, Error::Damaged(_)), "{other}: {error}");
    }
}

#[test]
fn entries_stand_in_folders() {
    let in_file = BTreeMap::from([(path("a"), file("x")), (path("a/b"), file("y"))]);
    assert!(Manifest::new(in_file.clone()).is_err());
    assert!(Manifest::with_folders(in_file).is_err());
    let bare = BTreeMap::from([(path("a/b/c"), file("x")), (path("a/b/d"), file("y"))]);
    assert!(Manifest::new(bare.clone()).is_err());
    let whole = Manifest::with_folders(bare).unwrap();
    assert_eq!(whole.entries()[&path("a/b")], Entry::dir(0o755));
    assert_eq!(whole.entries().len(), 4);
    let below: Vec<_> = whole.below(&path("a/b")).map(|(path, _)| path.as_str()).collect();
    assert_eq!(below, ["a/b/c", "a/b/d"]);
}

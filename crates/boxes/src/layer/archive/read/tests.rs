//! Archives that want something else than to become a layer are refused.

use super::*;
use crate::layer::write_archive;
use crate::store::Store;
use std::io::Write;
use tar::Header;

/// An entry as somebody who means harm would write it.
fn raw(path: &str, kind: EntryType, mode: u32, link: &str, bytes: &[u8]) -> Vec<u8> {
    let mut header = Header::new_ustar();
    let old = header.as_old_mut();
    old.name[..path.len()].copy_from_slice(path.as_bytes());
    old.linkname[..link.len()].copy_from_slice(link.as_bytes());
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(bytes.len() as u64);
    header.set_cksum();
    let padding = vec![0; bytes.len().next_multiple_of(512) - bytes.len()];
    [&header.as_bytes()[..], bytes, &padding].concat()
}

fn file(path: &str) -> Vec<u8> {
    raw(path, EntryType::Regular, 0o644, "", b"x")
}

fn read(parts: &[Vec<u8>], bounds: &Bounds) -> Result<Manifest, Error> {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let whole = [parts.concat(), vec![0; 1024]].concat();
    let manifest = read_archive(&whole[..], bounds, &mut store.write()?)?;
    Ok(manifest)
}

#[test]
fn what_would_lead_out_or_does_harm_is_refused() {
    use EntryType::{Block, Char, Fifo, Link, Regular, Symlink};
    let link = |target: &str| raw("link", Symlink, 0o777, target, b"");
    let long = raw("x", EntryType::GNULongName, 0, "", &vec![b'a'; 2 << 20]);
    let cases: Vec<(Vec<Vec<u8>>, &str)> = vec![
        (vec![file("/etc/passwd")], "absolute path"),
        (vec![file("../x")], "`..`"),
        (vec![file("a/../../x")], "`..`"),
        (vec![link("/etc"), file("link/passwd")], "in what is no folder"),
        (vec![link(".."), file("link/x")], "in what is no folder"),
        (vec![file("a"), file("a/b")], "in what is no folder"),
        (vec![raw("h", Link, 0o644, "/etc/passwd", b"")], "absolute"),
        (vec![raw("h", Link, 0o644, "../x", b"")], "`..`"),
        (vec![raw("h", Link, 0o644, "later", b""), file("later")], "no file that came before"),
        (vec![link("/etc/passwd"), raw("h", Link, 0o644, "link", b"")], "no file that came before"),
        (vec![raw("tty", Char, 0o666, "", b"")], "device"),
        (vec![raw("sda", Block, 0o666, "", b"")], "device"),
        (vec![raw("pipe", Fifo, 0o666, "", b"")], "device or a pipe"),
        (vec![file("a"), file("./a")], "twice"),
        (vec![raw("su", Regular, 0o4755, "", b"x")], "setuid"),
        (vec![raw("x", EntryType::new(b'V'), 0, "", b"")], "not known"),
        (vec![long, file("a")], "headers longer"),
        (vec![raw("a", Regular, 0o644, "", b"x")[..512].to_vec(), vec![]], "ends within"),
    ];
    for (mut parts, words) in cases {
        if words == "ends within" {
            // No content, and no end either.
            parts[0][124..136].copy_from_slice(b"00000010000\0");
            let mut header = Header::new_ustar();
            header.as_mut_bytes().copy_from_slice(&parts[0]);
            header.set_cksum();
            parts[0] = header.as_bytes().to_vec();
        }
        let error = read(&parts, &Bounds::default()).unwrap_err();
        assert!(matches!(error, Error::Refused { .. }), "{words}: {error}");
        assert!(error.to_string().contains(words), "{words}: {error}");
    }
}

#[test]
fn bounds_hold_before_anything_is_unpacked() {
    let two = [file("a"), file("b")];
    let all = Bounds { entries_max: 2, file_bytes_max: 1, total_bytes_max: 2, setuid: false };
    read(&two, &all).unwrap();
    for less in [
        Bounds { entries_max: 1, ..all },
        Bounds { file_bytes_max: 0, ..all },
        Bounds { total_bytes_max: 1, ..all },
    ] {
        assert!(matches!(read(&two, &less), Err(Error::Refused { .. })), "{less:?}");
    }
}

#[test]
fn a_zipped_bomb_is_refused_as_a_plain_one() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let bomb = raw("zeros", EntryType::Regular, 0o644, "", &vec![0; 8 << 20]);
    let mut zip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    zip.write_all(&[bomb, vec![0; 1024]].concat()).unwrap();
    let zipped = zip.finish().unwrap();
    let small = Bounds { file_bytes_max: 1 << 20, ..Bounds::default() };
    let mut writing = store.write().unwrap();
    assert!(read_archive(&zipped[..], &small, &mut writing).is_err());
    let manifest = read_archive(&zipped[..], &Bounds::default(), &mut writing).unwrap();
    assert_eq!(manifest.blobs().map(|(_, size)| size).collect::<Vec<_>>(), [8 << 20]);
}

#[test]
fn a_layer_comes_back_from_its_archive_to_the_byte() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let mut writing = store.write().unwrap();
    let (hash, size) = writing.blob(&mut &b"latte"[..], 10).unwrap();
    let attributes = Xattrs::from([("user.note".to_owned(), Xattr(vec![0, 255]))]);
    let path = |text: &str| TreePath::new(text).unwrap();
    let long = format!("{}/{}", "d".repeat(90), "ä".repeat(100));
    let target = "../".repeat(50) + "x";
    let entries = BTreeMap::from([
        (path("dir"), Entry::Dir { mode: 0o1777, opaque: true, xattrs: attributes.clone() }),
        (path("dir/file"), Entry::File { hash, size, mode: 0o4755, xattrs: attributes }),
        (path("dir/gone"), Entry::Tombstone),
        (path("gone"), Entry::Tombstone),
        (path("link"), Entry::Symlink { target }),
        (path(&long), Entry::file(hash, size, 0o600)),
    ]);
    let manifest = Manifest::with_folders(entries).unwrap();
    writing.layer(manifest.clone()).unwrap();
    let mut archive = Vec::new();
    write_archive(&store, manifest.entries(), &mut archive).unwrap();
    let read = super::entries(&archive[..], Whiteouts::Removals, &Bounds::base(), &mut writing);
    assert_eq!(&read.unwrap(), manifest.entries());
    let mut again = Vec::new();
    write_archive(&store, manifest.entries(), &mut again).unwrap();
    assert!(archive == again);
}

//! Images out and in.

use super::layout::{Index, LAYER, MANIFEST};
use super::*;
use crate::error::Error;
use crate::hash::LayerId;
use crate::layer::Bounds;
use crate::path::TreePath;
use crate::store::Store;
use crate::tree::{Entry, Manifest};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

fn layer(store: &Store, entries: &[(&str, Option<&str>)]) -> LayerId {
    let mut writing = store.write().unwrap();
    let mut all = BTreeMap::new();
    for (path, text) in entries {
        let entry = match text {
            None => Entry::Tombstone,
            Some(text) => {
                let (hash, size) = writing.blob(&mut text.as_bytes(), 100).unwrap();
                Entry::file(hash, size, 0o644)
            }
        };
        all.insert(TreePath::new(*path).unwrap(), entry);
    }
    writing.layer(Manifest::with_folders(all).unwrap()).unwrap()
}

fn exported(dir: &Path) -> (Store, Vec<LayerId>, PathBuf) {
    let store = Store::open(&dir.join("store")).unwrap();
    let low = layer(&store, &[("etc/motd", Some("hello")), ("etc/old", Some("x"))]);
    let high = layer(&store, &[("etc/old", None), ("bin/sh", Some("#!"))]);
    let image = dir.join("image");
    export_image(&store, &store.stack(&[low, high]).unwrap(), "v1", &image).unwrap();
    (store, vec![low, high], image)
}

#[test]
fn an_image_comes_back_as_the_same_layers_in_another_store() {
    let dir = tempfile::tempdir().unwrap();
    let (store, ids, image) = exported(dir.path());
    let other = Store::open(&dir.path().join("other")).unwrap();
    let mut writing = other.write().unwrap();
    let found = import_image(&image, Some("v1"), &Bounds::default(), &mut writing).unwrap();
    assert_eq!(found.layers, ids);
    assert_eq!(found.config["os"], "linux");
    drop(writing);
    let flat = other.stack(&ids).unwrap().flat();
    assert_eq!(
        flat.keys().map(TreePath::as_str).collect::<Vec<_>>(),
        ["bin", "bin/sh", "etc", "etc/motd"]
    );
    // The same image again, to the byte.
    let again = dir.path().join("again");
    export_image(&store, &store.stack(&ids).unwrap(), "v1", &again).unwrap();
    let index = |dir: &Path| std::fs::read(dir.join("index.json")).unwrap();
    assert_eq!(index(&image), index(&again));
}

fn import(image: &Path, tag: Option<&str>) -> Result<Image, Error> {
    let store = Store::open(&image.with_extension("other")).unwrap();
    let mut writing = store.write()?;
    import_image(image, tag, &Bounds::default(), &mut writing)
}

#[test]
fn a_changed_image_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (_, _, image) = exported(dir.path());
    assert!(import(&image, None).is_ok());
    let missing = import(&image, Some("v2")).unwrap_err().to_string();
    assert!(missing.contains("image with the tag `v2`"), "{missing}");
    for blob in std::fs::read_dir(image.join("blobs/sha256")).unwrap() {
        let path = blob.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        let mut changed = bytes.clone();
        // In the padding of a layer, in the text of a document: always within the digest.
        *changed.last_mut().unwrap() ^= 1;
        std::fs::write(&path, changed).unwrap();
        let error = import(&image, None).unwrap_err();
        assert!(error.to_string().contains("the image was changed"), "{error}");
        std::fs::write(&path, [&bytes[..], b" "].concat()).unwrap();
        assert!(import(&image, None).is_err());
        std::fs::write(&path, bytes).unwrap();
    }
    assert!(import(&image, None).is_ok());
}

#[test]
fn what_is_not_known_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let (_, _, image) = exported(dir.path());
    let file = image.join("index.json");
    let good = std::fs::read_to_string(&file).unwrap();
    let index: Index = serde_json::from_str(&good).unwrap();
    let digest = index.manifests[0].digest.clone();
    for (from, to, words) in [
        (digest.as_str(), "sha256:../../../etc/passwd", "no digest"),
        ("\"linux\"", "\"plan9\"", "there is no image for linux"),
        (digest.as_str(), &digest.replace("sha256", "sha512"), "no digest"),
        ("{", "[", "expected"),
    ] {
        std::fs::write(&file, good.replace(from, to)).unwrap();
        let error = import(&image, None).unwrap_err().to_string();
        assert!(error.contains(words), "{words}: {error}");
    }
    let twice = format!(
        "{{\"schemaVersion\":2,\"manifests\":[{0},{0}]}}",
        serde_json::to_string(&index.manifests[0]).unwrap()
    );
    std::fs::write(&file, twice).unwrap();
    assert!(import(&image, None).unwrap_err().to_string().contains("say which tag"));
    assert!(LAYER.ends_with(".tar") && MANIFEST.ends_with("json"));
    std::fs::write(&file, good).unwrap();
    std::fs::write(image.join("oci-layout"), "{\"imageLayoutVersion\":\"2.0.0\"}").unwrap();
    assert!(import(&image, None).unwrap_err().to_string().contains("version 2.0.0"));
}

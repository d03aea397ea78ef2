//! Any bytes as a tar file, and as the parts of an OCI image: refused, or a layer that comes back
//! from its own archive, and nothing written beside the store.
#![no_main]

use greenroom_boxes::layer::{Bounds, import_image, read_archive, write_archive};
use greenroom_boxes::store::Store;
use greenroom_boxes::tree::Manifest;
use libfuzzer_sys::fuzz_target;
use sha2::{Digest, Sha256};
use std::fs;
use std::path::Path;

const BOUNDS: Bounds =
    Bounds { entries_max: 1000, file_bytes_max: 1 << 20, total_bytes_max: 4 << 20, setuid: false };

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";

/// A blob of a layout, and what names it.
fn blob(dir: &Path, kind: &str, bytes: &[u8]) -> String {
    let digest: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    fs::write(dir.join("blobs/sha256").join(&digest), bytes).expect("a blob");
    let size = bytes.len();
    format!(r#"{{"mediaType":"{kind}","digest":"sha256:{digest}","size":{size}}}"#)
}

/// An image whose layer, configuration, manifest or index these bytes are.
fn image(dir: &Path, part: u8, bytes: &[u8]) {
    fs::create_dir_all(dir.join("blobs/sha256")).expect("a layout");
    fs::write(dir.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).expect("a layout");
    let layer = blob(dir, LAYER, if part == 0 { bytes } else { &[0; 1024] });
    let config = blob(dir, CONFIG, if part == 1 { bytes } else { b"{}" });
    let manifest = format!(r#"{{"schemaVersion":2,"config":{config},"layers":[{layer}]}}"#);
    let manifest = blob(dir, MANIFEST, if part == 2 { bytes } else { manifest.as_bytes() });
    let index = format!(r#"{{"schemaVersion":2,"manifests":[{manifest}]}}"#);
    let index = if part == 3 { bytes } else { index.as_bytes() };
    fs::write(dir.join("index.json"), index).expect("an index");
}

fuzz_target!(|data: &[u8]| {
    let Some((part, bytes)) = data.split_first() else { return };
    let dir = tempfile::tempdir().expect("a folder");
    let store = Store::open(&dir.path().join("store")).expect("a store");
    let mut writing = store.write().expect("nobody sweeps");
    if let Ok(manifest) = read_archive(bytes, &BOUNDS, &mut writing) {
        writing.layer(manifest.clone()).expect("a layer");
        assert_eq!(Manifest::decode(&manifest.encode()).expect("it can be read"), manifest);
        let mut archive = Vec::new();
        write_archive(&store, manifest.entries(), &mut archive).expect("an archive");
        let again = read_archive(&archive[..], &BOUNDS, &mut writing).expect("of our own");
        assert_eq!(again.id(), manifest.id());
    }
    let layout = dir.path().join("layout");
    image(&layout, part % 4, bytes);
    let _ = import_image(&layout, None, &BOUNDS, &mut writing);
    drop(writing);
    let beside = fs::read_dir(dir.path()).expect("the folder").count();
    assert_eq!(beside, 2, "something was written beside the store");
});

//! What was built is found again, kept by sweeps, and forgotten by age.

use super::*;
use crate::tree::Manifest;
use std::time::Duration;

#[test]
fn layers_stay_until_they_are_forgotten() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let built = {
        let mut writing = store.write().unwrap();
        let built = Built {
            layers: vec![writing.layer(Manifest::default()).unwrap()],
            env: BTreeMap::from([("A".to_owned(), "1".to_owned())]),
        };
        writing.note_built("one", &built).unwrap();
        writing.note_built("two", &built).unwrap();
        built
    };
    assert_eq!(store.built("one"), Some(built.clone()));
    assert_eq!(store.built("three"), None);
    assert_eq!(store.sweep(|| Ok(BTreeSet::new())).unwrap().layers, 0);
    let epoch = SystemTime::UNIX_EPOCH;
    assert_eq!(store.forget_built(epoch + Duration::from_secs(60), &BTreeSet::new()).unwrap(), 0);
    let later = std::fs::metadata(store.built_path("one")).unwrap().modified().unwrap()
        + Duration::from_secs(60);
    assert_eq!(store.forget_built(later, &BTreeSet::from(["two".to_owned()])).unwrap(), 1);
    assert_eq!(store.sweep(|| Ok(BTreeSet::new())).unwrap().layers, 0);
    std::fs::write(store.built_path("two"), "{").unwrap();
    assert_eq!(store.built("two"), None);
    assert_eq!(store.sweep(|| Ok(BTreeSet::new())).unwrap().layers, 1);
    // Its layer is gone: as if it were not there.
    store.write().unwrap().note_built("one", &built).unwrap();
    assert_eq!(store.built("one"), None);
    store.sweep(|| Ok(BTreeSet::new())).unwrap();
}

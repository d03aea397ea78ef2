//! One at a time for each box, whatever becomes of the files, and none waits for another box.

use super::*;
use crate::engine::Setup;
use std::sync::atomic::{AtomicUsize, Ordering};

fn engine() -> (tempfile::TempDir, Engine) {
    let dir = tempfile::tempdir().unwrap();
    let engine = Engine::open(dir.path(), Setup::default()).unwrap();
    (dir, engine)
}

fn files(engine: &Engine) -> usize {
    std::fs::read_dir(engine.lock_dir()).unwrap().count()
}

#[test]
fn who_holds_a_box_is_in_the_way_of_no_other() {
    let (_dir, engine) = engine();
    let _held = engine.hold(&["one", "two"]).unwrap();
    assert!(engine.try_hold("one").unwrap().is_none() && engine.try_hold("two").unwrap().is_none());
    for number in 0..200 {
        assert!(engine.try_hold(&format!("box-{number}")).unwrap().is_some());
    }
    // Names are given by people: this one is none of a box, and no path.
    assert!(engine.try_hold("../../elsewhere").unwrap().is_some());
    engine.sweep_locks().unwrap();
    assert_eq!(files(&engine), 2, "those that are held");
    assert!(engine.try_hold("one").unwrap().is_none());
}

#[test]
fn only_one_holds_a_box_while_its_file_is_removed() {
    const EACH: usize = 300;
    let (_dir, engine) = engine();
    let (inside, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for worker in 0..4 {
            let (engine, inside, done) = (&engine, &inside, &done);
            scope.spawn(move || {
                for turn in 0..EACH {
                    let held = match (worker, turn % 3) {
                        (0, 0) => engine.try_hold("one").unwrap(),
                        _ => Some(engine.hold(&["one"]).unwrap()),
                    };
                    let Some(held) = held else { continue };
                    assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0, "nobody else is in");
                    std::thread::yield_now();
                    inside.fetch_sub(1, Ordering::SeqCst);
                    done.fetch_add(1, Ordering::SeqCst);
                    if turn % 2 == 0 {
                        held.remove_files();
                    }
                    if worker == 1 {
                        engine.sweep_locks().unwrap();
                    }
                }
            });
        }
    });
    assert!(done.load(Ordering::SeqCst) >= 3 * EACH);
}

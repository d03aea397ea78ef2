//! What sealing makes of a box's files, however often and whatever is among them.

use crate::world::World;
use greenroom_boxes::branch::Terms;
use greenroom_boxes::engine::ExecRequest;
use std::sync::atomic::{AtomicBool, Ordering};

#[test]
fn a_box_may_be_sealed_any_number_of_times() {
    let world = World::new();
    for no in 0..40 {
        world.sh("work", &format!("echo {no} > /srv/{no}; rm -f /srv/{}", no - 3));
        world.engine.seal("work").unwrap();
        let layers = world.engine.find("work").unwrap().layers;
        assert!(layers <= 32, "{layers} layers after {no}");
    }
    assert_eq!(world.sh("work", "cat /srv/39; ls /srv"), "39\n37\n38\n39\na\n");
    world.engine.stop("work").unwrap();
    assert_eq!(world.sh("work", "cat /srv/39; ls /srv"), "39\n37\n38\n39\na\n");
}

#[test]
fn what_was_sealed_and_then_removed_stays_removed() {
    let world = World::new();
    world.sh("work", "mkdir /srv/d; echo 1 > /srv/d/x; echo 1 > /srv/y; echo two > /srv/a");
    world.engine.seal("work").unwrap();
    world.sh("work", "rm -r /srv/d /srv/y /srv/a");
    world.engine.branch("work", &["try".to_owned()], None).unwrap();
    assert_eq!(world.sh("try", "ls /srv"), "");
    world.engine.stop("work").unwrap();
    assert_eq!(world.sh("work", "ls /srv"), "");
    assert_eq!(world.engine.diff("work").unwrap().changes.by_path().len(), 1);
}

#[test]
fn sockets_pipes_and_rights_to_be_another_are_left_out_and_told() {
    let world = World::new();
    let line = "mkfifo /srv/p; rm /srv/a; mkfifo /srv/a; echo x > /srv/su; chmod 6755 /srv/su";
    world.sh("work", line);
    world.engine.branch("work", &["try".to_owned()], None).unwrap();
    let told: Vec<String> = world.engine.left_out().iter().map(ToString::to_string).collect();
    let expected = [
        "work: srv/a: a pipe, which is left out",
        "work: srv/p: a pipe, which is left out",
        "work: srv/su: the right to run as its owner or group, which is left out",
    ];
    assert_eq!(told, expected);
    assert!(world.engine.left_out().is_empty(), "told once");
    assert_eq!(world.sh("try", "ls /srv; stat -c %a /srv/su"), "su\n755\n");
    assert_eq!(world.sh("work", "stat -c %F /srv/p"), "fifo\n", "there it stays");
    world.sh("try", "echo y > /srv/su");
    world.engine.commit("try", Terms::default(), false).unwrap();
    assert_eq!(world.sh("work", "cat /srv/su"), "y\n");
}

#[test]
fn what_cannot_be_sealed_does_not_keep_a_box_from_starting() {
    let world = World::new();
    world.sh("work", "echo two > /srv/b; truncate -s 5G /srv/large");
    let refused = world.engine.stop("work").unwrap_err().to_string();
    assert!(refused.contains("srv/large") && refused.contains("remove"), "{refused}");
    world.kill_spawner();
    let refused = world.engine.seal("work").unwrap_err().to_string();
    assert!(refused.contains("srv/large"), "{refused}");
    assert_eq!(world.sh("work", "cat /srv/b; rm /srv/large; echo three > /srv/c"), "two\n");
    world.kill_spawner();
    assert_eq!(world.sh("work", "ls /srv"), "a\nb\nc\n");
    world.engine.stop("work").unwrap();
    assert_eq!(world.sh("work", "cat /srv/b /srv/c"), "two\nthree\n");
}

#[test]
fn commands_wait_for_a_seal_and_start_a_box_that_is_stopped_meanwhile() {
    let world = World::new();
    world.sh("work", "head -c 30000000 /dev/urandom > /srv/much");
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for no in 0..6 {
                world.sh("work", &format!("head -c 30000000 /dev/urandom > /srv/{}", no % 2));
                match no % 2 {
                    0 => world.engine.seal("work").unwrap(),
                    // A command may run just now: then it is ended with the box.
                    _ => world.engine.stop("work").unwrap(),
                }
            }
            done.store(true, Ordering::Release);
        });
        let another = world.another();
        while !done.load(Ordering::Acquire) {
            let ran = another.exec("work", &ExecRequest::of(["true"]), b"", &mut |_, _| {});
            if let Err(error) = ran {
                let words = error.to_string();
                assert!(words.contains("stopped") && words.contains("run it again"), "{words}");
            }
        }
    });
}

/// Outside of the box its owner may not read them, if that is not root.
#[test]
fn what_a_box_has_closed_is_sealed_and_stays_closed() {
    let world = World::new();
    let close = "mkdir -p /srv/d/e; echo x > /srv/d/e/x; chmod 0 /srv/d/e/x /srv/d/e /srv/d";
    world.sh("work", close);
    world.engine.branch("work", &["try".to_owned()], None).unwrap();
    let look = "cd /srv; for at in d d/e d/e/x; do stat -c %a $at; chmod 700 $at; done; \
                cat d/e/x; chmod 0 d/e/x d/e d";
    for name in ["work", "try"] {
        assert_eq!(world.sh(name, look), "0\n0\n0\nx\n", "{name}");
    }
    let write = "cd /srv; for at in d d/e d/e/x; do chmod 700 $at; done; echo two > d/e/x; chmod 0 d/e/x d/e d";
    world.sh("try", &format!("{write}; mkdir -m 0 new"));
    assert_eq!(world.engine.diff("try").unwrap().changes.by_path().len(), 2);
    world.engine.commit("try", Terms::default(), true).unwrap();
    assert_eq!(world.sh("work", look), "0\n0\n0\ntwo\n");
    assert_eq!(world.sh("work", "stat -c %a /srv/new"), "0\n");
}

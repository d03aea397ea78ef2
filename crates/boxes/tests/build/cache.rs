//! What was built is not built again; what follows a change is.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use greenroom_boxes::Error;
use greenroom_boxes::branch::Branches;

use crate::house::House;
use crate::world::World;

const BOX: &str = r#"base = "host"
setup = ["mkdir -p /opt/a; date +%N > /opt/a/one; echo made >&2", "cat /opt/in > /opt/a/two"]
[files]
"/opt/in" = "in.txt"
"#;

#[test]
fn a_second_build_runs_nothing_and_a_change_only_what_follows() {
    let world = World::new();
    world.write("a/box.toml", BOX).write("a/in.txt", "1");
    let (first, told) = world.built("a");
    assert_eq!(told.worked(), 4, "{:?}", told.work());
    let (second, told) = world.built("a");
    assert_eq!((told.worked(), &second), (0, &first));
    let later = BOX.replace("> /opt/a/two", "> /opt/a/three");
    world.write("a/box.toml", &later);
    let (third, told) = world.built("a");
    assert_eq!(told.work(), ["a: cat /opt/in > /opt/a/three"]);
    assert_eq!(world.file(&third, "opt/a/one"), world.file(&first, "opt/a/one"));
    world.write("a/in.txt", "2");
    let (fourth, told) = world.built("a");
    assert_eq!(told.worked(), 3, "{:?}", told.work());
    assert_eq!(world.file(&fourth, "opt/a/three").as_deref(), Some("2"));
    // An action, a limit and a name are nothing that setup depends on.
    let action =
        format!("name=\"b\"\n{later}\n[limits]\nwall=\"9m\"\n[actions.go]\nargv=[\"true\"]");
    world.write("a/box.toml", &action);
    let (fifth, told) = world.built("a");
    assert_eq!((told.worked(), &fifth.stack), (0, &fourth.stack));
    assert_ne!(fifth.id, fourth.id);
}

#[test]
fn garbage_collection_keeps_what_was_built_until_it_is_forgotten() {
    let world = World::new();
    world.write("a/box.toml", BOX).write("a/in.txt", "1");
    let (image, _) = world.built("a");
    let swept = world.store.sweep(&BTreeSet::new()).expect("swept");
    assert_eq!(swept.layers, 0);
    assert_eq!(world.built("a").1.worked(), 0);
    let hour = Duration::from_secs(3600);
    assert_eq!(world.builder().forget_unused(long_ago(), &[]).expect("forgot"), 0);
    let later = now(&world) + hour;
    assert_eq!(
        world.builder().forget_unused(later, std::slice::from_ref(&image)).expect("forgot"),
        2
    );
    world.store.sweep(&BTreeSet::new()).expect("swept");
    assert!(world.store.store().stack(&image.stack).is_ok(), "the image was named");
    assert_eq!(world.builder().forget_unused(later, &[]).expect("forgot"), 1);
    assert!(world.store.sweep(&BTreeSet::new()).expect("swept").layers >= 4);
    assert!(matches!(world.store.store().stack(&image.stack), Err(Error::Missing(_))));
    assert_eq!(world.built("a").1.worked(), 4);
}

fn long_ago() -> SystemTime {
    SystemTime::UNIX_EPOCH
}

fn now(world: &World) -> SystemTime {
    let probe = world.house.dir.path().join("now");
    std::fs::write(&probe, "").expect("written");
    probe.metadata().and_then(|metadata| metadata.modified()).expect("a time")
}

#[test]
fn two_stores_have_the_same_ids() {
    let steady = BOX.replace("date +%N", "stat -c %Y /opt/in");
    let (one, other) = (World::new(), World::new());
    one.write("a/box.toml", &steady).write("a/in.txt", "1");
    other.write("a/in.txt", "1").write("a/box.toml", &steady);
    let (first, second) = (one.built("a").0, other.built("a").0);
    assert_eq!(first, second);
    assert_eq!(one.file(&first, "opt/a/one").as_deref(), Some("315619200\n"));
}

#[test]
fn two_at_once_run_it_once() {
    let world = World::new();
    world.write("a/box.toml", BOX).write("a/in.txt", "1");
    // Another process would have its own store and spawner, too.
    let other = Branches::open(world.store_dir()).expect("opened");
    let (house, folder) = (House::new(), world.folder("a"));
    let build = |store: &Branches, level| {
        let mut told = crate::world::Told::default();
        let builder = greenroom_boxes::build::Builder::new(store, level);
        let image = builder.build(&folder, &mut |one| told.0.push(one.clone())).expect("built");
        (image, told.lines().len())
    };
    let (one, two) = std::thread::scope(|scope| {
        let one = scope.spawn(|| build(&world.store, world.house.level()));
        let two = scope.spawn(|| build(&other, house.level()));
        (one.join().expect("one"), two.join().expect("two"))
    });
    assert_eq!(one.0, two.0);
    assert_eq!(one.1 + two.1, 1, "its one line of output was heard once");
}

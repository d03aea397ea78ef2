//! Boxes out of boxes: each is built once, and what they have must go together.

use crate::world::{Told, World};

fn two(world: &World) {
    world.write("base/box.toml", "base=\"host\"\nsetup=[\"date +%N > /opt/base\"]");
    world.write("a/box.toml", "extends=[\"../base\"]\nsetup=[\"echo a > /opt/a\"]\n[env]\nA=\"1\"");
    world.write("b/box.toml", "extends=[\"../base\"]\nsetup=[\"echo b > /opt/b; rm /etc/hosts\"]");
    world
        .write("c/box.toml", "extends=[\"../a\",\"../b\"]\nsetup=[\"cat /opt/a /opt/b > /opt/c\"]");
}

#[test]
fn parts_are_cached_and_united() {
    let world = World::new();
    two(&world);
    let (a, _) = world.built("a");
    let (_, told) = world.built("b");
    assert_eq!(told.work(), ["b: echo b > /opt/b; rm /etc/hosts"], "the base was there");
    let (c, told) = world.built("c");
    assert_eq!(told.work(), ["c: unite a + b", "c: cat /opt/a /opt/b > /opt/c"]);
    assert_eq!(world.file(&c, "opt/c").as_deref(), Some("a\nb\n"));
    assert_eq!(world.entry(&c, "etc/hosts"), None);
    assert_eq!(world.file(&c, "opt/base"), world.file(&a, "opt/base"));
    assert_eq!(c.env["A"], "1");
    // The base and its setup are shared as layers.
    assert_eq!(c.stack[..2], a.stack[..2]);
}

#[test]
fn a_plus_b_is_what_a_box_that_extends_both_is() {
    let world = World::new();
    two(&world);
    world.write("c/box.toml", "extends=[\"../a\",\"../b\"]");
    let (c, _) = world.built("c");
    let mut told = Told::default();
    let folders = [world.folder("a"), world.folder("b")];
    let folders: Vec<_> = folders.iter().map(std::path::PathBuf::as_path).collect();
    let sum = world.builder().build_together(&folders, &mut |one| told.0.push(one.clone()));
    let sum = sum.expect("built");
    assert_eq!((sum.name.as_str(), &sum.stack), ("a+b", &c.stack));
    assert_eq!(told.work(), ["a+b: unite a + b"]);
}

#[test]
fn where_two_differ_both_are_named_unless_it_is_meant() {
    let world = World::new();
    world.write("a/box.toml", "base=\"host\"\nsetup=[\"echo a > /opt/x\"]");
    world.write("b/box.toml", "base=\"host\"\nsetup=[\"echo b > /opt/x\"]");
    world.write("c/box.toml", "extends=[\"../a\",\"../b\"]");
    let error = world.refusal("c");
    assert!(error.contains("`a` and `b` differ about the file `opt/x`"), "{error}");
    let meant = "extends=[\"../a\",\"../b\"]\n[override]\nfiles=[\"/opt/x\"]";
    world.write("c/box.toml", meant);
    let (c, _) = world.built("c");
    assert_eq!(world.file(&c, "opt/x").as_deref(), Some("b\n"));
    // A file of its own over what setup of a part has made.
    world.write("c/box.toml", "extends=[\"../a\"]\n[files]\n\"/opt/x\"={text=\"c\"}");
    let error = world.refusal("c");
    assert!(error.contains("`a` and `c` differ about the file `opt/x`"), "{error}");
    let own =
        "extends=[\"../a\"]\n[override]\nfiles=[\"/opt/x\"]\n[files]\n\"/opt/x\"={text=\"c\"}";
    world.write("c/box.toml", own);
    assert_eq!(world.file(&world.built("c").0, "opt/x").as_deref(), Some("c"));
    world.write("b/box.toml", "base=\"empty\"");
    world.write("c/box.toml", "extends=[\"../a\",\"../b\"]");
    let error = world.refusal("c");
    assert!(error.contains("`a` and `b` differ about their base"), "{error}");
}

#[test]
fn a_part_without_a_base_stands_on_that_of_the_whole() {
    let world = World::new();
    world.write("a/box.toml", "base=\"host\"");
    world.write("b/box.toml", "[files]\n\"/opt/b\"={text=\"b\"}");
    world.write("c/box.toml", "extends=[\"../a\",\"../b\"]\nsetup=[\"cp /opt/b /opt/c\"]");
    let (c, _) = world.built("c");
    assert_eq!(world.file(&c, "opt/c").as_deref(), Some("b"));
}

#[test]
fn many_layers_become_one() {
    let world = World::new();
    let lines: Vec<String> = (0..34).map(|n| format!("\"/bin/echo {n} > /opt/{n}\"")).collect();
    world.write("a/box.toml", &format!("base=\"host\"\nsetup=[{}]", lines.join(",")));
    let (a, _) = world.built("a");
    assert_eq!(a.stack.len(), 3, "the base, 33 commands, one more");
    assert_eq!(world.file(&a, "opt/33").as_deref(), Some("33\n"));
    assert_eq!(world.built("a").0, a);
}

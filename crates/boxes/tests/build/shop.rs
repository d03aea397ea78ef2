//! A skill with its box, and a network that somebody lends its setup.

use std::collections::{BTreeMap, BTreeSet};

use greenroom_boxes::Error;
use greenroom_boxes::build::{Attached, Builder, Network};
use greenroom_boxes::sandbox::{Sandbox, SandboxSpec};
use greenroom_boxes::spec::HostPort;
use greenroom_boxes::tree::Entry;

use crate::world::World;

const SKILL: &str = "---\nname: shop\ndescription: Buys things.\n---\nRun buy.py.\n";

#[test]
fn a_skill_without_settings_is_its_files_and_nothing_else() {
    let world = World::new();
    world.write("shop/SKILL.md", SKILL).write("shop/scripts/buy.py", "print()");
    world.write("shop/.git/config", "[core]");
    let (image, told) = world.built("shop");
    assert_eq!(told.work(), ["shop: the skill's files"]);
    assert_eq!((image.network.len(), image.machine_dirs.len()), (0, 0));
    let skill = image.skill.clone().expect("a skill");
    assert_eq!((skill.name.as_str(), skill.description.as_str()), ("shop", "Buys things."));
    assert_eq!(world.file(&image, "skills/shop/SKILL.md").as_deref(), Some(SKILL));
    let script = world.entry(&image, "skills/shop/scripts/buy.py");
    assert!(matches!(script, Some(Entry::File { mode: 0o444, .. })), "{script:?}");
    assert_eq!(world.entry(&image, "skills/shop/.git"), None);
    let later = SKILL.replace("Buys", "Sells");
    world.write("shop/SKILL.md", &later);
    assert_ne!(world.built("shop").0.id, image.id, "whoever approved it is asked again");
}

#[test]
fn its_setup_has_its_files_and_a_box_that_extends_it_too() {
    let world = World::new();
    let head = SKILL.replace(
        "---\nRun",
        "metadata:\n  box.base: host\n  box.setup: '[\"cp /skills/shop/a /opt/a\"]'\n---\nRun",
    );
    world.write("shop/SKILL.md", &head).write("shop/a", "1");
    world.write("mine/box.toml", "extends=[\"../shop\"]");
    let (image, _) = world.built("mine");
    assert_eq!(world.file(&image, "opt/a").as_deref(), Some("1"));
    assert!(world.entry(&image, "skills/shop/SKILL.md").is_some());
    assert_eq!(image.skill, None, "it is the other box's");
    world.write("shop/SKILL.md", &head.replace("box.base: host", "box.base: hots"));
    let error = world.refusal("mine");
    assert!(error.contains("shop/SKILL.md:5:13: base: `hots` is none of"), "{error}");
}

/// Lends a variable instead of a network, and remembers who asked for what.
#[derive(Default)]
struct Lender(std::sync::Mutex<Vec<String>>);

impl Lender {
    fn note(&self, word: &str, allow: &BTreeSet<HostPort>) {
        let hosts: Vec<String> = allow.iter().map(ToString::to_string).collect();
        self.0.lock().expect("unpoisoned").push(format!("{word} {}", hosts.join(" ")));
    }
}

impl Network for Lender {
    fn prepare(&self, allow: &BTreeSet<HostPort>, _: &mut SandboxSpec) -> Result<(), Error> {
        self.note("prepare", allow);
        Ok(())
    }

    fn attach(&self, allow: &BTreeSet<HostPort>, _: &dyn Sandbox) -> Result<Attached, Error> {
        self.note("attach", allow);
        let env = BTreeMap::from([("HTTPS_PROXY".to_owned(), "http://127.0.0.1:1".to_owned())]);
        Ok(Attached { env, guard: None })
    }
}

#[test]
fn only_who_names_a_host_is_lent_a_network() {
    let world = World::new();
    let setup = "base=\"host\"\nsetup=[\"echo proxy $HTTPS_PROXY\"]\n";
    world.write("plain/box.toml", setup);
    world.write("shop/box.toml", &format!("{setup}[network]\nallow=[\"shop.example:443\"]"));
    let lender = Lender::default();
    let builder = Builder::new(&world.store, world.house.level()).with_network(&lender);
    let build = |name: &str| {
        let mut told = crate::world::Told::default();
        let image = builder.build(&world.folder(name), &mut |one| told.0.push(one.clone()));
        image.expect("built");
        told.lines().join("\n")
    };
    assert_eq!(build("plain"), "proxy");
    assert!(lender.0.lock().expect("unpoisoned").is_empty());
    assert_eq!(build("shop"), "proxy http://127.0.0.1:1");
    let asked = lender.0.lock().expect("unpoisoned").clone();
    assert_eq!(asked, ["prepare shop.example:443", "attach shop.example:443"]);
    // Without one it is another step: nobody is told that there was a network.
    let (image, told) = world.built("shop");
    assert!(told.work().is_empty(), "the same as `plain`, which had none: {:?}", told.work());
    assert_eq!(image.network.len(), 1);
}

//! What lies under a box: nothing, the machine's programs, a tar file, an image.

use greenroom_boxes::layer::{Bounds, export_image, scan, write_archive};
use greenroom_boxes::tree::Entry;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::path::Path;

use crate::world::World;

#[test]
fn a_box_of_nothing_but_a_file() {
    let world = World::new();
    world.write(
        "a/box.toml",
        "base=\"empty\"\n[files]\n\"/etc/motd\"={text=\"hi\\n\",mode=\"0444\"}",
    );
    let (image, told) = world.built("a");
    assert_eq!((image.stack.len(), image.machine_dirs.len()), (1, 0));
    assert_eq!(world.file(&image, "etc/motd").as_deref(), Some("hi\n"));
    assert!(matches!(world.entry(&image, "etc/motd"), Some(Entry::File { mode: 0o444, .. })));
    assert_eq!(told.work(), ["a: files"]);
    let kept = serde_json::to_string(&image).expect("JSON");
    assert_eq!(serde_json::from_str::<greenroom_boxes::build::Image>(&kept).expect("read"), image);
    world.write("a/box.toml", "base=\"empty\"\nsetup=[\"true\"]");
    let error = world.refusal("a");
    assert!(error.contains("`a`: setup `true` did not start: `/bin/sh`: No such file"), "{error}");
}

#[test]
fn the_machines_programs_run_and_its_secrets_are_not_there() {
    let world = World::new();
    world.write(
        "a/box.toml",
        r#"base = "host"
        setup = ["mkdir -p /opt/shop; id -un > /opt/shop/user; echo $HOME $SOURCE_DATE_EPOCH",
                 ["python3", "-c", "import ssl; open('/opt/shop/py', 'w').write('x' * 3)"]]
        [env]
        GREETING = "hello"
        "#,
    );
    let (image, told) = world.built("a");
    assert_eq!(told.lines(), ["/root 315619200"]);
    let seen = world.run(&image, &["sh", "-c", "echo $GREETING; cat /opt/shop/*; pwd; ls /etc"]);
    let (head, etc) = seen.split_once("/\n").expect("pwd");
    assert_eq!(head, "hello\nxxxroot\n");
    for secret in ["shadow", "gshadow", "machine-id", "hostname", "ssh", "sudoers"] {
        assert!(!etc.lines().any(|name| name == secret), "{secret}: {etc}");
    }
    assert!(etc.contains("passwd") && etc.contains("ld.so.cache"), "{etc}");
    let private = world.run(&image, &["sh", "-c", "ls /etc/ssl; grep -rl 'PRIVATE KEY' /etc; :"]);
    assert!(!private.contains("private"), "{private}");
    let denied = world.run(&image, &["sh", "-c", "echo x > /usr/bin/x"]);
    assert!(denied.contains("Read-only file system"), "{denied}");
}

/// Writes a document of a layout after `change`, and returns how it is named.
fn changed(layout: &Path, named: &Value, change: impl FnOnce(&mut Value)) -> Value {
    let blob =
        |digest: &str| layout.join("blobs/sha256").join(digest.trim_start_matches("sha256:"));
    let old = named["digest"].as_str().expect("a digest");
    let mut document: Value =
        serde_json::from_slice(&std::fs::read(blob(old)).expect("a blob")).expect("JSON");
    change(&mut document);
    let bytes = serde_json::to_vec(&document).expect("JSON");
    let digest: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    std::fs::write(blob(&digest), &bytes).expect("written");
    let mut named = named.clone();
    named["digest"] = format!("sha256:{digest}").into();
    named["size"] = bytes.len().into();
    named
}

#[test]
fn an_images_variables_come_before_the_boxs() {
    let world = World::new();
    world.write("oci/box.toml", "base=\"oci:image\"\n[env]\nB=\"mine\"");
    let layout = world.folder("oci/image");
    let none = greenroom_boxes::tree::Stack::default();
    export_image(world.store.store(), &none, "one", &layout).expect("image");
    let file = layout.join("index.json");
    let mut index: Value =
        serde_json::from_slice(&std::fs::read(&file).expect("index")).expect("JSON");
    index["manifests"][0] = changed(&layout, &index["manifests"][0], |manifest| {
        manifest["config"] = changed(&layout, &manifest["config"], |config| {
            config["config"]["Env"] = serde_json::json!(["A=theirs", "B=theirs", "PATH=/bin"]);
        });
    });
    std::fs::write(&file, index.to_string()).expect("written");
    for worked in [true, false] {
        let (image, told) = world.built("oci");
        let env = ["A", "B", "PATH", "HOME"].map(|name| image.env[name].as_str());
        assert_eq!(env, ["theirs", "mine", "/bin", "/root"]);
        assert_eq!(told.worked() > 0, worked);
    }
}

#[test]
fn tar_files_and_images_are_taken_in_once() {
    let world = World::new();
    world.write("tree/etc/os", "small\n");
    let mut writing = world.store.store().write().expect("writing");
    let tree = scan(&world.folder("tree"), &Bounds::default(), &mut writing).expect("scan");
    let id = writing.layer(tree).expect("layer");
    let stack = world.store.store().stack(&[id]).expect("stack");
    world.write("tar/box.toml", "base=\"tar:root.tar\"\n[files]\n\"/x\"={text=\"1\"}");
    let tar = File::create(world.folder("tar/root.tar")).expect("file");
    write_archive(world.store.store(), &stack.flat(), tar).expect("archive");
    world.write("oci/box.toml", "base=\"oci:image\"\n[env]\nB=\"2\"");
    export_image(world.store.store(), &stack, "one", &world.folder("oci/image")).expect("image");
    drop(writing);
    for name in ["tar", "oci"] {
        let (image, told) = world.built(name);
        assert_eq!(world.file(&image, "etc/os").as_deref(), Some("small\n"));
        assert!(told.work()[0].starts_with(&format!("{name}: base ")), "{:?}", told.work());
        assert_eq!(world.built(name).1.work(), Vec::<String>::new());
    }
    world.write("tar/root.tar", "no archive");
    assert!(world.refusal("tar").contains("damaged"));
    world.write("oci/box.toml", "base=\"oci:image#two\"");
    assert!(world.refusal("oci").contains("image with the tag `two`"));
}

#[test]
fn a_pipe_is_no_tar_file() {
    let world = World::new();
    world.write("a/box.toml", "base=\"tar:f.tar\"");
    let pipe = world.folder("a/f.tar");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo");
    assert!(made.success());
    let error = world.refusal("a");
    assert!(error.contains("f.tar: a file is wanted here"), "{error}");
}

//! What cannot be built says why, names whose fault it is, and leaves nothing.

use rustix::fs::{CWD, FileType, Mode};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};

use crate::world::World;

#[test]
fn a_failing_command_is_named_with_the_end_of_what_it_said() {
    let world = World::new();
    let flood = "for i in $(seq 100); do echo line $i; done; echo oops >&2; exit 3";
    world.write("a/box.toml", &format!("base=\"host\"\nsetup=[\"echo 1 > /opt/one\",\"{flood}\"]"));
    let error = world.refusal("a");
    assert!(error.starts_with("`a`: setup `for i in"), "{error}");
    assert!(error.contains("failed with exit code 3; the end of what it wrote:\n"), "{error}");
    assert!(error.contains("  oops") && error.contains("  line 100") && !error.contains("line 50"));
    assert_eq!(world.scraps(), 0);
    world.write("a/box.toml", "base=\"host\"\nsetup=[\"echo 1 > /opt/one\",\"true\"]");
    let (_, told) = world.built("a");
    assert_eq!(told.work(), ["a: true"], "what had been built is there");
}

#[test]
fn a_command_over_its_time_is_killed_and_named() {
    let world = World::new();
    let text = "base=\"host\"\nsetup=[\"sleep 77 & sleep 77\"]\n[limits]\nwall=\"300ms\"";
    world.write("a/box.toml", text);
    let error = world.refusal("a");
    assert!(error.contains("was killed after its 300 ms (limits.wall)"), "{error}");
    assert_eq!(world.scraps(), 0);
    world.write("a/box.toml", "base=\"host\"\nsetup=[\"kill -9 $$\"]");
    assert!(world.refusal("a").contains("was ended by signal 9"));
    world.write("a/box.toml", "base=\"host\"\nsetup=[[\"no-such-program\"]]");
    assert!(world.refusal("a").contains("did not start: `no-such-program`"));
}

#[test]
fn what_no_layer_may_have_is_refused_and_what_is_passing_is_dropped() {
    let world = World::new();
    for (line, why) in [
        ("cp /bin/true /opt/su; chmod 4755 /opt/su", "`opt/su`: it runs as its owner"),
        ("mkfifo /opt/pipe", "`opt/pipe`: a pipe"),
        ("cd /opt; for i in $(seq 300); do mkdir d; cd d; done", "more than 256 folders deep"),
        ("head -c 3000000 /dev/urandom > /opt/big", "`opt/big`: 3000000 bytes"),
    ] {
        let limit = if line.contains("big") { "\n[limits]\ndisk=\"2MB\"" } else { "" };
        world.write("a/box.toml", &format!("base=\"host\"\nsetup=[\"{line}\"]{limit}"));
        let error = world.refusal("a");
        let told = error.contains(why) || error.contains("exit code") || error.contains("signal");
        assert!(error.starts_with("`a`: setup `") && told, "{error}");
        assert!(!limit.is_empty() || error.contains(why), "{error}");
        assert_eq!(world.scraps(), 0);
    }
    let passing = "echo x > /tmp/x; mkfifo /run/p; echo x > /var/tmp/y; mkdir -m 0 /run/d";
    world.write("a/box.toml", &format!("base=\"host\"\nsetup=[\"{passing}\"]"));
    let (image, _) = world.built("a");
    assert_eq!(image.stack.len(), 1, "nothing of it is a layer");
    // A link there is not followed when it is emptied.
    world.write(
        "a/box.toml",
        "base=\"host\"\nsetup=[\"rmdir /run; ln -s /opt /run; echo 1 > /opt/1\"]",
    );
    let (image, _) = world.built("a");
    assert_eq!(world.file(&image, "opt/1").as_deref(), Some("1\n"));
}

#[test]
fn files_come_from_the_boxs_folder_and_are_seen() {
    let world = World::new();
    world.write("secret", "mine").write("a/sub/in", "1");
    symlink("../secret", world.folder("a/link")).expect("link");
    symlink("..", world.folder("a/up")).expect("link");
    for (files, why) in [
        ("\"/opt/x\"=\"link\"", "a symbolic link, which is not followed"),
        ("\"/opt/x\"=\"up/secret\"", "a symbolic link, which is not followed"),
        ("\"/opt/x\"=\"none\"", "No such file"),
        ("\"/usr/local/x\"=\"sub\"", "`/usr` is mounted over it"),
        ("\"/tmp/x\"={text=\"1\"}", "`/tmp` is mounted over it"),
    ] {
        world.write("a/box.toml", &format!("base=\"host\"\n[files]\n{files}"));
        let error = world.refusal("a");
        assert!(error.contains(why), "{files}: {error}");
        assert!(error.contains("a/box.toml:3:1: "), "{files}: {error}");
    }
    std::fs::set_permissions(world.folder("a/sub/in"), PermissionsExt::from_mode(0o4755))
        .expect("mode");
    world.write("a/box.toml", "base=\"host\"\n[files]\n\"/opt/x\"=\"sub\"");
    assert!(world.refusal("a").contains("setuid"));
    // What is in a folder is told with where that is.
    let odd = std::ffi::OsStr::from_bytes(b"odd\xff");
    std::fs::create_dir_all(world.folder("a/deep/er").join(odd)).expect("made");
    world.write("a/box.toml", "base=\"host\"\n[files]\n\"/opt/x\"=\"deep/er\"");
    let error = world.refusal("a");
    assert!(error.contains("a/box.toml:3:1: deep/er/odd") && error.contains("no UTF-8"), "{error}");
    let both = "\"/a/b\"={text=\"1\"}\n\"/a\"={text=\"1\"}";
    world.write("a/box.toml", &format!("base=\"host\"\n[files]\n{both}"));
    let error = world.refusal("a");
    let told = "a/box.toml:3:1: files: `/a/b` is in `/a`, which is a text";
    assert!(error.contains(told), "{error}");
}

#[test]
fn no_spec_and_no_base_is_read_through_a_link_or_from_a_pipe() {
    let world = World::new();
    let tar = world.folder("secret.tar");
    world.write("secret/mine", "1").write("a/box.toml", "base=\"tar:x.tar\"");
    let mut command = std::process::Command::new("tar");
    command.arg("-cf").arg(&tar).arg("-C").arg(world.folder("secret")).arg("mine");
    assert!(command.status().expect("tar").success());
    symlink("../secret.tar", world.folder("a/x.tar")).expect("link");
    symlink("..", world.folder("a/up")).expect("link");
    world.write("image/index.json", "private").write("a/image/oci-layout", "{}");
    symlink("../../image/index.json", world.folder("a/image/index.json")).expect("link");
    for base in ["tar:x.tar", "tar:up/secret.tar", "oci:image", "oci:up/image"] {
        world.write("a/box.toml", &format!("base=\"{base}\""));
        let error = world.refusal("a");
        let told = error.contains("a/box.toml:1:6: ") && error.contains("a symbolic link");
        assert!(told && !error.contains("private"), "{base}: {error}");
    }
    for name in ["box.toml", "SKILL.md"] {
        let file = world.folder("b").join(name);
        world.write("whole", "private").write("b/other", "");
        symlink(world.folder("whole"), &file).expect("link");
        let error = world.refusal("b");
        assert!(error.contains("a symbolic link") && !error.contains("private"), "{error}");
        std::fs::remove_file(file).expect("removed");
    }
    let pipe = world.folder("b/box.toml");
    rustix::fs::mknodat(CWD, &pipe, FileType::Fifo, Mode::from_raw_mode(0o600), 0).expect("pipe");
    assert!(world.refusal("b").contains("this is a pipe"));
}

#[test]
fn specs_are_refused_with_their_place() {
    let world = World::new();
    world.write("a/box.toml", "base = \"host\"\nsetpu = [\"x\"]");
    let error = world.refusal("a");
    assert!(error.contains("a/box.toml:2:1: a box has no field `setpu`; did you mean"), "{error}");
    let secret = "[network]\nallow=[\"x.y:1\"]\n[env]\nT=\"v\"\n[secrets]\nT=\"x.y:1\"";
    world.write("a/box.toml", secret);
    assert!(world.refusal("a").contains("env has this name too"));
    world.write("a/box.toml", "level=\"microvm\"\nbase=\"host\"\nsetup=[\"true\"]");
    let error = world.refusal("a");
    assert!(error.contains("a/box.toml:1:7: `a` is for the level `microvm`"), "{error}");
    world.write("b/box.toml", "extends = [\"../a\"]");
    let error = world.refusal("b");
    assert!(error.contains("a/box.toml:1:7: `b` is for the level `microvm`"), "{error}");
    for (base, why) in [("tar:none.tar", "No such file"), ("tar:pipe", "this is a pipe")] {
        world.write("a/box.toml", &format!("setup=[\"true\"]\nbase=\"{base}\""));
        let pipe = world.folder("a/pipe");
        let _ = rustix::fs::mknodat(CWD, &pipe, FileType::Fifo, Mode::from_raw_mode(0o600), 0);
        let error = world.refusal("b");
        assert!(error.contains("a/box.toml:2:6: ") && error.contains(why), "{error}");
    }
    world.write("a/box.toml", "level=\"microvm\"\nbase=\"host\"");
    assert_eq!(world.built("a").0.level, greenroom_boxes::LevelName::Microvm);
}

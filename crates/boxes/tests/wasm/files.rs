//! Files: what a component sees, what it does not, and what it leaves.

use std::fs;
use std::io::Read;
use std::os::unix::fs::{FileTypeExt, symlink};
use std::path::Path;

use greenroom_boxes::sandbox::{Bind, End, Level, Output, Upper};

use crate::house::{House, run, text};
use crate::program::{BIND, Program, ROOT};

/// Whether the attempt ended by an error that says there is no way, and nothing came out of it.
fn is_refused(output: &Output) -> bool {
    let errno =
        std::str::from_utf8(&output.stderr).ok().and_then(|text| text.strip_prefix("errno "));
    // access, bad descriptor, loop, no entry, not permitted, read-only, other device, capability
    let known = ["02", "08", "32", "44", "63", "69", "75", "76"];
    output.finished.end == End::Code(1)
        && output.stdout.is_empty()
        && errno.is_some_and(|errno| known.contains(&errno))
}

#[test]
fn layers_lie_over_each_other_as_in_an_overlay() {
    let house = House::new();
    let over = house.path("over");
    fs::create_dir_all(over.join("etc/new")).expect("folder");
    fs::write(over.join("etc/note"), "from above").expect("file");
    fs::create_dir_all(house.path("base/gone")).expect("folder");
    fs::write(house.path("base/gone/below"), "hidden").expect("file");
    let whiteout = rustix::fs::FileType::CharacterDevice;
    let mode = rustix::fs::Mode::empty();
    rustix::fs::mknodat(rustix::fs::CWD, over.join("gone"), whiteout, mode, 0).expect("whiteout");
    let mut spec = house.spec("layers");
    spec.lower.push(over);
    let sandbox = house.level.create(&spec).expect("a box");
    let output = run(&*sandbox, &Program::new().cat(ROOT, "etc/note"));
    assert_eq!(text(&output), "from above");
    let output = run(&*sandbox, &Program::new().cat(ROOT, "gone/below"));
    assert_eq!(text(&output), "errno 44", "what is gone is gone");
}

#[test]
fn the_host_is_not_there() {
    let house = House::new();
    let sandbox = house.spawn("escape");
    let secret = house.path("secret");
    let upper = sandbox.upper().expect("a directory").to_owned();
    let up = "../".repeat(20);
    let relative = format!("{up}{}", secret.strip_prefix("/").expect("absolute").display());
    let absolute = secret.to_str().expect("text");
    // Each way does lead there, without the box.
    assert_eq!(fs::read_to_string(upper.join(&relative)).expect("up"), "of the host");
    for (name, target) in [("up", relative.as_str()), ("absolute", absolute)] {
        symlink(target, upper.join(name)).expect("link");
        assert_eq!(fs::read_to_string(upper.join(name)).expect("link"), "of the host");
    }
    symlink("..", upper.join("etc/parent")).expect("link");
    symlink(&up, upper.join("folder")).expect("link");
    let through = format!("folder/{}", secret.strip_prefix("/").expect("absolute").display());
    assert_eq!(fs::read_to_string(upper.join(&through)).expect("link"), "of the host");
    for path in [relative.as_str(), absolute, "up", "absolute", &through, "/etc/passwd"] {
        let output = run(&*sandbox, &Program::new().cat(ROOT, path));
        assert!(is_refused(&output), "{path}: {}", text(&output));
    }
    // And within, links do work.
    let output = run(&*sandbox, &Program::new().cat(ROOT, "etc/parent/etc/note"));
    assert_eq!(text(&output), "from the layer");
}

#[test]
fn a_component_makes_no_way_out_either() {
    let house = House::new();
    let sandbox = house.spawn("ways");
    let up = format!("{}etc", "../".repeat(20));
    for program in [
        Program::new().symlink("/etc", "out").cat(ROOT, "out/passwd"),
        Program::new().symlink(&up, "up").cat(ROOT, "up/passwd"),
        Program::new().hard_link(ROOT, "../../../../../../../../../etc/passwd", "mine"),
        Program::new().put(ROOT, "../written", "x"),
        Program::new().rename("etc/note", "../moved"),
        Program::new().remove(ROOT, "../lock"),
    ] {
        let output = run(&*sandbox, &program);
        assert!(is_refused(&output), "{}", text(&output));
    }
    let outside = sandbox.upper().and_then(Path::parent).expect("its directory");
    let names: Vec<_> = fs::read_dir(outside).expect("read").flatten().collect();
    assert_eq!(names.len(), 1, "{names:?}");
    let error = sandbox.open_file(Path::new("/out/passwd")).expect_err("the host's");
    assert!(error.to_string().contains("No such file"), "{error}");
}

#[test]
fn binds_are_seen_and_only_the_writable_written() {
    let house = House::new();
    for name in ["read", "write"] {
        fs::create_dir(house.path(name)).expect("folder");
        fs::write(house.path(name).join("file"), name).expect("file");
    }
    let mut spec = house.spec("binds");
    for name in ["read", "write"] {
        let target = Path::new("/srv").join(name);
        let writable = name == "write";
        spec.binds.push(Bind { source: house.path(name), target, writable });
    }
    let sandbox = house.level.create(&spec).expect("a box");
    let output = run(&*sandbox, &Program::new().cat(BIND, "file").cat(BIND + 1, "file"));
    assert_eq!(text(&output), "readwrite");
    for program in [
        Program::new().put(BIND, "file", "over"),
        Program::new().put(BIND, "new", "over"),
        Program::new().remove(BIND, "file"),
        Program::new().hard_link(BIND, "file", "mine").put(ROOT, "mine", "over"),
    ] {
        let output = run(&*sandbox, &program);
        assert!(is_refused(&output), "{}", text(&output));
    }
    assert_eq!(fs::read_to_string(house.path("read/file")).expect("file"), "read");
    let output = run(&*sandbox, &Program::new().put(BIND + 1, "new", "made"));
    assert_eq!(output.finished.end, End::Code(0));
    assert_eq!(fs::read_to_string(house.path("write/new")).expect("file"), "made");
    assert!(sandbox.create_file(Path::new("/srv/read/x"), 0o600).is_err(), "read-only for all");
    let mut got = String::new();
    let mut file = sandbox.open_file(Path::new("/srv/write/new")).expect("opens");
    file.read_to_string(&mut got).expect("read");
    assert_eq!(got, "made");
    spec.binds[0].source = house.path("secret");
    let error = house.level.create(&spec).err().expect("a file");
    assert!(error.to_string().contains("not a directory"), "{error}");
}

#[test]
fn what_it_leaves_is_the_upper_directory_of_an_overlay() {
    let house = House::new();
    fs::create_dir_all(house.path("base/old")).expect("folder");
    fs::write(house.path("base/top"), "top").expect("file");
    let mut spec = house.spec("leaves");
    let dir = house.path("kept");
    spec.upper = Upper::Directory(dir.clone());
    let sandbox = house.level.create(&spec).expect("a box");
    let program = Program::new()
        .remove(ROOT, "etc/note")
        .remove(ROOT, "top")
        .remove_folder("old")
        .put(ROOT, "etc/made", "made");
    let output = run(&*sandbox, &program);
    assert_eq!(output.finished.end, End::Code(0), "{}", text(&output));
    sandbox.freeze().expect("frozen");
    assert!(
        fs::symlink_metadata(dir.join("upper/top")).expect("mark").file_type().is_char_device()
    );
    sandbox.thaw().expect("thawed");
    assert!(fs::symlink_metadata(dir.join("upper/top")).is_err(), "no mark while it runs");
    sandbox.destroy().expect("ended");
    let upper = dir.join("upper");
    for gone in ["top", "old"] {
        let meta = fs::symlink_metadata(upper.join(gone)).expect("a mark");
        assert!(meta.file_type().is_char_device(), "{gone}");
    }
    let mut value = [0; 4];
    let read = rustix::fs::getxattr(upper.join("etc"), "user.overlay.opaque", &mut value[..]);
    assert_eq!((read, value[0]), (Ok(1), b'y'));
    assert_eq!(fs::read_to_string(upper.join("etc/made")).expect("file"), "made");
    assert!(!upper.join("etc/note").exists(), "it was removed");
    // The next box over the same goes on from there.
    let sandbox = house.level.create(&spec).expect("a box again");
    let output = run(&*sandbox, &Program::new().cat(ROOT, "etc/made").cat(ROOT, "top"));
    assert_eq!(text(&output), "madeerrno 44");
    assert_eq!(fs::read_to_string(house.path("base/top")).expect("file"), "top", "not the layer");
}

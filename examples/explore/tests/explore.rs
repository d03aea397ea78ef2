//! Five fixes in five branches of a real box.

use explore::{Tried, explore};
use greenroom::boxes::engine::{Engine, ExecRequest, Setup};
use greenroom::boxes::sandbox::Launch;

#[test]
fn the_best_of_five_fixes_is_committed() {
    let dir = tempfile::tempdir().unwrap();
    let launch = Launch::Program(env!("CARGO_BIN_EXE_explore").into());
    let engine = Engine::open(dir.path(), Setup { launch, ..Setup::default() }).unwrap();
    let (tried, best) = explore(&engine).unwrap();
    let tried: Vec<_> = tried
        .iter()
        .map(|Tried { fix, passed, planted }| (fix.as_str(), *passed, planted.len()))
        .collect();
    let expected = [
        ("lower", Some(2), 0),
        ("loop", None, 0),
        ("words", Some(5), 0),
        ("hook", Some(6), 1),
        ("accents", Some(6), 0),
    ];
    assert_eq!((tried.as_slice(), best.as_str()), (expected.as_slice(), "accents"));
    let names: Vec<String> = engine.list().unwrap().into_iter().map(|one| one.row.name).collect();
    assert_eq!(names, ["repo"]);
    let request = ExecRequest::of(["cat", "/srv/project/slug.py"]);
    let printed = engine.exec("repo", &request, b"", &mut |_, _| {}).unwrap();
    assert!(printed.stdout.contains("NFKD"), "{printed:?}");
    let out = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(out.path().join("srv/project")).unwrap();
    let before = concat!(env!("CARGO_MANIFEST_DIR"), "/boxes/repo/project/slug.py");
    std::fs::copy(before, out.path().join("srv/project/slug.py")).unwrap();
    engine.export("repo", out.path(), false).unwrap();
    assert!(
        std::fs::read_to_string(out.path().join("srv/project/slug.py")).unwrap().contains("NFKD")
    );
    engine.discard("repo").unwrap();
}

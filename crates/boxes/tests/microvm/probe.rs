//! What the doctor says of this level: the truth about this machine, whichever that is.

use greenroom_boxes::sandbox::{Error, Launch, LevelName, doctor, open};

#[test]
fn each_missing_piece_is_named_with_what_to_do() {
    let dir = tempfile::tempdir().expect("a directory");
    let launch = Launch::Program(env!("CARGO_BIN_EXE_greenroom-box-spawner").into());
    let rows = doctor(&launch, dir.path());
    let rows: Vec<_> = rows.iter().filter(|row| row.level == LevelName::Microvm).collect();
    let names: Vec<_> = rows.iter().map(|row| row.mechanism.as_str()).collect();
    assert_eq!(names, ["kvm", "guest", "long mode", "monitor", "kernel", "agent"]);
    for row in &rows {
        println!("{row:?}");
    }
    // The kernel's own word on the first: only who may open it has guests.
    let opens = std::fs::File::options().read(true).write(true).open("/dev/kvm").is_ok();
    assert_eq!(rows[0].ok, opens, "{:?}", rows[0]);
    assert!(opens || !rows[1].ok, "a guest without KVM: {:?}", rows[1]);
    // The agent beside this test is linked as tests are: dynamically, or not built.
    let agent = rows[5];
    assert!(!agent.ok && agent.reason.contains("crt-static"), "{agent:?}");
    let error = open(LevelName::Microvm, &launch, dir.path()).err().expect("no agent");
    assert!(matches!(error, Error::Missing { level: LevelName::Microvm, .. }), "{error}");
    for row in rows.iter().filter(|row| !row.ok) {
        assert!(error.to_string().contains(&row.reason), "{error} lacks {row:?}");
    }
}

//! Logs as files: whole pieces in order, bounded, and the oldest go.

use super::*;

fn all(log: &mut ReadLog) -> Vec<Logged> {
    std::iter::from_fn(|| log.read().unwrap()).collect()
}

#[test]
fn what_was_printed_is_read_in_order_while_it_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("1");
    let mut log = Log::create(&path, 10).unwrap();
    let mut reading = opened(&path).unwrap().unwrap();
    assert_eq!(all(&mut reading), []);
    log.push(Stream::Stdout, b"one");
    log.push(Stream::Stderr, b"two");
    let printed = |stream, text: &str| Logged::Printed(stream, text.as_bytes().to_vec());
    let first = [printed(Stream::Stdout, "one"), printed(Stream::Stderr, "two")];
    assert_eq!(all(&mut reading), first);
    assert!(reading.may_grow());
    log.push(Stream::Stdout, b"threefour");
    drop(log);
    assert_eq!(all(&mut reading), [printed(Stream::Stdout, "thre"), Logged::Cut(5)]);
    assert!(!reading.may_grow());
    // Half a piece is what a crash has left, or what is not there yet.
    let half = File::options().append(true).open(&path).unwrap();
    (&half).write_all(&[OUT, 3, 0, 0, 0, b'x']).unwrap();
    assert_eq!(all(&mut reading), []);
    (&half).write_all(b"yz").unwrap();
    assert_eq!(all(&mut reading), [printed(Stream::Stdout, "xyz")]);
}

#[test]
fn the_oldest_go_when_they_are_many_or_large() {
    let dir = tempfile::tempdir().unwrap();
    for no in 0..300 {
        std::fs::write(dir.path().join(no.to_string()), "0123456789").unwrap();
    }
    std::fs::write(dir.path().join("290.kept"), "0123456789").unwrap();
    let left = || std::fs::read_dir(dir.path()).unwrap().count();
    prune(dir.path(), u64::MAX);
    assert_eq!((left(), dir.path().join("44").exists()), (LOGS_MAX, false));
    prune(dir.path(), 100);
    assert_eq!(left(), 9, "of 290 there were twice as many bytes");
    assert!(dir.path().join("291").exists() && !dir.path().join("290.kept").exists());
}

#[test]
fn of_what_a_box_writes_itself_the_beginning_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let (path, inside) = (dir.path().join("1"), dir.path().join("inside"));
    Log::create(&path, 10).unwrap().write(BACKGROUND, &[]);
    std::fs::write(&inside, "0123").unwrap();
    let mut log = opened(&path).unwrap().unwrap();
    log.inside = Some(Inside::new(File::open(&inside).unwrap(), 10));
    let printed = |text: &str| Logged::Printed(Stream::Stdout, text.as_bytes().to_vec());
    assert_eq!(all(&mut log), [printed("0123")]);
    // As large as it likes, and none of it is there.
    let file = File::options().append(true).open(&inside).unwrap();
    (&file).write_all(b"4567").unwrap();
    file.set_len(1 << 40).unwrap();
    assert_eq!(all(&mut log), [printed("4567\0\0"), Logged::Cut((1 << 40) - 10)]);
    assert_eq!(all(&mut log), []);
}

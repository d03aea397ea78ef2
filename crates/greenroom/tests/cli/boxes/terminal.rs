//! A command with the terminal of who sits there.

use super::Place;
use crate::house::{sees, terminal};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};
use std::fs::File;
use std::io::{Read, Write};
use std::process::Child;

fn sits(place: &Place, args: &[&str]) -> (Child, File, File) {
    let (keys, tty) = terminal();
    let size = Winsize { ws_row: 33, ws_col: 99, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(&tty, size).expect("a size");
    let mut command = place.house.command(args);
    let copy = || tty.try_clone().expect("the terminal");
    command.stdin(copy()).stdout(copy()).stderr(copy());
    (command.spawn().expect("it runs"), File::from(keys), tty)
}

#[test]
fn keys_sizes_and_interrupts_reach_the_command_and_the_terminal_is_given_back() {
    let place = Place::with_work();
    let (mut child, mut keys, tty) = sits(&place, &["box", "exec", "work", "-t", "--", "sh"]);
    let before = tcgetattr(&tty).expect("its modes");
    writeln!(keys, "tty; stty size").expect("typed");
    sees(&mut keys, "33 99");
    assert!(!tcgetattr(&tty).expect("its modes").local_modes.contains(LocalModes::ECHO));
    let size = Winsize { ws_row: 44, ws_col: 111, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(&tty, size).expect("a size");
    let id = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(id, rustix::process::Signal::WINCH).expect("it is there");
    writeln!(keys, "until stty size | grep '44 111'; do sleep 0.1; done; echo si''zed")
        .expect("typed");
    // The shell's prompt may stand before what it prints.
    sees(&mut keys, "sized");
    writeln!(
        keys,
        "sh -c 'trap \"echo caught; exit\" INT; echo wait''ing; while :; do sleep 0.1; done'"
    )
    .expect("typed");
    sees(&mut keys, "waiting");
    keys.write_all(&[3]).expect("Ctrl-C");
    sees(&mut keys, "caught");
    writeln!(keys, "exit 5").expect("typed");
    assert_eq!(child.wait().expect("it ends").code(), Some(5));
    let after = tcgetattr(&tty).expect("its modes");
    assert_eq!(after.local_modes, before.local_modes | LocalModes::ECHO | LocalModes::ICANON);
}

#[test]
fn a_signal_goes_to_the_command_and_a_command_that_is_deaf_is_killed() {
    use rustix::process::{Pid, Signal, kill_process};
    let place = Place::with_work();
    let line = "trap 'echo heard; exit 6' TERM; echo on; while :; do sleep 0.05; done";
    let mut command = place.house.command(&["box", "exec", "work", "--", "sh", "-c", line]);
    let mut child = command.spawn().expect("it runs");
    let mut out = child.stdout.take().expect("a pipe");
    let mut bytes = [0; 3];
    out.read_exact(&mut bytes).expect("a line");
    kill_process(Pid::from_child(&child), Signal::TERM).expect("it is there");
    assert_eq!(child.wait().expect("it ends").code(), Some(6));

    let line = "trap '' INT; echo on; while :; do sleep 0.05; done";
    let mut command = place.house.command(&["box", "exec", "work", "--", "sh", "-c", line]);
    let mut child = command.spawn().expect("it runs");
    let mut out = child.stdout.take().expect("a pipe");
    out.read_exact(&mut bytes).expect("a line");
    crate::house::until("it is killed", || {
        let _ = kill_process(Pid::from_child(&child), Signal::INT);
        child.try_wait().expect("it is ours").is_some()
    });
    assert_eq!(child.wait().expect("it has ended").code(), Some(137));
}

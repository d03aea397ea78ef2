//! Branches, commits and files.

use super::Place;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

#[test]
fn a_branch_is_compared_and_committed() {
    let place = Place::with_work();
    assert_eq!(place.run(&["branch", "work", "try"]).ok().out, "try\n");
    let line = "echo two > /srv/b; mv /srv/hello.sh /srv/moved.sh; chmod 600 /srv/a; \
        mkdir -p /srv/r/.git/hooks; echo x > /srv/r/.git/hooks/pre-commit; \
        chmod +x /srv/r/.git/hooks/pre-commit";
    place.sh("try", line);
    let diff = place.run(&["diff", "try"]).ok().out;
    for words in
        ["A srv/b", "R srv/hello.sh -> srv/moved.sh", "mode 0644 to 0600", "PLANTED: a hook"]
    {
        assert!(diff.contains(words), "{words}: {diff}");
    }
    let stat = place.run(&["diff", "try", "--stat"]).ok().out;
    assert!(stat.contains("1 modified") && stat.contains("1 renamed"), "{stat}");
    let json = place.run(&["diff", "try", "--json"]).ok().json();
    assert!(json["paths"].as_array().expect("paths").iter().any(|one| one["what"] == "R"));
    let done = place.run(&["commit", "try"]).ok().out;
    assert!(done.contains("try committed into work") && done.contains("PLANTED"), "{done}");
    assert_eq!(place.sh("work", "cat /srv/b; ls /srv"), "two\na\nb\nmoved.sh\nr\n");
    assert_eq!(place.names(), ["work"]);
    place.sh("work", "touch \"$(printf '/srv/x\\nA forged')\"");
    let lines = place.run(&["diff", "work"]).ok().out;
    assert!(!lines.contains("\nA forged") && lines.contains("srv/x\\nA forged"), "{lines}");
    place.sh("work", "rm /srv/x*");
    let three = place.run(&["branch", "work", "-n", "3"]).ok().out;
    assert_eq!(three, "work-1\nwork-2\nwork-3\n");
    place.run(&["rm", "work"]).fails(1, &["has branches", "work-2", "-f"]);
    let all = place.run(&["branch", "work-1", "deep", "--json"]).ok().json();
    assert_eq!(all[0]["parent"], "work-1");
    assert_eq!(place.run(&["discard", "-f", "work", "--json"]).ok().json()["removed"], 5);
}

#[test]
fn conflicts_are_listed_path_by_path() {
    let place = Place::with_work();
    place.run(&["branch", "work", "one", "two", "three"]).ok();
    place.sh("one", "echo from one > /srv/a");
    place.sh("two", "echo from two > /srv/a");
    place.sh("three", "echo else > /srv/else");
    place.run(&["commit", "one"]).ok();
    place.run(&["commit", "three"]).fails(1, &["has changed since", "--rebase keeps both"]);
    place.run(&["commit", "three", "--rebase"]).ok();
    let refused = place.run(&["commit", "two", "--rebase"]);
    assert_eq!(refused.code, 1);
    for words in ["srv/a\n", "  base    file", "  ours    file", "  theirs  file"] {
        assert!(refused.out.contains(words), "{words}: {}", refused.out);
    }
    assert!(refused.err.contains("nothing was committed"), "{}", refused.err);
    let json = place.run(&["commit", "two", "--rebase", "--json"]);
    assert_eq!(json.json()["overlaps"][0]["path"], "srv/a");
    assert_eq!((json.code, &json.json()["why"]), (1, &"conflict".into()));
    let forced = place.run(&["commit", "two", "--force", "--json"]).ok().json();
    assert_eq!(forced["forced"][0]["path"], "srv/a");
    assert_eq!(place.sh("work", "cat /srv/a /srv/else"), "from two\nelse\n");
}

#[test]
fn commands_in_the_parent_are_ended_only_when_that_is_said() {
    let place = Place::with_work();
    place.run(&["branch", "work", "try"]).ok();
    place.sh("try", "echo two > /srv/b");
    place.run(&["exec", "work", "-d", "--", "sleep", "600"]).ok();
    place.run(&["commit", "try"]).fails(1, &["commands running"]);
    place.run(&["commit", "try", "--restart"]).ok();
    assert_eq!(place.sh("work", "cat /srv/b"), "two\n");
}

#[test]
fn files_go_in_and_out() {
    let place = Place::with_work();
    let bytes: Vec<u8> = (0..=255u8).cycle().take(100_000).collect();
    std::fs::write(place.house.path("in.bin"), &bytes).expect("a file");
    place.run(&["cp", "in.bin", "work:/srv/"]).ok();
    std::fs::create_dir(place.house.path("out")).expect("a folder");
    place.run(&["cp", "work:/srv/in.bin", "out"]).ok();
    assert!(std::fs::read(place.house.path("out/in.bin")).expect("a file") == bytes);
    assert_eq!(place.run(&["cp", "work:/srv/a", "-"]).ok().out, "one\n");
    place.house.run_with(&["box", "cp", "-", "work:/srv/typed"], b"typed\n").ok();
    assert_eq!(place.sh("work", "cat /srv/typed"), "typed\n");
    std::fs::create_dir_all(place.house.path("to")).expect("a folder");
    place.run(&["export", "work", "to"]).fails(1, &["srv/", "folder that it is in is not here"]);
    std::fs::create_dir_all(place.house.path("to/srv")).expect("a folder");
    place.run(&["export", "work", "to", "--json"]).ok().json();
    // An export that somebody has begun and that cannot be finished is in the way until it is
    // given up; what is there already is not.
    let staged = place.house.path("to/.greenroom-export-00ff");
    for (folder, file) in [(staged, "0"), (place.house.in_boxes("exports"), "00ff")] {
        std::fs::create_dir_all(&folder).expect("a folder");
        std::fs::write(folder.join(file), "no plan").expect("a file");
    }
    place.run(&["export", "work", "to"]).fails(1, &["exports/00ff", "--give-up"]);
    place.run(&["export", "work", "to", "--give-up"]).ok();
    // One that the folder itself brings is in nobody's way.
    let brought = place.house.path("to/.greenroom-export");
    std::fs::create_dir_all(&brought).expect("a folder");
    std::fs::write(brought.join("plan"), "no plan").expect("a file");
    place.run(&["export", "work", "to"]).ok();
    let typed = std::fs::read_to_string(place.house.path("to/srv/typed"));
    assert_eq!(typed.expect("a file"), "typed\n");
}

#[test]
fn a_port_leads_into_a_box() {
    let place = Place::with_work();
    let server = "import socket\ns = socket.create_server(('127.0.0.1', 7000))\n\
        while True:\n c, _ = s.accept()\n c.sendall(c.recv(99).upper())\n c.close()\n";
    place.run(&["exec", "work", "-d", "--", "python3", "-c", server]).ok();
    let args = ["box", "port", "work", "0:7000", "--json"];
    let mut child = place.house.command(&args).spawn().expect("it runs");
    let mut line = String::new();
    let mut out = BufReader::new(child.stdout.take().expect("a pipe"));
    out.read_line(&mut line).expect("a line");
    let told: serde_json::Value = serde_json::from_str(&line).expect("JSON");
    let local = told["local"].as_str().expect("an address").to_owned();
    crate::house::until("it answers", || {
        let mut stream = TcpStream::connect(&local).expect("it listens");
        let mut heard = String::new();
        stream.write_all(b"hello").is_ok()
            && stream.read_to_string(&mut heard).is_ok()
            && heard == "HELLO"
    });
    child.kill().expect("killed");
    child.wait().expect("it ends");
}

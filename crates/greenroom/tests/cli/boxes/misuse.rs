//! What is said to who uses boxes wrongly.

use super::Place;

#[test]
fn where_there_are_no_boxes_nothing_is_made() {
    let place = Place::new();
    assert!(place.run(&["ls"]).ok().err.contains("there are no boxes"));
    for list in ["ls", "images", "ps"] {
        assert_eq!(place.run(&[list, "--json"]).ok().out, "[]\n");
    }
    place.run(&["diff", "work"]).fails(3, &["there are no boxes", "box build"]);
    place.run(&["exec", "work", "--", "true"]).fails(125, &["there are no boxes", "box build"]);
    assert!(!place.house.path(".greenroom").exists());
    place.run(&[]).fails(2, &["Usage"]);
}

#[test]
fn each_misuse_has_words_of_its_own() {
    let place = Place::with_work();
    let cases: &[Case<'_>] = &[
        (&["build", "./nowhere"], 2, &["nowhere"]),
        (&["run", "nothing", "--", "true"], 125, &["image `nothing`", "build its folder"]),
        (&["run", "plain"], 125, &["no command", "--name"]),
        (&["run", "plain", "--name", "work"], 125, &["take another"]),
        (&["run", "./none", "--name", "A b", "--", "true"], 125, &["name of a box"]),
        (&["run", "./none", "--name", "work", "--", "true"], 125, &["take another"]),
        (&["run", "plain", "-t", "--", "sh"], 125, &["no terminal", "leave --tty away"]),
        (&["run", "plain", "-e", "X", "--", "env"], 125, &["NAME=VALUE"]),
        (&["run", "plain", "--timeout", "5", "--", "true"], 2, &["span of time"]),
        (&["run", "plain", "--args", "{}", "--", "true"], 125, &["--action"]),
        (&["run", "plain", "-dt", "--", "true"], 2, &["cannot be used with"]),
        (&["exec", "nobody", "--", "true"], 125, &["no box `nobody`", "box ls"]),
        (&["exec", "work"], 2, &["COMMAND"]),
        (&["exec", "work", "-t", "--json", "--", "sh"], 125, &["do not go together"]),
        (&["ps", "nobody"], 3, &["no box `nobody`"]),
        (&["diff", "nobody"], 3, &["no box `nobody`"]),
        (&["diff", "nobody", "-p"], 3, &["no box `nobody`"]),
        (&["diff", "work", "-p", "--stat"], 2, &["cannot be used with"]),
        (&["diff", "work", "other", "-p"], 2, &["unexpected argument"]),
        (&["branch", "work", "work"], 1, &["take another"]),
        (&["branch", "work", "-n", "0"], 2, &["1..=1000"]),
        (&["branch", "nobody"], 3, &["no box `nobody`"]),
        (&["commit", "work"], 1, &["is no branch", "export"]),
        (&["commit", "work", "--rebase", "--force"], 2, &["cannot be used with"]),
        (&["rm", "nobody"], 3, &["no box `nobody`"]),
        (&["decisions", "nobody"], 3, &["no box `nobody`"]),
        (&["rmi", "plain"], 1, &["`work` was started from"]),
        (&["stop", "nobody"], 3, &["no box `nobody`"]),
        (&["freeze", "work"], 1, &["does not run"]),
        (&["logs", "work"], 3, &["no output", "exec"]),
        (&["logs", "work", "--exec", "99"], 3, &["no command 99", "box ps"]),
        (&["export", "work", "nowhere"], 2, &["is no folder"]),
        (&["port", "work", "x:y"], 2, &["LOCAL:REMOTE"]),
        (&["port", "nobody", "0:80"], 3, &["no box `nobody`"]),
        (&["inspect", "nothing"], 3, &["no box and no image", "box images"]),
        (&["lss"], 2, &["lss"]),
    ];
    each(&place, cases);
    assert_eq!(place.names(), ["work"]);
}

#[test]
fn each_misuse_of_a_copy_has_words_of_its_own() {
    let place = Place::with_work();
    let cases: &[Case<'_>] = &[
        (&["cp", "a", "b"], 2, &["BOX:/PATH"]),
        (&["cp", "work:srv/a", "b"], 2, &["from the root"]),
        (&["cp", "work:/srv/none", "b"], 1, &["/srv/none"]),
        (&["cp", "plain", "work:srv/x"], 2, &["from the root"]),
        (&["cp", "plain", "work:/none/x"], 1, &["/none/x", "nothing was copied"]),
        (&["cp", "plain", "work:/srv/a"], 1, &["/srv/a", "Not a directory", "nothing was copied"]),
        (&["cp", "plain", "work:/proc/x"], 1, &["/proc/x", "nothing was copied"]),
        (&["cp", "plain", "nobody:/srv/x"], 3, &["no box `nobody`"]),
        (&["cp", "plain", "other"], 2, &["BOX:/PATH"]),
        (&["cp", "work:/srv", "work:/other"], 2, &["one side, and only one"]),
        (&["cp", "work:/srv", "-"], 2, &["is a folder", "tar"]),
        (&["cp", "work:/srv", "plain/box.toml"], 2, &["box.toml is no folder"]),
        (&["cp", "work:/srv", "nowhere/x"], 2, &["nowhere is no folder"]),
        (&["cp", "work:/none/", "x"], 1, &["no folder /none/"]),
        (&["cp", "work:/srv/a/.", "x"], 1, &["no folder /srv/a/."]),
        (&["cp", "work:/tmp", "x"], 1, &["/tmp is no part of the box's files"]),
        (&["cp", "work:/proc/self", "x"], 1, &["/proc is no part of the box's files"]),
        (&["cp", "work:/usr", "x"], 1, &["/usr is no part of the box's files"]),
        (&["cp", "none.txt", "work:/srv/x"], 1, &["none.txt"]),
        (&["cp", "work:/srv", ""], 2, &["an empty path"]),
        (&["cp", "work:/srv/.", ""], 2, &["an empty path"]),
        (&["cp", "work:/srv/a", ""], 2, &["an empty path"]),
        (&["cp", "", "work:/srv/x"], 2, &["an empty path"]),
        (&["cp", "work:", "x"], 2, &["no path behind"]),
        (&["cp", "plain", "work:"], 2, &["no path behind"]),
        (&["cp", "work:/srv", "plain/box.toml/.."], 2, &["no folder"]),
        (&["cp", "work:/srv", "nowhere/.."], 2, &["no folder"]),
    ];
    each(&place, cases);
    assert_eq!(place.sh("work", "ls /srv"), "a\nhello.sh\n");
    assert!(["x", "a", "hello.sh"].iter().all(|name| !place.house.path(name).exists()));
}

/// Arguments, the exit code, and words of what is said.
type Case<'a> = (&'a [&'a str], i32, &'a [&'a str]);

fn each(place: &Place, cases: &[Case<'_>]) {
    for (args, code, words) in cases {
        println!("{args:?}");
        place.run(args).fails(*code, words);
        if *code != 2 {
            let json = place.run(&[&["--json"], *args].concat());
            let last = json.err.lines().last().unwrap_or_default();
            let error: serde_json::Value = serde_json::from_str(last).expect("JSON");
            assert!(error["error"]["message"].is_string(), "{error}");
        }
    }
}

#[test]
fn a_spec_that_is_wrong_is_told_with_its_place() {
    let place = Place::new();
    place.folder("bad", "base = \"host\"\n[limits]\nmemroy = \"1MiB\"\n");
    place.run(&["build", "./bad"]).fails(2, &["box.toml", "3", "memroy", "memory"]);
    place.folder("hard", "base = \"host\"\nlevel = \"microvm\"\n");
    place.run(&["run", "./hard", "--", "true"]).fails(125, &["microvm", "box doctor"]);
}

#[test]
fn a_layer_that_is_lost_is_no_box() {
    let place = Place::with_work();
    place.run(&["stop", "work"]).ok();
    let layers = place.house.in_boxes("layers");
    for layer in std::fs::read_dir(layers).expect("layers").flatten() {
        std::fs::remove_file(layer.path()).expect("removed");
    }
    let told = place.run(&["diff", "work"]).fails(3, &["no layer", "restore that from a copy"]);
    assert!(!told.err.contains("lists the boxes"), "{}", told.err);
    assert!(place.run(&["gc"]).ok().out.contains("are not there any more"));
}

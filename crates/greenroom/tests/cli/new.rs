//! `new`: five answers in, a project out that runs at once; and the examples, whose
//! files it writes.

use crate::house::House;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const SINGLE: &str = "unknown,cheap,one,seconds,few";
const HIERARCHICAL: &str = "unknown,cheap,one,hours,many";
const PIPELINE: &str = "known,costly,one,seconds,few";
const SWARM: &str = "unknown,cheap,several,days,many";

/// A command of the plain binary in a folder, with no key of a model.
fn within(dir: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_greenroom"));
    command.args(args).current_dir(dir).stdin(Stdio::null()).env_remove("GREENROOM_STORE");
    for key in ["ANTHROPIC_API_KEY", "OPENAI_API_KEY", "GEMINI_API_KEY", "GOOGLE_API_KEY"] {
        command.env_remove(key);
    }
    command
}

fn runs(dir: &Path, args: &[&str]) -> String {
    let output = within(dir, args).output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples").join(name)
}

#[test]
fn a_single_agent_answers_at_once_in_its_new_folder() {
    let house = House::new();
    let made = house.run(&["new", "desk", "--answers", SINGLE]).ok();
    for words in ["single: The steps are unknown", "The next larger one", "cd desk", "recorded run"]
    {
        assert!(made.out.contains(words), "{}", made.out);
    }
    let dir = house.path("desk");
    let answer = runs(&dir, &["run", "guide", "--input", "\"What is in this folder?\""]);
    assert!(answer.contains("one agent, `guide`"), "{answer}");
    let chat = runs(&dir, &["chat", "guide", "-m", "What is in this folder?"]);
    assert!(chat.contains("one agent, `guide`"), "{chat}");
    assert_eq!(std::fs::read_to_string(dir.join(".gitignore")).expect("a file"), ".greenroom\n");
}

#[test]
fn a_lead_has_two_researchers_look_in_its_new_folder() {
    let house = House::new();
    house.run(&["new", "desk", "--answers", HIERARCHICAL]).ok();
    let dir = house.path("desk");
    let answer = runs(&dir, &["run", "lead/1", "--input", "\"Who works here?\""]);
    assert!(answer.contains("60,000 tokens"), "{answer}");
    let all = runs(&dir, &["ps", "--all", "--json"]);
    assert!(all.contains("researcher/"), "{all}");
}

#[test]
fn a_pipeline_and_a_swarm_are_the_examples_that_are_built_here() {
    let house = House::new();
    for (answers, name) in [(PIPELINE, "pipeline"), (SWARM, "swarm")] {
        let made = house.run(&["new", "--answers", answers, "--json"]).ok().json();
        assert_eq!(made["architecture"], name);
        assert_eq!(made["next"][0], format!("cd {name}"));
        let dir = house.path(name);
        for file in ["src/main.rs", "README.md", "recorded.json", "greenroom.toml", ".gitignore"] {
            let text = |dir: &Path| std::fs::read_to_string(dir.join(file)).expect("a file");
            assert_eq!(text(&dir), text(&example(name)), "{name}/{file}");
        }
        let manifest = std::fs::read_to_string(dir.join("Cargo.toml")).expect("a file");
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{manifest}");
        // What the example depends on, its own workspace apart.
        let own = std::fs::read_to_string(example(name).join("Cargo.toml")).expect("a file");
        for line in own.lines().skip_while(|line| *line != "[dependencies]").skip(1) {
            let Some((package, _)) = line.split_once('.') else { break };
            assert!(manifest.contains(&format!("{package} = ")), "{package} is missing");
        }
        let agents = std::fs::read_dir(example(name).join("agents")).expect("agents");
        for agent in agents.flatten() {
            assert!(dir.join("agents").join(agent.file_name()).exists(), "{agent:?}");
        }
    }
}

#[test]
fn the_examples_without_code_run_where_they_are() {
    let house = House::new();
    for (name, agent) in [("single", "guide"), ("hierarchical", "lead")] {
        let dir = example(name);
        let mut command = within(house.dir.path(), &["run", agent, "--input", "\"What?\""]);
        command.env("GREENROOM_PROJECT", &dir).env("GREENROOM_DIR", house.path(name));
        let output = command.output().expect("it runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(String::from_utf8_lossy(&output.stdout).contains("recorded answer"), "{name}");
    }
}

#[test]
fn what_is_there_is_never_overwritten() {
    let house = House::new();
    std::fs::create_dir(house.path("desk")).expect("a folder");
    house.run(&["new", "desk", "--answers", SINGLE]).ok();
    std::fs::write(house.path("desk/README.md"), "mine").expect("a file");
    let words = ["desk is there and not empty", "ever overwritten"];
    house.run(&["new", "desk", "--answers", HIERARCHICAL]).fails(1, &words);
    assert_eq!(std::fs::read_to_string(house.path("desk/README.md")).expect("a file"), "mine");
    std::fs::write(house.path("file"), "mine").expect("a file");
    house.run(&["new", "file", "--answers", SINGLE]).fails(1, &["file"]);
}

#[test]
fn what_is_not_answered_is_said_and_nothing_is_written() {
    let house = House::new();
    let four = ["--steps", "known", "--error", "cheap", "--systems", "one", "--runs", "days"];
    let args = [&["new", "desk"][..], &four].concat();
    let words = ["1 of 5 questions have no answer", "--capabilities few|many"];
    house.run(&args).fails(2, &words);
    house.run(&["new", "desk"]).fails(2, &["5 of 5", "--steps known|unknown", "--runs"]);
    house.run(&["new", "desk", "--answers", "known,cheap"]).fails(2, &["has 2 answers", "5"]);
    let bad = "known,cheap,one,weeks,few";
    house.run(&["new", "desk", "--answers", bad]).fails(2, &["`weeks`", "seconds|hours|days"]);
    house.run(&["new", "desk", "--runs", "weeks"]).fails(2, &["weeks", "seconds"]);
    house.run(&["new", "De sk", "--answers", SINGLE]).fails(2, &["cannot be a project's name"]);
    assert!(!house.path("desk").exists());
    house.run(&[&args[..], &["--capabilities", "few"]].concat()).ok();
    assert!(house.path("desk/agents/guide.md").exists());
}

#[test]
fn a_person_at_a_terminal_is_asked() {
    let house = House::new();
    // `script` gives it a terminal of its own.
    let line = format!("{} new desk", House::probe().display());
    let mut command = Command::new("script");
    command.args(["-qec", &line, "/dev/null"]).current_dir(house.dir.path());
    let Ok(mut child) = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn() else {
        return;
    };
    let mut keys = child.stdin.take().expect("a pipe");
    std::io::Write::write_all(&mut keys, b"unknown\nmaybe\nche\n1\nhours\n2\n").expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    let screen = String::from_utf8_lossy(&output.stdout);
    assert!(screen.contains("Are the steps known?"), "{screen}");
    assert!(screen.contains("one of cheap|costly, or its number"), "{screen}");
    assert!(screen.contains("hierarchical: "), "{screen}");
    drop(keys);
    assert!(house.path("desk/agents/lead.md").exists());
}

#[test]
fn the_folder_is_told_as_a_shell_takes_it() {
    let house = House::new();
    std::fs::create_dir(house.path("it's a")).expect("a folder");
    let answers = "unknown,cheap,one,seconds,few";
    let made = house.run(&["new", "it's a/../desk", "--answers", answers]).ok();
    assert!(made.out.contains("\n  cd 'it'\\''s a/../desk'\n"), "{}", made.out);
}

//! Agents in git worktrees of their own: what is left of their work by `kill -9`, by a
//! lead that was cancelled, and by one that has ended; and the example of a site.

use crate::chat::Talk;
use crate::house::{House, until};
use greenroom::agent::scripted::{Script, ScriptedServer};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

const LEAD: &str = "---\nname: lead\napprove: {merge_agent: never}\n---\nLead.";
const WRITER: &str = "---\nname: writer\nisolation: worktree\n---\nWrite.";

/// A writer that writes two files, and is slow between them; `start` is what has the
/// lead start it.
fn turns(start: &str) -> String {
    format!(
        r#"{{"turns": [
        {{"when": {{"system": "Lead", {start}}}, "tool_calls": [
            {{"name": "start_agent", "arguments": {{"agent": "writer", "task": "two files"}}}}]}},
        {{"when": {{"system": "Lead", "text": "has finished"}}, "for_each": "the agent (\\S+) has",
         "tool_calls": [{{"name": "merge_agent", "arguments": {{"id": "$1"}}}}]}},
        {{"when": {{"system": "Lead"}}, "say": "well"}},
        {{"when": {{"system": "Write", "replies": 0}}, "tool_calls": [
            {{"name": "Write", "arguments": {{"file_path": "one.txt", "content": "one\n"}}}}]}},
        {{"when": {{"system": "Write", "replies": 1}}, "delay_ms": 3000, "tool_calls": [
            {{"name": "Write", "arguments": {{"file_path": "two.txt", "content": "two\n"}}}}]}},
        {{"when": {{"system": "Write"}}, "say": "both are written"}}]}}"#
    )
}

/// A project in a git repository, and its model.
fn project(start: &str) -> (House, ScriptedServer) {
    let house = House::with_agents("");
    let server = ScriptedServer::start(Script::parse(&turns(start)).expect("a script"));
    let server = server.expect("a server");
    std::fs::create_dir(house.path("agents")).expect("made");
    let config = format!(
        "[models]\ndefault = \"script/m\"\n[providers.script]\nprotocol = \"chat\"\nurl = \"{}\"\n",
        server.chat_url()
    );
    for (name, text) in
        [("agents/lead.md", LEAD), ("agents/writer.md", WRITER), ("greenroom.toml", &config)]
    {
        std::fs::write(house.path(name), text).expect("written");
    }
    git(house.dir.path(), &["init", "--quiet"]);
    git(house.dir.path(), &["add", "agents", "greenroom.toml"]);
    git(house.dir.path(), &["commit", "--quiet", "--message", "all"]);
    (house, server)
}

fn git(dir: &Path, args: &[&str]) -> String {
    let mut command = Command::new("git");
    command.args(["-c", "user.name=Ann", "-c", "user.email=ann@example.org"]).args(args);
    let done = command.current_dir(dir).output().expect("git runs");
    assert!(done.status.success(), "{args:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8_lossy(&done.stdout).trim().to_owned()
}

/// The workspace of the only writer, once it has written the first file.
fn half_done(house: &House) -> PathBuf {
    let mut found = None;
    until("the first file is written", || {
        let all = std::fs::read_dir(house.path(".greenroom/workspaces"));
        found = all.ok().and_then(|mut all| Some(all.next()?.ok()?.path()));
        found.as_ref().is_some_and(|place| place.join("one.txt").exists())
    });
    found.expect("a workspace")
}

fn writer(house: &House) -> String {
    let all = house.run(&["ps", "--all", "--json"]).ok().json();
    let mut ids = all.as_array().expect("a list").iter().filter_map(|one| one["id"].as_str());
    ids.rfind(|id| id.starts_with("writer/")).expect("a writer").to_owned()
}

#[test]
fn killed_while_an_agent_works_it_goes_on_in_the_same_worktree() {
    let (mut house, server) = project(r#""replies": 0"#);
    house.start_node();
    house.run(&["run", "lead/1", "-d", "-i", "\"begin\""]).ok();
    let place = half_done(&house);
    until("it asks for the second", || server.count() >= 4);
    house.kill();
    // Were the first file written again, this would be gone.
    std::fs::write(place.join("one.txt"), "one, looked at\n").expect("written");
    house.start_node();
    assert_eq!(house.run(&["result", "lead/1", "--wait"]).ok().out, "\"well\"\n");
    let read = |name: &str| std::fs::read_to_string(house.path(name)).expect("it is merged");
    assert_eq!(read("one.txt") + &read("two.txt"), "one, looked at\ntwo\n");
    assert!(!place.exists(), "it is merged and removed");
    let branches =
        git(house.dir.path(), &["for-each-ref", "--format=%(refname)", "refs/greenroom"]);
    assert_eq!(branches.lines().count(), 1, "{branches}");
    assert_eq!(git(house.dir.path(), &["status", "--porcelain"]), "");
    assert!(server.served_by_key().values().all(|count| *count == 1), "no call is made twice");
    let child = writer(&house);
    assert_eq!(house.run(&["result", &child]).ok().out, "\"both are written\"\n");
    assert!(house.run(&["history", &child, "--all"]).ok().out.contains("workspace"));
}

#[test]
fn what_an_agent_did_whose_lead_was_cancelled_is_on_its_branch() {
    let (mut house, _server) = project(r#""replies": 0"#);
    house.start_node();
    house.run(&["run", "lead/1", "-d", "-i", "\"begin\""]).ok();
    let place = half_done(&house);
    let child = writer(&house);
    house.run(&["cancel", "lead/1", "--tree", "--reason", "enough"]).ok();
    house.await_status(&child, "cancelled");
    let branch = format!("greenroom/{}", place.file_name().expect("a name").to_string_lossy());
    let dir = house.dir.path();
    assert_eq!(git(dir, &["show", &format!("{branch}:one.txt")]), "one");
    assert_eq!(git(dir, &["log", "-1", "--format=%an", &branch]), child);
    assert!(place.exists() && !house.path("one.txt").exists());
    assert_eq!(git(&place, &["status", "--porcelain"]), "");
    assert!(house.run(&["history", &child]).ok().out.contains("cancel"));
}

#[test]
fn an_agent_whose_lead_has_ended_goes_on_and_its_work_is_kept() {
    let (mut house, _server) = project(r#""text": "begin""#);
    house.start_node();
    let mut talk = Talk::begin(&house, &["lead/1"]);
    talk.sees("listening");
    talk.types("begin");
    let place = half_done(&house);
    talk.types("/end");
    house.await_status("lead/1", "completed");
    let child = writer(&house);
    house.kill();
    house.start_node();
    assert_eq!(house.run(&["result", &child, "--wait"]).ok().out, "\"both are written\"\n");
    let branch = format!("greenroom/{}", place.file_name().expect("a name").to_string_lossy());
    assert_eq!(git(house.dir.path(), &["show", &format!("{branch}:two.txt")]), "two");
    let state = house.run(&["state", &child]).ok().out;
    assert!(state.contains(&branch), "{state}");
}

/// The example, in a copy of it that was just made a repository.
fn site() -> House {
    let house = House::with_agents("");
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/site");
    let copied = Command::new("cp").arg("-r").arg(example.join(".")).arg(house.dir.path()).status();
    assert!(copied.expect("cp runs").success());
    git(house.dir.path(), &["init", "--quiet"]);
    house
}

/// Both pages are in the project, each by a commit of its writer's and one of the lead's.
fn is_merged(house: &House) {
    let log = git(house.dir.path(), &["log", "--format=%an"]);
    assert!(log.contains("writer/") && log.contains("lead/"), "{log}");
    assert_eq!(git(house.dir.path(), &["diff", "HEAD", "--stat"]), "");
}

fn page(house: &House, name: &str) -> String {
    std::fs::read_to_string(house.path(&format!("pages/{name}.html"))).expect("it is there")
}

/// As the example's README says.
#[test]
fn the_example_of_a_site_comes_to_its_end() {
    let house = site();
    let mut talk = Talk::begin(&house, &["lead"]);
    talk.sees("listening");
    talk.types("Make two pages for a coffee shop.");
    let asked = talk.sees("asked");
    assert_eq!(asked["ask"]["question"], "What is the coffee shop called?");
    talk.types("/answer Corner Coffee");
    let is_there = |name: &str| house.path(name).exists();
    while !(is_there("pages/home.html") && is_there("pages/about.html")) {
        talk.sees("tool_done");
    }
    until("it is said", || {
        talk.sees("said")["text"] == "It is in the project now: look into pages/."
    });
    assert!(page(&house, "home").contains("<h1>Corner Coffee</h1>"));
    assert!(page(&house, "about").contains("About us"));
    talk.leaves();
    is_merged(&house);
}

/// A real model on llama.cpp, which writes all that is said and written. What it cannot do at
/// its size, to plan, is decided for it (`steered.py`).
struct RealModel {
    child: Child,
    url: String,
}

impl RealModel {
    fn start() -> RealModel {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../servers/python/bin/python");
        let script =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../agent/tests/servers/steered.py");
        let mut command = Command::new(target);
        command.arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("a model's server; ./dev setup installs it");
        let mut url = String::new();
        let out = child.stdout.take().expect("a pipe");
        BufReader::new(out).read_line(&mut url).expect("its address");
        assert!(url.starts_with("http://127.0.0.1:"), "it has not started; run ./dev setup");
        RealModel { child, url: url.trim().to_owned() }
    }
}

impl Drop for RealModel {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _status = self.child.wait();
    }
}

#[test]
fn the_example_of_a_site_is_made_with_a_real_model_while_the_person_keeps_talking() {
    let model = RealModel::start();
    let house = site();
    let config = format!(
        "[models]\ndefault = \"local/smollm2\"\n[providers.local]\nprotocol = \"chat\"\nurl = \"{}/v1\"\n",
        model.url
    );
    std::fs::write(house.path("greenroom.toml"), config).expect("written");
    let mut talk = Talk::begin(&house, &["lead"]);
    talk.patience = std::time::Duration::from_secs(250);
    talk.sees("listening");
    talk.types("Make two pages for a coffee shop.");
    talk.sees("tool_done");
    talk.types("How is it going?");
    // The question of a writer may come before, while or after the lead talks.
    let (mut said, mut asked) = (Value::Null, Value::Null);
    while said.is_null() || asked.is_null() {
        let line = talk.sees_one_of(&["said", "asked"]);
        let seen = if line["event"] == "said" { &mut said } else { &mut asked };
        *seen = line;
    }
    assert!(!said["text"].as_str().expect("words").is_empty());
    assert!(!house.path("pages/home.html").exists(), "it waits for the answer");
    let question = asked["ask"]["question"].as_str().expect("a question");
    assert!(question.starts_with("What is the "), "{question}");
    talk.types("/answer Greenroom Coffee");
    until("both are merged", || {
        talk.sees("tool_done");
        ["home", "about"].iter().all(|name| house.path(&format!("pages/{name}.html")).exists())
    });
    talk.leaves();
    for name in ["home", "about"] {
        assert!(page(&house, name).starts_with("<html><body><h1>"), "{}", page(&house, name));
    }
    is_merged(&house);
}

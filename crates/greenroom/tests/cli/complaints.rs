//! What the users of other frameworks lose when a process dies, with the real command
//! and a real SIGKILL.

use crate::house::{House, until};
use greenroom::agent::scripted::{Script, ScriptedServer};

#[test]
fn an_accepted_run_is_never_lost_before_its_first_record() {
    let turns = r#"{"turns": [{"when": {}, "say": "done", "delay_ms": 20}]}"#;
    let server = ScriptedServer::start(Script::parse(turns).expect("a script")).expect("a server");
    let mut house = House::with_agents(&server.chat_url());
    for run in 0..6 {
        house.start_node();
        let id = format!("clerk/{run}");
        house.run(&["run", &id, "--input", "\"go\"", "--detach"]).ok();
        // At once: nothing of it but the word that it was accepted.
        house.kill();
    }
    house.start_node();
    for run in 0..6 {
        let id = format!("clerk/{run}");
        house.await_status(&id, "completed");
        assert!(house.run(&["result", &id]).ok().out.contains("done"));
    }
    until("the model was asked for each", || server.count() >= 6);
    // One that was asked when the node died is asked once more, and no other.
    assert!(server.served_by_key().values().all(|served| *served <= 2));
    assert_eq!(server.served_by_key().len(), 6);
}

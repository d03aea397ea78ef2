//! A configuration that changes under agents at work.

use crate::house::House;
use greenroom::agent::scripted::{Script, ScriptedServer};
use std::fs;

fn server(words: &str) -> ScriptedServer {
    let script = Script::parse(&format!("{{\"turns\": [{{\"say\": \"{words}\", \"times\": 9}}]}}"));
    ScriptedServer::start(script.expect("a script")).expect("a server")
}

/// The configuration with this provider as the only one, and at this price.
fn configure(house: &House, provider: &str, server: &ScriptedServer, input: u32, more: &str) {
    let url = server.url();
    let models = format!(
        "[models]\ndefault = \"{provider}/x\"\n[providers.{provider}]\nprotocol = \"chat\"\nurl = \"{url}/v1\"\n\
         {more}\n[prices.\"{provider}/x\"]\ninput = {input}\noutput = 1\n"
    );
    fs::write(house.path("greenroom.toml"), models).expect("a file");
}

#[test]
fn a_conversation_goes_on_with_another_provider_queue_and_price() {
    let (first, second) = (server("The first."), server("The second."));
    let house = House::new();
    fs::create_dir(house.path("agents")).expect("a folder");
    fs::write(house.path("agents/helper.md"), "---\nname: helper\n---\nYou help.\n")
        .expect("a file");
    let says = |words: &str| {
        let ran = house.run(&["chat", "helper/one", "-m", words]).ok();
        assert!(!ran.err.contains("nondeterminism"), "{}", ran.err);
        ran.out
    };
    configure(&house, "one", &first, 1, "");
    assert!(says("hello").contains("The first."));
    configure(&house, "one", &first, 1_000, "queue = \"narrow\"\n[queues.narrow]\nconcurrency = 1");
    assert!(says("again").contains("The first."));
    // The one that was chosen is gone: it looks who is there.
    configure(&house, "two", &second, 7, "");
    assert!(says("and now?").contains("The second."));
    assert!(says("and then?").contains("The second."));
    assert_eq!(first.count(), 2, "no call is made again");
}

//! Terms as people write them, over those of tools.

use super::*;
use serde_json::json;

fn read(text: Value) -> Result<ToolPolicy, String> {
    serde_json::from_value(text).map_err(|error| error.to_string())
}

#[test]
fn what_is_written_is_read_and_written_back() {
    let given = json!({"readOnly": true, "atMostOnce": false, "timeout": "30s", "attempts": 2, "concurrency": 3});
    let policy = read(given).unwrap();
    assert_eq!(policy.timeout, Some(Duration::from_secs(30)));
    let written = serde_json::to_value(&policy).unwrap();
    assert_eq!(written["timeout"], "30000ms");
    assert_eq!(read(written).unwrap(), policy);
    assert_eq!(read(json!({})).unwrap(), ToolPolicy::default());
}

#[test]
fn what_cannot_be_is_told() {
    let wrong = |text: Value| read(text).unwrap_err();
    assert!(wrong(json!({"atMostOne": true})).contains("did you mean `atMostOnce`?"));
    assert!(wrong(json!({"colour": 1})).contains("there are readOnly, atMostOnce"));
    assert!(wrong(json!({"timeout": 30})).contains("write 500ms, 30s"));
    assert!(wrong(json!({"timeout": "0s"})).contains("no span"));
    assert!(wrong(json!({"concurrency": 0})).contains("from 1 on"));
    assert!(wrong(json!({"readOnly": "maybe"})).contains("neither true nor false"));
}

#[test]
fn the_longest_name_wins_and_what_is_left_out_is_the_tools_own() {
    let with = |attempts| ToolPolicy { attempts: Some(attempts), ..ToolPolicy::default() };
    let names = [("*", 1), ("mcp__shop", 2), ("mcp__shop__p*", 3)];
    let all = names.map(|(name, attempts)| (name.to_owned(), with(attempts))).into();
    let found = |tool: &str| of(&all, tool).map(|(name, _)| name);
    assert_eq!(found("Read"), Some("*"));
    assert_eq!(found("mcp__shop__look"), Some("mcp__shop"));
    assert_eq!(found("mcp__shop__pay"), Some("mcp__shop__p*"));

    let own = Policy { at_most_once: true, ..Policy::default() };
    let merged = with(7).over(&own, "q".to_owned());
    assert_eq!(merged, Policy { attempts_max: 7, ..own.clone() });
    let harmless = ToolPolicy { read_only: Some(true), ..ToolPolicy::default() };
    let merged = harmless.over(&own, "q".to_owned());
    assert!(merged.read_only && !merged.at_most_once);
    let both = ToolPolicy { at_most_once: Some(true), ..harmless };
    assert!(both.over(&own, "q".to_owned()).at_most_once);
}

#[test]
fn how_many_at_once_is_a_queue_of_the_agents_own() {
    let two = ToolPolicy { concurrency: Some(2), ..ToolPolicy::default() };
    let all = [("mcp__shop__*".to_owned(), two.clone())].into();
    let queues = queues("seller", &all);
    assert_eq!(
        (queues[0].name.as_str(), queues[0].concurrency),
        ("tool.seller.mcp__shop__.", Some(2))
    );
    let queue = queue("seller", "mcp__shop__*");
    assert_eq!(two.over(&Policy::default(), queue).queue.as_ref(), Some(&queues[0].name));
    assert!(queues[0].check().is_ok());
}

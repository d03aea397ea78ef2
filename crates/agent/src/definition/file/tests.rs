//! Definitions as people write them, and what is said of bad ones.

use super::*;
use serde_json::json;
use std::time::Duration;

#[test]
fn the_format_in_wide_use_loads_unchanged() {
    let text = "---\nname: code-reviewer\ndescription: Expert code review. Use proactively: after \
        changes.\ntools: Read, Grep, Glob, Bash\nmodel: sonnet\nisolation: worktree\ncolor: blue\npermissionMode: plan\n\
        ---\n\nYou are a senior reviewer.\n\n---\n\nBe brief.\n";
    let Read { definition, ignored } = read(text, "x").unwrap();
    assert_eq!(definition.name, "code-reviewer");
    assert_eq!(definition.description, "Expert code review. Use proactively: after changes.");
    assert_eq!(definition.tools.unwrap(), ["Read", "Grep", "Glob", "Bash"]);
    assert_eq!(definition.isolation, Isolation::Worktree);
    assert_eq!(definition.model.as_deref(), Some("sonnet"));
    assert!(definition.prompt.starts_with("You are") && definition.prompt.ends_with("Be brief."));
    assert_eq!(ignored, ["color", "permissionMode"]);
}

#[test]
fn what_is_not_said_is_the_default() {
    let Read { definition, .. } = read("---\nmodel: inherit\n---\nHelp.", "helper").unwrap();
    assert_eq!(definition, Definition::new("helper", "Help."));
}

#[test]
fn our_own_fields() {
    let text = "---\nname: payer\napprove:\n  pay: {above: {pointer: /amount, most: 100}}\n  \
        Bash: always\nlimits: {turns: 5, money: 0.5, then: ask}\nmaxTurns: 7\noutput: {type: object}\n\
        maxTokens: 100\ntoolPolicy:\n  mcp__shop__*: {atMostOnce: false, timeout: 30s}\n---\nPay.";
    let Read { definition, ignored } = read(text, "x").unwrap();
    assert_eq!(ignored, Vec::<String>::new());
    let rule = Approval::Above { pointer: "/amount".to_owned(), most: 100.0 };
    assert_eq!(definition.approve["pay"], rule);
    assert_eq!(definition.approve["Bash"], Approval::Always);
    assert_eq!((definition.limits.turns, definition.limits.money), (7, Some(0.5)));
    let policy = &definition.tool_policy["mcp__shop__*"];
    assert_eq!((policy.at_most_once, policy.timeout), (Some(false), Some(Duration::from_secs(30))));
    assert_eq!(definition.limits.then, Breach::Ask);
    assert_eq!(definition.output, Some(json!({"type": "object"})));
    assert_eq!(definition.tokens_max, 100);
    let list = read("---\napprove: pay, Bash\n---\nPay.", "x").unwrap().definition;
    assert_eq!(list.approve["Bash"], Approval::Always);
}

#[test]
fn tools_left_empty_are_none() {
    let tools =
        |head: &str| read(&format!("---\nname: x\n{head}\n---\nx"), "x").unwrap().definition.tools;
    assert_eq!(tools("color: red"), None);
    assert_eq!(tools("tools:"), Some(Vec::new()));
    assert_eq!(tools("tools: []"), Some(Vec::new()));
    assert_eq!(tools("tools: Read"), Some(vec!["Read".to_owned()]));
}

#[test]
fn what_cannot_be_is_told() {
    let wrong = |text: &str| read(text, "x").unwrap_err().to_string();
    assert!(wrong("no head").contains("---"));
    assert!(wrong("---\nname: x\n---\n  \n").contains("prompt"));
    assert!(wrong("---\nlimits: {children: 0}\n---\nx").contains("limits.children"));
    assert!(wrong("---\nlimits: {turns: 0}\n---\nx").contains("limits.turns: 0"));
    assert!(wrong("---\nisolation: cage\n---\nx").contains("isolation: cage"));
    let told = wrong("---\nname: x\ntoolPolicy:\n  pay: {atMostOne: true}\n---\nx");
    assert!(told.contains("line 4") && told.contains("did you mean `atMostOnce`?"), "{told}");
    let told = wrong("---\nname: x\ntoolPolicy:\n  a b: {readOnly: true}\n---\nx");
    assert!(told.contains("line 4") && told.contains("in no tool's name"), "{told}");
    assert!(wrong("---\nlimits: {failures: 1}\n---\nx").contains("limits.failures"));
    assert!(wrong("---\nlimits: {turn: 1}\n---\nx").contains("turn"));
    assert!(wrong("---\nlimits: {money: -1}\n---\nx").contains("limits.money"));
    assert!(wrong("---\nlimits: {child: {tokens: 0}}\n---\nx").contains("limits.child.tokens: 0"));
    for money in ["0", "-1", ".inf", ".nan"] {
        let child = format!("---\nlimits: {{child: {{money: {money}}}}}\n---\nx");
        assert!(wrong(&child).contains("limits.child.money"), "{}", wrong(&child));
    }
    assert!(wrong("---\nlimits: {child: {turns: 3}}\n---\nx").contains("turns"));
    assert!(wrong("---\nlimits: {child: 5}\n---\nx").contains("line"));
    assert!(wrong("---\ntools: {a: b}\n---\nx").contains("line"));
}

#[test]
fn what_cannot_be_is_told_with_its_line() {
    let wrong = |head: &str| read(&format!("---\nname: x\n{head}\n---\nx"), "x").unwrap_err();
    let told = |head: &str, line: usize, words: &str| {
        let wrong = wrong(head);
        assert!(wrong.line == line && wrong.message.contains(words), "{head}: {wrong}");
    };
    told("limits:\n  depth: 2\n  turns: 0", 5, "limits.turns: 0");
    told("limits: {depth: 2}\nmaxTurns: 0", 4, "maxTurns: 0");
    told("limits:\n  money: .nan", 4, "limits.money: NaN");
    told("limits:\n  child:\n    money: -1", 5, "limits.child.money");
    told("isolation: cage", 3, "isolation: cage");
    told("approve: {Write: {above: {pointer: amount, most: 50}}}", 3, "write `/amount`");
    told("approve:\n  Bash: always\n  Write:\n    unless: {pointer: a, values: []}", 6, "Write");
    told("approve: {pay: {above: {pointer: /a, most: .nan}}}", 3, "non-finite");
    told("approve:\n  Write: allways", 4, "approve.Write: \"allways\" is no rule: write `always`");
    told("approve:\n  Write: allways", 4, "did you mean `always`?");
    told("approve:\n  Bash: never\n  Write: true", 5, "approve.Write: true is no rule");
    told("approve: {pay: {above: {pointer: /a}}}", 3, "missing field `most`");
    told("limits:\n  depth: 2\n  turns: -3", 5, "limits.turns: invalid value: integer `-3`");
    told("limits:\n  money: much", 4, "limits.money: invalid type");
    told("limits:\n  turn: 3", 4, "limits.turn: unknown field `turn`");
    told("maxTokens: -1", 3, "maxTokens: invalid value");
    told("temperature: warm", 3, "temperature: invalid type");
    told("output: {type: nope}", 3, "output.type: there is no type `nope`");
    told("output:\n  properties:\n    n:\n      type: int", 6, "output.properties.n.type");
    told("output: words", 3, "output: \"words\" is no schema");
    assert_eq!(read("---\nname: x\n---\n  \n", "x").unwrap_err().line, 3);
}

#[test]
fn rules_in_brackets_load_and_those_that_cannot_be_are_named_with_their_line() {
    let loads = "---\nname: a\ntools: Read, Bash(git diff:*), Bash(git log:*), Write(docs/**), \
        WebFetch(domain:example.com), mcp__git__log\n---\nHelp.";
    let tools = read(loads, "a").unwrap().definition.tools.unwrap();
    assert_eq!(tools.len(), 6, "{tools:?}");
    let wrong = |head: &str| read(&format!("---\nname: a\n{head}\n---\nHelp."), "a").unwrap_err();
    let told = wrong("tools:\n  - Read\n  - Grep(src)");
    assert!(told.line == 5 && told.message.contains("tools: `Grep(src)`"), "{told}");
    let told = wrong("disallowedTools: Bash(rm:*)");
    assert!(told.line == 3 && told.message.contains("brackets stand in `tools` only"), "{told}");
    let told = wrong("tools: Read\napprove: [\"Bash(rm:*)\"]");
    assert!(told.line == 4 && told.message.starts_with("approve: "), "{told}");
}

/// What is misspelt would guard nothing, and nobody would notice.
#[test]
fn a_field_like_one_that_guards_is_no_field_to_be_passed_over() {
    for (field, like) in [
        ("aprove", "approve"),
        ("Approve", "approve"),
        ("limit", "limits"),
        ("tool", "tools"),
        ("toolpolicy", "toolPolicy"),
        ("disallowed-tools", "disallowedTools"),
        ("allowed-tools", "tools"),
        ("max-turns", "maxTurns"),
        ("isolatoin", "isolation"),
    ] {
        let text = format!("---\nname: x\n{field}: {{a: always}}\n---\nx");
        let wrong = read(&text, "x").unwrap_err();
        assert_eq!(wrong.line, 3, "{field}: {wrong}");
        assert!(wrong.message.contains(&format!("did you mean `{like}`?")), "{field}: {wrong}");
    }
    let others = ["hooks", "color", "permissionMode", "mcpServers", "memory", "effort", "mode"];
    for field in others.iter().chain(&["background", "version", "license", "metadata", "author"]) {
        let text = format!("---\nname: x\n{field}: y\n---\nx");
        assert_eq!(read(&text, "x").unwrap().ignored, [field.to_owned()]);
    }
}

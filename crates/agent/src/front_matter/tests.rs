//! What people write between two lines `---`, and how it is read.

use super::*;
use serde_json::Value;

#[derive(Debug, Deserialize, PartialEq)]
struct Head {
    name: String,
    #[serde(default)]
    description: String,
    #[serde(default, deserialize_with = "names_if_any")]
    tools: Option<Vec<String>>,
    #[serde(default, rename = "allowed-tools", deserialize_with = "names")]
    allowed: Vec<String>,
}

fn head(text: &str) -> Head {
    parse::<Head>(text).expect("it can be read").0
}

fn refused(text: &str) -> String {
    parse::<Head>(text).expect_err("it cannot be read").to_string()
}

#[test]
fn a_head_and_its_body() {
    let (head, body) =
        parse::<Head>("---\nname: a\ntools: Read, Grep\n---\n\nHello\n---\n").unwrap();
    assert_eq!(head.tools, Some(vec!["Read".to_owned(), "Grep".to_owned()]));
    assert_eq!(body, "\nHello\n---\n");
    let (_, body) = parse::<Head>("\u{feff}---\r\nname: a\r\n---\r\nHello").unwrap();
    assert_eq!(body, "Hello");
    assert_eq!(parse::<Value>("---\n# none\n---").unwrap(), (serde_json::json!({}), ""));
}

#[test]
fn names_as_people_write_them() {
    let list = |text: &str| head(&format!("---\nname: a\n{text}\n---\n"));
    assert_eq!(list("tools:").tools, None);
    assert_eq!(list("").tools, None);
    assert_eq!(list("tools: []").tools, Some(vec![]));
    assert_eq!(list("tools: [Read, 'Grep']").tools.unwrap(), ["Read", "Grep"]);
    assert_eq!(list("tools:\n  - Read\n  - mcp__git__*").tools.unwrap(), ["Read", "mcp__git__*"]);
    let allowed = list("allowed-tools: Bash(git log:*, git diff:*), Read,").allowed;
    assert_eq!(allowed, ["Bash(git log:*, git diff:*)", "Read"]);
    assert!(refused("---\nname: a\ntools: Bash(a\n---\n").contains("without its"));
}

#[test]
fn plain_text_with_a_colon_is_text() {
    let text = "---\nname: a\ndescription: Use it when: it's late\\n<example>user: \"hi\"</example>\n  and: so on\n\ntools: Read\n---\n";
    let head = head(text);
    assert_eq!(
        head.description,
        "Use it when: it's late\\n<example>user: \"hi\"</example> and: so on"
    );
    assert_eq!(head.tools.unwrap(), ["Read"]);
}

#[test]
fn errors_name_the_line_and_what_is_expected() {
    assert!(refused("Hello").starts_with("line 1: no front matter: expected `---`"));
    assert!(refused("").starts_with("line 1: no front matter"));
    assert!(refused("---\nname: a\n").contains("no end: expected a second line `---`"));
    let bad = refused("---\nname: a\ntools: [Read\n---\n");
    assert!(bad.starts_with("line 3:") || bad.starts_with("line 4:"), "{bad}");
    let missing = refused("---\ndescription: a\n---\n");
    assert!(missing.contains("name"), "{missing}");
    let wrong = refused("---\nname: a\ntools:\n  a: b\n---\n");
    assert!(wrong.starts_with("line 4:") && wrong.contains("names: `one, two`"), "{wrong}");
    let twice = refused("---\nname: a\nname: b\n---\n");
    assert_eq!(twice, "line 3: duplicate mapping key: name");
    let long = format!("---\nname: a\nx: {}\n---\n", "y".repeat(HEAD_MAX_BYTES));
    assert!(refused(&long).contains("longer than"));
}

#[test]
fn a_bomb_of_aliases_is_refused() {
    let mut text = String::from("---\nname: a\na0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let refs = vec![format!("*a{}", level - 1); 9].join(", ");
        text.push_str(&format!("a{level}: &a{level} [{refs}]\n"));
    }
    text.push_str("---\n");
    assert!(parse::<Value>(&text).is_err());
}

//! Rules in brackets, what follows them, and what only looks as if it did.

use super::Grant;
use serde_json::json;
use std::path::Path;

fn runs(rule: &str, command: &str) -> bool {
    let grant = Grant::parse(&format!("Bash({rule})")).unwrap();
    grant.allows(&json!({ "command": command }), Path::new("/p"))
}

fn touches(rule: &str, file: &str) -> bool {
    let grant = Grant::parse(&format!("Write({rule})")).unwrap();
    grant.allows(&json!({ "file_path": file }), Path::new("/p"))
}

fn wrong(text: &str) -> String {
    Grant::parse(text).unwrap_err()
}

#[test]
fn a_prefix_ends_with_a_word() {
    for command in
        ["git diff", "git diff HEAD", " git diff --stat -- 'a;b' \"c & d\" ", "git diff ''"]
    {
        assert!(runs("git diff:*", command) && runs("git diff *", command), "{command}");
    }
    for command in ["git", "git difftool", "git diff-tree", "git push", "cd x", "git  diff", ""] {
        assert!(!runs("git diff:*", command), "{command}");
    }
    assert!(
        runs("ls*", "lsof") && runs("git * main", "git log main") && runs("npm test", "npm test")
    );
    assert!(!runs("npm test", "npm test x") && !runs("git * main", "git log other"));
    assert!(runs("make a && make b", "make a && make b"), "as the person wrote it");
}

#[test]
fn no_other_command_comes_along() {
    for more in [
        "; rm x",
        "&& rm x",
        "& rm x",
        "|| rm x",
        "| sh",
        "|& sh",
        "\nrm x",
        "\r\nrm x",
        "$(rm x)",
        "`rm x`",
        "> x",
        ">> x",
        "< x",
        "<(rm x)",
        ">(rm x)",
        "\"$(rm x)\"",
        "\"`rm x`\"",
        "${x}",
        "$'a'",
        "'a' ; rm x",
        "\"a\" && rm x",
        "'a\\' ; rm x",
        "\\\nrm x",
        "a \\; rm",
        "'open",
        "\"open",
        "\"a\\\" ; rm x; echo \"",
        "(rm x)",
        "<<E\nE\nrm x",
        "\0 x",
        "\u{b}rm",
    ] {
        for command in [format!("git diff {more}"), format!("git diff{more}")] {
            assert!(!runs("git diff:*", &command), "{command:?}");
            assert!(!runs("*", &command) || Grant::parse("Bash(*)").is_err(), "{command:?}");
            assert!(!runs("git*", &command), "{command:?}");
        }
    }
    assert!(!runs("git diff:*", "X=1 git diff") && !runs("git diff:*", "(git diff)"));
}

#[test]
fn paths_are_as_gitignore_has_them() {
    for (rule, file) in [
        ("docs/**", "docs/a/b.md"),
        ("docs/*", "docs/a.md"),
        ("docs", "docs/a/b.md"),
        ("docs/", "x/docs/b"),
        ("*.md", "a/b/c.md"),
        ("*.md", "c.md"),
        ("/README.md", "README.md"),
        ("./README.md", "./README.md"),
        ("src/**/*.rs", "src/a.rs"),
        ("docs/**", "/p/docs/a"),
        ("docs/**", "x/../docs/a"),
        (".", "a/b"),
        ("*.{md,txt}", "a.txt"),
    ] {
        assert!(touches(rule, file), "{rule} {file}");
    }
    for (rule, file) in [
        ("docs/**", "docs/../src/a"),
        ("docs/**", "x/docs/a"),
        ("docs/**", "/etc/docs/a"),
        ("docs/**", "../p/docs/a"),
        ("docs/*.md", "docs/a/b.txt"),
        ("/README.md", "a/README.md"),
        ("*.md", "a.mdx"),
        ("docs/**", "docs2/a"),
        ("src/*.rs", "src/a/b.rs"),
        ("docs/**", "/q/docs/a"),
    ] {
        assert!(!touches(rule, file), "{rule} {file}");
    }
}

#[test]
fn what_cannot_be_is_told() {
    assert!(wrong("Bash()").contains("nothing between"));
    assert!(wrong("Bash(git").contains("expected `)`"));
    assert!(wrong("Read(~/.ssh/*)").contains("leads out of the project"));
    assert!(wrong("Read(//etc/passwd)").contains("leads out of the project"));
    assert!(wrong("Read(../x)").contains("leads out of the project"));
    assert!(wrong("Edit(!x)").contains("takes nothing away"));
    assert!(wrong("Read([a)").contains("`[` without"));
    for text in ["Grep(x)", "mcp__git__log(x)", "agent(x)", "*(x)", "start_agent(worker)"] {
        assert!(wrong(text).contains("name the tool alone"), "{text}");
    }
    // Other programs' tools do no harm here, whatever stands in their brackets.
    for text in ["WebFetch(domain:example.com)", "Task(helper)", "WebSearch"] {
        assert!(Grant::parse(text).is_ok(), "{text}");
    }
    assert!(!Grant::parse("Bash(*)").unwrap().is_limited());
}

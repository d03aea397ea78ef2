//! Mistyped names, names of other programs, servers that do not answer.

use super::*;
use crate::definition::ToolPolicy;
use crate::tool::Approval;

fn tools() -> Vec<String> {
    ["Read", "Bash", "refund", "mcp__shop__pay"].map(str::to_owned).to_vec()
}

fn unmet_of(change: impl FnOnce(&mut Definition)) -> Unmet {
    let mut definition = Definition::new("one", "You help.");
    change(&mut definition);
    let servers = Servers { silent: vec!["git".to_owned()], unused: vec!["ledger".to_owned()] };
    unmet(&definition, &tools(), &servers)
}

fn approve(name: &str) -> Unmet {
    unmet_of(|one| drop(one.approve.insert(name.to_owned(), Approval::Always)))
}

#[test]
fn an_approval_that_meets_nothing_is_refused_with_what_may_be_meant() {
    for fine in ["refund", "mcp__shop", "mcp__*", "*", "Edit", "memory_save"] {
        assert_eq!(approve(fine), Unmet::default(), "{fine}");
    }
    let refused = approve("refnud").refused;
    assert!(refused[0].contains("did you mean `refund`?"), "{refused:?}");
    assert!(refused[0].contains("done unasked"), "{refused:?}");
    assert_eq!(approve("mcp__shop__rob").refused.len(), 1);
    assert_eq!(approve("mcp__stop__*").refused.len(), 1);
}

#[test]
fn names_of_other_programs_and_of_silent_servers_are_warned_of() {
    for other in ["WebFetch", "Task", "mcp__git__push", "mcp__git"] {
        let found = approve(other);
        assert_eq!((found.refused.len(), found.warnings.len()), (0, 1), "{other}: {found:?}");
    }
}

#[test]
fn a_tool_that_is_not_taken_away_is_warned_of_loudly() {
    let found = unmet_of(|one| one.disallowed_tools = vec!["Bsh".to_owned(), "Read".to_owned()]);
    assert_eq!((found.refused.len(), found.warnings.len()), (0, 1), "{found:?}");
    assert!(found.warnings[0].contains("did you mean `Bash`?"), "{found:?}");
    assert!(found.warnings[0].contains("NOTHING"), "{found:?}");
}

#[test]
fn terms_of_no_tool_are_refused() {
    let with = |name: &str| {
        let all = [(name.to_owned(), ToolPolicy::default())];
        unmet_of(|one| one.tool_policy = all.into())
    };
    assert_eq!(with("Bash"), Unmet::default());
    assert!(with("Bahs").refused[0].contains("did you mean `Bash`?"));
    assert!(with("a b").refused[0].contains("in no tool's name"));
}

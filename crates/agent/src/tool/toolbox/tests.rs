//! Sets of tools, and lists that cut them down.

use super::*;
use greenroom_model::Failure;
use greenroom_runtime::Ctx;

fn tool(name: &str) -> Tool {
    Tool::verb(name, "Does something.", |_: Ctx, (): ()| async { Ok::<_, Failure>(()) })
}

fn toolbox() -> Toolbox {
    let names = ["Read", "Grep", "mcp__git__log", "mcp__git__push", "mcp__github__pr"];
    Toolbox::new(names.map(tool)).unwrap()
}

fn names(toolbox: Result<Toolbox, BadTool>) -> Vec<String> {
    toolbox.unwrap().specs().into_iter().map(|spec| spec.name).collect()
}

#[test]
fn lists_keep_the_order_of_the_tools() {
    assert_eq!(names(toolbox().only(&["Grep", "Read"])), ["Read", "Grep"]);
    assert_eq!(names(toolbox().only(&["mcp__git__*"])), ["mcp__git__log", "mcp__git__push"]);
    assert_eq!(names(toolbox().only(&["mcp__git"])), ["mcp__git__log", "mcp__git__push"]);
    assert_eq!(names(toolbox().only(&["*__p*"])), ["mcp__git__push", "mcp__github__pr"]);
    assert_eq!(names(toolbox().without(&["mcp__*", "Grep"])), ["Read"]);
    assert_eq!(names(toolbox().only(&["*"])).len(), 5);
    assert!(names(toolbox().only::<&str>(&[])).is_empty());
}

#[test]
fn what_cannot_be_is_told() {
    let told = |result: Result<Toolbox, BadTool>| result.expect_err("it cannot be").to_string();
    assert_eq!(told(toolbox().only(&["read"])), "there is no tool `read`; did you mean `Read`?");
    assert!(
        told(toolbox().without(&["mcp__gti__*"])).starts_with("there is no tool `mcp__gti__*`")
    );
    assert!(told(toolbox().only(&["Bash(git:*)"])).contains("rules in brackets"));
    assert!(told(toolbox().only(&["a b"])).contains("` ` is in no tool's name"));
    assert!(told(Toolbox::new([tool("a"), tool("a")])).contains("`a` is there twice"));
    assert!(told(Toolbox::new([tool("a.b")])).contains("`.` cannot be in a name"));
    assert!(told(Toolbox::new([tool(&"a".repeat(65))])).contains("longer than 64"));
    assert!(told(Toolbox::new([tool("")])).contains("needs a name"));
    let text = Tool::verb("a", "b", |_: Ctx, _: String| async { Ok::<_, Failure>(()) });
    assert!(told(Toolbox::new([text])).contains("must be an object"));
}

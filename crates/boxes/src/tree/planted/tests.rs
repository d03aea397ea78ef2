//! What may act outside is found, and nothing else.

use super::*;
use crate::hash::BlobHash;

fn plants(path: &str, entry: &Entry) -> Vec<Plant> {
    among(path, entry, &[])
}

/// In a tree with these beside it: `/` is a folder, `>x` a link, anything else a file.
fn among(path: &str, entry: &Entry, beside: &[(&str, &str)]) -> Vec<Plant> {
    let see = |path: &TreePath| {
        let found = beside.iter().find(|(beside, _)| *beside == path.as_str());
        found.map(|(_, what)| match what.strip_prefix('>') {
            Some(target) => Seen::Link(target.to_owned()),
            None if *what == "/" => Seen::Dir,
            None => Seen::File,
        })
    };
    let path = TreePath::new(path).unwrap();
    let found = Planted::found([(&path, entry)].into_iter(), &see);
    found.into_iter().map(|found| found.plant).collect()
}

fn link(target: &str) -> Entry {
    Entry::Symlink { target: target.into() }
}

#[test]
fn files_that_git_would_run_or_read_are_found() {
    let file = Entry::file(BlobHash::of(b""), 0, 0o644);
    for hook in
        [".git/hooks/pre-commit", "a/.git/hooks/x", ".GIT/Hooks/x", ".git/modules/m/hooks/x"]
    {
        assert_eq!(plants(hook, &file), [Plant::GitHook], "{hook}");
    }
    for config in [
        ".git",
        "a/.git",
        ".git/config",
        ".git/modules/m/config",
        ".git/info/attributes",
        "GIT~1/config",
    ] {
        assert_eq!(plants(config, &file), [Plant::GitConfig], "{config}");
    }
    for plain in [".gitignore", "hooks/x", "src/config", ".git/objects/ab/cd", ".git/HEAD"] {
        assert_eq!(plants(plain, &file), [], "{plain}");
    }
}

#[test]
fn what_greenroom_goes_by_is_found() {
    let file = Entry::file(BlobHash::of(b""), 0, 0o644);
    for store in [".greenroom/boxes/x/lower/y", "a/.Greenroom/store.db", ".greenroom"] {
        assert_eq!(plants(store, &file), [Plant::Store], "{store}");
    }
    assert_eq!(plants(".greenroom/boxes", &Entry::dir(0o755)), [Plant::Store]);
    for project in [
        ".mcp.json",
        "app/mcp.json",
        "greenroom.toml",
        "boxes/shop/box.toml",
        "agents/lead.md",
        "app/Agents/lead.MD",
        "skills/shop/SKILL.md",
        "skills/shop/scripts/buy.py",
        "app/skills/shop/SKILL.md",
        "boxes/shop/SKILL.md",
    ] {
        assert_eq!(plants(project, &file), [Plant::Project], "{project}");
    }
    for linked in ["agents", "app/skills", "boxes/shop", "agents/x"] {
        assert_eq!(plants(linked, &link("x")), [Plant::Project], "{linked}");
    }
    for plain in ["agents/x.rs", "src/skills/fire.rs", "docs/box.md", "boxes/x/main.py", "skills"] {
        assert_eq!(plants(plain, &file), [], "{plain}");
    }
    assert_eq!(plants(".gitmodules", &file), [Plant::GitConfig]);
    assert_eq!(plants("agents/lead.md", &Entry::Tombstone), []);
}

#[test]
fn what_tools_go_by_is_found() {
    let file = Entry::file(BlobHash::of(b""), 0, 0o644);
    let found = [
        (Plant::Opened, ".envrc .devcontainer.json .devcontainer/x/Dockerfile .vscode/tasks.json"),
        (Plant::Opened, "a/.VSCode/Settings.json .vscode/launch.json x.code-workspace"),
        (Plant::Opened, ".idea/runConfigurations/x.xml a/.idea/workspace.xml"),
        (Plant::Steering, "CLAUDE.md a/claude.local.md AGENTS.md GEMINI.md .cursorrules"),
        (
            Plant::Steering,
            ".claude/settings.json .claude/settings.local.json .claude/commands/x.md",
        ),
        (Plant::Steering, ".cursor/rules/x.mdc .github/copilot-instructions.md"),
        (Plant::Project, ".claude/agents/x.md .cursor/mcp.json .vscode/mcp.json"),
        (Plant::Pipeline, ".github/workflows/x.yml .github/actions/x/action.yml .gitlab-ci.yml"),
        (Plant::Pipeline, ".husky/pre-commit .husky/_/husky.sh .pre-commit-config.yaml"),
        (Plant::Packages, ".npmrc a/.yarnrc.yml .cargo/config.toml .cargo/config"),
    ];
    for (plant, paths) in found {
        for path in paths.split(' ') {
            assert_eq!(plants(path, &file), [plant], "{path}");
            assert_eq!(plants(path, &Entry::Tombstone), [], "{path}");
        }
    }
    // With what stands elsewhere in the tree in it.
    for (plant, folder) in [
        (Plant::Opened, ".vscode"),
        (Plant::Opened, ".idea"),
        (Plant::Steering, ".claude"),
        (Plant::Pipeline, ".github"),
        (Plant::Pipeline, ".github/workflows"),
        (Plant::Packages, ".cargo"),
    ] {
        assert_eq!(plants(folder, &link("x")), [plant], "{folder}");
        assert_eq!(plants(folder, &Entry::dir(0o755)), [], "{folder}");
    }
    let plain = ".vscode/extensions.json .github/CODEOWNERS .gitattributes package.json Makefile \
                 docs/agents.md.txt .cargo/registry/x .env node_modules/x/.github/workflows/y.yml \
                 a/node_modules/x/.npmrc x/site-packages/y/CLAUDE.md";
    for path in plain.split_whitespace() {
        assert_eq!(plants(path, &file), [], "{path}");
    }
}

#[test]
fn links_that_lead_out_and_setuid_are_found() {
    for out in ["/etc/passwd", "../x", "a/../../x", "b/./../../.."] {
        assert_eq!(plants("link", &link(out)), [Plant::EscapingLink], "{out}");
    }
    assert_eq!(plants("a/b/link", &link("../../x")), []);
    assert_eq!(plants("a/b/link", &link("../../../x")), [Plant::EscapingLink]);
    let setuid = Entry::file(BlobHash::of(b""), 0, 0o4755);
    assert_eq!(plants("bin/su", &setuid), [Plant::Setuid]);
}

#[test]
fn links_that_lead_out_through_others_are_found() {
    let up = [("a", "/"), ("a/b", "/"), ("a/b/up", ">../.."), ("out", ">/etc"), ("in", ">a/b")];
    for out in [
        "up/../x",
        "up/a/../../x",
        "none/y/../../up/../x",
        "../../out/x",
        "./up/out/x",
        "../../in/up/../../x",
    ] {
        assert_eq!(among("a/b/link", &link(out), &up), [Plant::EscapingLink], "{out}");
    }
    for inside in ["up", "up/a/b", "../../in/x", "up/in/../b", "nothing/../x"] {
        assert_eq!(among("a/b/link", &link(inside), &up), [], "{inside}");
    }
    // The first of two that nobody looks at alone.
    let both = [("a", "/"), ("a/s1", ">.."), ("a/s2", ">s1/../etc/passwd")];
    assert_eq!(among("a/s1", &link(".."), &both), []);
    assert_eq!(among("a/s2", &link("s1/../etc/passwd"), &both), [Plant::EscapingLink]);
    assert_eq!(among("l", &link("l"), &[("l", ">l")]), [Plant::EscapingLink], "it has no end");
}

#[test]
fn repositories_of_any_name_are_found() {
    let file = Entry::file(BlobHash::of(b""), 0, 0o755);
    assert_eq!(plants("x.git/hooks/pre-commit", &file), [Plant::GitHook]);
    assert_eq!(plants("x.git/config", &file), [Plant::GitConfig]);
    assert_eq!(plants("x.git/src/main.rs", &file), []);
    let bare = [("x/HEAD", ""), ("x/objects", "/"), ("x/refs", "/")];
    let kinds = [
        ("x/hooks/update", Plant::GitHook),
        ("x/Config", Plant::GitConfig),
        ("x/HEAD", Plant::GitConfig),
        ("x/objects/info/alternates", Plant::GitAlternates),
        ("x/rebase-merge/git-rebase-todo", Plant::GitTodo),
    ];
    for (path, plant) in kinds {
        assert_eq!(among(path, &file, &bare), [plant], "{path}");
        assert_eq!(among(path, &file, &bare[..2]), [], "{path}: not yet a repository");
    }
    assert_eq!(among("x/refs", &Entry::dir(0o755), &bare), [Plant::GitConfig], "now it is one");
    assert_eq!(among("x/objects/ab/cd", &file, &bare), []);
    let root = [("HEAD", ""), ("objects", "/"), ("refs", "/")];
    assert_eq!(among("hooks/update", &file, &root), [Plant::GitHook]);
    assert_eq!(plants(".git/rebase-merge/git-rebase-todo", &file), [Plant::GitTodo]);
    assert_eq!(plants(".git/objects/info/alternates", &file), [Plant::GitAlternates]);
    assert_eq!(plants("a/.greenroom-export/0", &file), [Plant::Staged]);
}

#[test]
fn links_from_elsewhere_into_packages_are_found() {
    let beside = [
        ("a", "/"),
        ("a/in", ">../Node_Modules"),
        ("env", "/"),
        ("env/lib", ">lib64/site-packages"),
        ("node_modules", "/"),
        ("node_modules/x", "/"),
        ("node_modules/y", ">x"),
    ];
    for into in [
        "node_modules",
        "node_modules/x",
        "./Node_Modules/x/docs",
        "node_modules/../src",
        "nothing/../node_modules/x",
        "a/in/x",
        "env/lib/x",
    ] {
        assert_eq!(among("docs", &link(into), &beside), [Plant::ThroughPackages], "{into}");
    }
    for elsewhere in ["a", "env", "node_modules.txt", "a/../env"] {
        assert_eq!(among("docs", &link(elsewhere), &beside), [], "{elsewhere}");
    }
    // Those look at nothing that is not exempt under their own name.
    for (inside, target) in [
        ("node_modules/.bin/x", "../x/cli.js"),
        ("node_modules/z", "y"),
        ("a/node_modules", "../node_modules"),
        ("a/Node_Modules/x", "../../node_modules/x"),
        ("env/site-packages/x", "../../node_modules/x"),
    ] {
        assert_eq!(among(inside, &link(target), &beside), [], "{inside}");
    }
    let both = [Plant::Steering, Plant::ThroughPackages];
    assert_eq!(among("CLAUDE.md", &link("node_modules/x/README.md"), &beside), both);
}

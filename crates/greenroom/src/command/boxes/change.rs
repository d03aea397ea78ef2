//! `box diff`, `box branch`, `box commit`.

use super::desk::Desk;
use super::patch::{self, Patches};
use super::words::{self, Told, count};
use crate::exit::Code;
use crate::out;
use crate::paint::Tone;
use crate::problem::Problem;
use greenroom_boxes::Error;
use greenroom_boxes::branch::{Mode, Terms};
use greenroom_boxes::tree::Overlap;
use serde_json::json;

/// Show what a box has changed.
#[derive(clap::Args)]
#[command(
    after_help = "A added, M modified, D removed, R renamed. What would act outside of the box (git's hooks, links \
    that lead out, what editors, agents and build services go by) is marked PLANTED. Sockets, pipes and setuid bits are left out, with a warning.\n\n\
    Examples:\n  greenroom box diff work -p | less\n  greenroom box diff work -p > work.patch\n\n\
    A patch is as git has it (`git apply`); what that has no words for, folders say, is in lines that begin with #."
)]
pub struct DiffArgs {
    /// The box
    name: String,
    /// Only how many
    #[arg(long)]
    stat: bool,
    /// What has changed in each file, as a patch
    #[arg(short, long, conflicts_with = "stat")]
    patch: bool,
}

pub fn diff(desk: &Desk, args: &DiffArgs) -> anyhow::Result<Code> {
    let diff = desk.engine.diff(&args.name)?;
    let told = words::diff(&diff);
    let patches = Patches { engine: &desk.engine, diff: &diff };
    if desk.json {
        let paths =
            if args.patch { patches.json(&told)? } else { told.iter().map(Told::json).collect() };
        out::json(&json!({ "box": args.name, "summary": count(&told), "paths": paths }))?;
        return Ok(Code::Done);
    }
    if args.patch {
        return patch::print(&patches, &told, desk.paint);
    }
    if !args.stat {
        for one in &told {
            let tone = match one.letter {
                _ if one.planted.is_some() => Tone::Bad,
                'A' => Tone::Good,
                'D' => Tone::Warn,
                _ => Tone::Plain,
            };
            out::print(&desk.paint.tone(tone, &one.line()))?;
        }
    }
    if args.stat || told.is_empty() {
        out::line(&count(&told))?;
    }
    Ok(Code::Done)
}

/// Make branches of a box.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  greenroom box branch work try\n  greenroom box branch work -n 5\n\n\
    A branch begins with the files as they are now; nothing runs in it yet."
)]
pub struct BranchArgs {
    /// The box
    name: String,
    /// Their names; a number after the box's name if none is said
    branches: Vec<String>,
    /// How many, with names that are free
    #[arg(short = 'n', long, value_name = "N", conflicts_with = "branches",
        value_parser = clap::value_parser!(u32).range(1..=1000))]
    count: Option<u32>,
}

pub fn branch(desk: &Desk, args: &BranchArgs) -> anyhow::Result<Code> {
    let names = match args.branches.is_empty() {
        false => args.branches.clone(),
        true => {
            desk.engine.find(&args.name)?;
            let free = |name: &String| desk.engine.find(name).is_err();
            let names = (1..).map(|number| format!("{}-{number}", args.name)).filter(free);
            names.take(args.count.unwrap_or(1) as usize).collect()
        }
    };
    let known = desk.engine.branch(&args.name, &names, None)?;
    let lines: String = known.iter().map(|one| format!("{}\n", one.row.name)).collect();
    desk.tell(&known, &lines)
}

/// Bring a branch's changes into its parent.
#[derive(clap::Args)]
#[command(
    after_help = "Without --rebase or --force it is refused if the parent has changed since. Nothing is half done:\n\
    a commit that is refused (exit code 1) has changed nothing, and lists each path with what both began\n\
    with (base), what the parent has (ours) and what the branch has (theirs)."
)]
pub struct CommitArgs {
    /// The branch
    name: String,
    /// Keep what the parent has changed elsewhere
    #[arg(long, conflicts_with = "force")]
    rebase: bool,
    /// The same, and where both changed the same the branch wins
    #[arg(long)]
    force: bool,
    /// Merge texts that both changed, where their lines are apart
    #[arg(long)]
    merge_text: bool,
    /// Also if commands run in the parent: they are ended
    #[arg(long)]
    restart: bool,
}

pub fn commit(desk: &Desk, args: &CommitArgs) -> anyhow::Result<Code> {
    let mode = match (args.rebase, args.force) {
        (_, true) => Mode::Force,
        (true, _) => Mode::Rebase,
        // To merge is to keep both.
        _ if args.merge_text => Mode::Rebase,
        _ => Mode::FirstWins,
    };
    let terms = Terms { mode, merge_text: args.merge_text };
    let committed = match desk.engine.commit(&args.name, terms, args.restart) {
        Ok(committed) => committed,
        Err(Error::Overtaken { branch, parent, overlaps }) => {
            let words = format!("`{parent}` has changed since `{branch}` began");
            let next = match overlaps.is_empty() {
                true => "nothing overlaps: --rebase keeps both",
                false => {
                    "--merge-text merges texts, --force takes the branch's, or change the branch"
                }
            };
            return refused(desk, "overtaken", &words, next, &overlaps);
        }
        Err(Error::Conflict { branch, parent, overlaps }) => {
            let words = format!("`{branch}` and `{parent}` both changed the same");
            let next = "--merge-text merges texts whose changed lines are apart, --force takes the \
                branch's; or change the branch";
            return refused(desk, "conflict", &words, next, &overlaps);
        }
        Err(error) => return Err(error.into()),
    };
    let told = words::changes(&committed.changes, &[], &committed.planted);
    let parent = &committed.parent.name;
    let mut lines = format!("{} committed into {parent}; {}\n", args.name, count(&told));
    for (what, overlaps) in
        [("merged", &committed.merged), ("the branch's taken", &committed.forced)]
    {
        for one in overlaps {
            lines.push_str(&format!("  {what}: {}\n", words::name(one.path.as_str())));
        }
    }
    for one in told.iter().filter(|one| one.planted.is_some()) {
        lines.push_str(&format!("  {}", one.line()));
    }
    let value = json!({
        "committed": true, "box": args.name, "parent": parent,
        "paths": told.iter().map(Told::json).collect::<Vec<_>>(),
        "merged": committed.merged, "forced": committed.forced,
    });
    desk.tell(&value, &lines)
}

fn refused(
    desk: &Desk,
    code: &str,
    why: &str,
    next: &str,
    overlaps: &[Overlap],
) -> anyhow::Result<Code> {
    match desk.json {
        true => out::json(&json!({ "committed": false, "why": code, "overlaps": overlaps }))?,
        false => out::print(&overlaps.iter().map(words::overlap).collect::<String>())?,
    }
    Err(Problem::new(code, format!("{why}; nothing was committed")).next(next).into())
}

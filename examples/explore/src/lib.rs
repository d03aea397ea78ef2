//! Tries fixes of a project beside each other, each in a branch of one box.

use greenroom::boxes::branch::{Mode, Terms};
use greenroom::boxes::engine::{Ending, Engine, ExecRequest, Printed};
use std::path::Path;

/// The box's folder.
pub const REPO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/boxes/repo");

/// The fixes, each a script in the box.
pub const FIXES: [&str; 5] = ["lower", "loop", "words", "hook", "accents"];

/// What became of a fix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tried {
    /// Its name, which is its branch's too.
    pub fix: String,
    /// How many tests passed; `None` if they did not come to an end.
    pub passed: Option<usize>,
    /// What it has left that may act outside of the box.
    pub planted: Vec<String>,
}

impl Tried {
    /// The more tests pass the better, but nothing that acts on its own elsewhere.
    fn score(&self) -> Option<usize> {
        self.passed.filter(|_| self.planted.is_empty())
    }
}

/// The box `repo` with a branch for each fix, all at work at once; the best is committed into
/// it and the others are gone.
///
/// # Errors
/// A machine that can make no boxes; no fix with which the tests come to an end.
pub fn explore(engine: &Engine) -> anyhow::Result<(Vec<Tried>, String)> {
    let image = engine.build(&[Path::new(REPO)], &mut |_| {})?;
    engine.create(&image, "repo", None)?;
    engine.branch("repo", &FIXES.map(str::to_owned), None)?;
    let tried = std::thread::scope(|scope| {
        let all = FIXES.map(|fix| scope.spawn(move || attempt(engine, fix)));
        let joined = all.into_iter().map(|one| one.join());
        joined
            .map(|one| one.unwrap_or_else(|_| anyhow::bail!("an attempt panicked")))
            .collect::<anyhow::Result<Vec<Tried>>>()
    })?;
    let best = tried.iter().filter(|one| one.score().is_some()).max_by_key(|one| one.score());
    let Some(best) = best.map(|one| one.fix.clone()) else {
        anyhow::bail!("with none of the fixes do the tests come to an end")
    };
    for fix in FIXES.into_iter().filter(|fix| *fix != best) {
        engine.discard(fix)?;
    }
    engine.commit(&best, Terms { mode: Mode::FirstWins, merge_text: false }, false)?;
    Ok((tried, best))
}

/// Applies a fix in its branch and runs the tests there.
fn attempt(engine: &Engine, fix: &str) -> anyhow::Result<Tried> {
    let run = |line: &str| -> anyhow::Result<Printed> {
        let request =
            ExecRequest { cwd: Some("/srv/project".into()), ..ExecRequest::of(["sh", "-c", line]) };
        Ok(engine.exec(fix, &request, b"", &mut |_, _| {})?)
    };
    run(&format!("sh /fixes/{fix}.sh"))?;
    let tests = run("python3 -m unittest -v test_slug")?;
    let passed = match tests.ending {
        Ending::Code(_) => {
            Some(tests.stderr.lines().filter(|line| line.ends_with("... ok")).count())
        }
        Ending::Signal(_) | Ending::TimedOut => None,
    };
    let planted = engine.diff(fix)?.planted;
    let planted = planted.iter().map(|plant| plant.path.to_string()).collect();
    Ok(Tried { fix: fix.to_owned(), passed, planted })
}

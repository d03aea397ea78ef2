//! Running `git`: nothing of this node's environment leads it elsewhere, no hook and
//! no program that a worktree's content names is run, and nobody is asked anything.

use super::stale::Mark;
use greenroom_model::Failure;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// A failure's kind: git could not do it, in its own words.
pub const GIT_FAILED: &str = "git_failed";
/// A failure's kind: the project's folder is in no git repository.
pub const NO_REPOSITORY: &str = "no_repository";

/// Would lead git to another repository, index or object store.
const FORGOTTEN: [&str; 8] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_COMMON_DIR",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_NAMESPACE",
    "GIT_PREFIX",
];

/// What every call is told, over what people have configured.
const ALWAYS: [&str; 16] = [
    "-c",
    "core.hooksPath=/dev/null",
    "-c",
    "core.fsmonitor=false",
    "-c",
    "core.quotePath=false",
    "-c",
    "submodule.recurse=false",
    "-c",
    "commit.gpgSign=false",
    "-c",
    "gc.auto=0",
    "-c",
    "maintenance.auto=false",
    "-c",
    "advice.addEmbeddedRepo=false",
];

/// A place where git is run.
#[derive(Clone, Debug)]
pub struct Git {
    dir: PathBuf,
    env: Vec<(&'static str, PathBuf)>,
    /// Where the repository is kept, if that is known.
    common: Option<PathBuf>,
}

/// What a call came to.
pub struct Done {
    /// Its exit code; a negative one if it was ended by a signal.
    pub code: i32,
    /// What it printed.
    pub out: Vec<u8>,
    /// What it complained of.
    pub complaint: String,
}

impl Git {
    /// In this folder.
    pub fn at(dir: &Path) -> Git {
        Git { dir: dir.to_owned(), env: Vec::new(), common: None }
    }

    /// Of the repository that is kept here: locks that a call which was cut off has left
    /// there are removed.
    pub fn of(mut self, common: &Path) -> Git {
        self.common = Some(common.to_owned());
        self
    }

    /// With this in its environment.
    pub fn with(mut self, name: &'static str, value: impl Into<PathBuf>) -> Git {
        self.env.push((name, value.into()));
        self
    }

    /// In the name of an agent.
    pub fn by(self, author: &str) -> Git {
        let mail = format!("{}@greenroom.invalid", author.replace('/', "."));
        self.with("GIT_AUTHOR_NAME", author)
            .with("GIT_AUTHOR_EMAIL", &mail)
            .with("GIT_COMMITTER_NAME", author)
            .with("GIT_COMMITTER_EMAIL", &mail)
    }

    /// What it prints. Errors: whatever it does not end well with.
    pub async fn run(&self, args: &[&str]) -> Result<String, Failure> {
        Ok(text(&self.bytes(args, b"").await?))
    }

    /// The same as bytes, with something to read.
    pub async fn bytes(&self, args: &[&str], input: &[u8]) -> Result<Vec<u8>, Failure> {
        let done = self.done(args, input).await?;
        if done.code == 0 { Ok(done.out) } else { Err(done.failure(args)) }
    }

    /// What it prints, if it ends well.
    pub async fn answer(&self, args: &[&str]) -> Result<Option<String>, Failure> {
        let done = self.done(args, b"").await?;
        Ok((done.code == 0).then(|| text(&done.out)))
    }

    /// However it ends.
    pub async fn done(&self, args: &[&str], input: &[u8]) -> Result<Done, Failure> {
        let mut command = Command::new("git");
        command.args(ALWAYS).args(args).current_dir(&self.dir);
        for name in FORGOTTEN {
            command.env_remove(name);
        }
        command.env("LC_ALL", "C").env("GIT_TERMINAL_PROMPT", "0").env("GIT_OPTIONAL_LOCKS", "0");
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mark = self.common.as_deref().map(|common| Mark::begin(common, &self.dir));
        let mut child = command.spawn().map_err(|error| self.not_started(&error))?;
        let lost = |error: std::io::Error| Failure::new(GIT_FAILED, format!("git: {error}"));
        let (stdin, input) = (child.stdin.take(), input.to_vec());
        let write = async move {
            // One that has read enough closes the pipe.
            if let Some(mut stdin) = stdin {
                let _ = stdin.write_all(&input).await;
            }
        };
        let ((), output) = futures_util::future::join(write, child.wait_with_output()).await;
        let output = output.map_err(lost)?;
        // One that was killed may have left a lock.
        if let Some(mark) = mark.filter(|_| output.status.code().is_some()) {
            mark.end();
        }
        Ok(Done {
            code: output.status.code().unwrap_or(-1),
            out: output.stdout,
            complaint: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        })
    }

    fn not_started(&self, error: &std::io::Error) -> Failure {
        if !self.dir.is_dir() {
            let words = format!("the folder {} is gone", self.dir.display());
            return Failure::fatal(GIT_FAILED, words);
        }
        let words = format!("git cannot be started ({error}): a workspace of one's own needs it");
        Failure::fatal(GIT_FAILED, words)
    }
}

impl Done {
    /// What went wrong. It may pass: another git may hold a lock.
    pub fn failure(&self, args: &[&str]) -> Failure {
        let what = args.first().copied().unwrap_or_default();
        Failure::new(GIT_FAILED, format!("git {what}: {}", self.complaint))
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim_end_matches('\n').to_owned()
}

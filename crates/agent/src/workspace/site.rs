//! The workspaces of one project: made, committed, compared, merged, discarded.
//!
//! ```text
//! open ─▶ (an agent works) ─▶ settle ─▶ merge   ─▶ refs/greenroom/merged/NAME
//!  refs/heads/greenroom/NAME       └──▶ discard ─▶ refs/greenroom/discarded/NAME
//! ```
//! The ref moves before the worktree is removed: what is no branch any more is closed,
//! and all that is left of it may go.

use super::commits;
use super::git::{GIT_FAILED, Git};
use super::merge::{Into, Merged};
use super::place::{Place, Work};
use super::read;
use super::repository::Repository;
use crate::own_files::OwnFiles;
use greenroom_model::Failure;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::Mutex;

/// Where worktrees are, below the project's folder.
const BELOW: &str = ".greenroom/workspaces";

/// The workspaces of a project.
#[derive(Clone)]
pub struct Site {
    home: PathBuf,
    /// What changes the repository is done one after another on this node.
    lock: Arc<Mutex<()>>,
}

/// A workspace that was opened.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Opened {
    /// It.
    pub place: Place,
    /// How many files of the project are not committed, and so not in it.
    pub uncommitted: usize,
}

impl Site {
    /// Those of the project in this folder.
    pub fn new(home: &Path) -> Site {
        Site { home: home.to_owned(), lock: Arc::default() }
    }

    /// The folder that an agent works in which has this workspace.
    pub fn folder(&self, place: &Place) -> PathBuf {
        self.worktree(place).join(&place.prefix)
    }

    fn worktree(&self, place: &Place) -> PathBuf {
        self.home.join(BELOW).join(&place.name)
    }

    /// Makes a workspace, or takes over the one that was begun. `of` is the workspace
    /// of who wants it, if it has one; `from` the one whose work it goes on with.
    ///
    /// # Errors
    /// [`NO_REPOSITORY`]; [`GIT_FAILED`].
    pub async fn open(
        &self,
        name: &str,
        of: Option<&Place>,
        from: Option<&Place>,
    ) -> Result<Opened, Failure> {
        let _one = self.lock.lock().await;
        let repository = Repository::of(&self.home).await?;
        let lead = self.checkout(&repository, of);
        let mut place =
            Place { name: name.to_owned(), base: String::new(), prefix: repository.prefix.clone() };
        let [branch, ..] = place.refs();
        place.base = match (commits::tip(&lead, &place).await?, from) {
            // Begun before a crash; nobody has worked in it.
            (Some(tip), _) => tip,
            (None, from) => {
                let base = match from {
                    Some(from) => commits::tip(&lead, from).await?,
                    None => commits::named(&lead, "HEAD").await?,
                };
                let base = match base {
                    Some(base) => base,
                    None => commits::first(&lead).await?,
                };
                lead.run(&["update-ref", &branch, &base, ""]).await?;
                base
            }
        };
        self.add(&repository, &place).await?;
        std::fs::create_dir_all(self.folder(&place)).map_err(|error| broken(&error))?;
        let status = ["status", "--porcelain=v1", "-z", "--no-renames", "--ignore-submodules"];
        let uncommitted = read::dirty(&lead.bytes(&status, b"").await?).len();
        Ok(Opened { place, uncommitted })
    }

    /// The worktree itself.
    async fn add(&self, repository: &Repository, place: &Place) -> Result<(), Failure> {
        let (dir, admin) = (self.worktree(place), repository.admin(place));
        let is_whole = dir.join(".git").exists()
            && admin.join("index").exists()
            && !admin.join("locked").exists();
        if is_whole {
            return Ok(());
        }
        // Cut off in the middle: its agent has not begun.
        remove_dir(&dir)?;
        remove_dir(&admin)?;
        let (all, own) = (self.home.join(BELOW), self.home.join(".greenroom"));
        std::fs::create_dir_all(&all).map_err(|error| broken(&error))?;
        // It may have come with the project, and leads wherever its author wants.
        if let Some(link) = [&own, &all].into_iter().find(|dir| dir.is_symlink()) {
            let words = format!("{} is a link: a folder is wanted here", link.display());
            return Err(Failure::fatal(GIT_FAILED, words));
        }
        let ignore = own.join(".gitignore");
        if ignore.symlink_metadata().is_err() {
            std::fs::write(ignore, "*\n").map_err(|error| broken(&error))?;
        }
        let below = format!("{BELOW}/{}", place.name);
        let add = ["worktree", "add", "--quiet", &below, &place.branch()];
        Git::at(&self.home).of(&repository.common).run(&add).await.map(drop)
    }

    /// Commits what is not committed in a workspace, and says what was done in it.
    /// `of` is the workspace of who has made it.
    pub async fn settle(
        &self,
        place: &Place,
        of: Option<&Place>,
        author: &str,
    ) -> Result<Work, Failure> {
        let _one = self.lock.lock().await;
        let repository = Repository::of(&self.home).await?;
        let lead = self.checkout(&repository, of);
        let tip = self.commit_all(&repository, place, author).await?;
        commits::work(&lead, place, &tip).await
    }

    /// What was done in a workspace, committed or not, in words and as a patch.
    pub async fn diff(&self, place: &Place, of: Option<&Place>) -> Result<String, Failure> {
        let _one = self.lock.lock().await;
        let repository = Repository::of(&self.home).await?;
        let lead = self.checkout(&repository, of);
        let tip = commits::known(&lead, place).await?;
        let to = match commits::is_open(&lead, place).await? {
            true => self.snapshot(&repository, place).await?,
            false => tip.clone(),
        };
        let base = commits::base(&lead, place, &tip).await?;
        let diff = ["diff", "--no-color", "--no-ext-diff", "--no-textconv", "--stat", "-p"];
        let diff = lead.run(&[diff.as_slice(), &[&base, &to]].concat()).await?;
        Ok(if diff.is_empty() { "nothing is changed".to_owned() } else { diff })
    }

    /// Merges what was done in a workspace into the branch that is checked out where
    /// who has made it works (`of`), and removes the workspace: all of it or nothing. Into
    /// the project itself, what changes the files that agents are made of comes only if this
    /// very commit is `allowed`.
    pub async fn merge(
        &self,
        place: &Place,
        of: Option<&Place>,
        author: &str,
        message: &str,
        allowed: Option<&str>,
    ) -> Result<Merged, Failure> {
        let _one = self.lock.lock().await;
        let repository = Repository::of(&self.home).await?;
        let lead = self.checkout(&repository, of).by(author);
        if !commits::is_open(&lead, place).await? {
            return self.merged_before(&repository, &lead, place).await;
        }
        let tip = self.commit_all(&repository, place, author).await?;
        if lead.answer(&["symbolic-ref", "-q", "HEAD"]).await?.is_none() {
            let words = "the project is on no branch: check one out";
            return Ok(Merged::Refused(words.to_owned()));
        }
        let head = commits::named(&lead, "HEAD").await?;
        let is_new = match &head {
            None => true,
            Some(head) => {
                let is_in = ["merge-base", "--is-ancestor", &tip, head];
                lead.done(&is_in, b"").await?.code != 0
            }
        };
        let work = commits::work(&lead, place, &tip).await?;
        if is_new {
            let top = of.map_or(repository.top.clone(), |of| self.worktree(of));
            // What is in another one's workspace comes to the project by a merge of its own.
            let asks = of.is_none() && allowed != Some(tip.as_str());
            let own = asks
                .then(|| OwnFiles::of(&self.home, &repository.top, Path::new(&repository.prefix)));
            let into = Into { lead: &lead, top: &top, head: head.as_deref(), own };
            if let Some(refused) = into.bring(&tip, message).await? {
                return Ok(refused);
            }
        }
        self.close(&repository, &lead, place, 1).await?;
        Ok(if tip == place.base { Merged::Nothing } else { Merged::Done(work) })
    }

    /// Of a workspace that is closed.
    async fn merged_before(
        &self,
        repository: &Repository,
        lead: &Git,
        place: &Place,
    ) -> Result<Merged, Failure> {
        let tip = commits::known(lead, place).await?;
        self.remove(repository, place)?;
        let [_, merged, _] = place.refs();
        if commits::named(lead, &merged).await?.is_none() {
            return Ok(Merged::Discarded);
        }
        let work =
            Work { branch: place.branch(), commit: tip, files: 0, insertions: 0, deletions: 0 };
        Ok(Merged::Done(work))
    }

    /// Throws away what was done in a workspace. Where its commits can still be found.
    pub async fn discard(
        &self,
        place: &Place,
        of: Option<&Place>,
        author: &str,
    ) -> Result<String, Failure> {
        let _one = self.lock.lock().await;
        let repository = Repository::of(&self.home).await?;
        let lead = self.checkout(&repository, of);
        if commits::is_open(&lead, place).await? {
            self.commit_all(&repository, place, author).await?;
            self.close(&repository, &lead, place, 2).await?;
        }
        commits::known(&lead, place).await?;
        self.remove(&repository, place)?;
        for found in place.refs() {
            if commits::named(&lead, &found).await?.is_some() {
                return Ok(found);
            }
        }
        Err(commits::gone(place))
    }

    /// Moves the branch to where closed ones are, then removes the worktree.
    async fn close(
        &self,
        repository: &Repository,
        lead: &Git,
        place: &Place,
        to: usize,
    ) -> Result<(), Failure> {
        let refs = place.refs();
        let tip = commits::known(lead, place).await?;
        let moves = format!("create {} {tip}\ndelete {} {tip}\n", refs[to], refs[0]);
        lead.bytes(&["update-ref", "--stdin"], moves.as_bytes()).await?;
        self.remove(repository, place)
    }

    /// Of one that is closed: all that was in it is committed.
    fn remove(&self, repository: &Repository, place: &Place) -> Result<(), Failure> {
        remove_dir(&self.worktree(place))?;
        remove_dir(&repository.admin(place))
    }

    /// Commits what is not committed in a workspace that is open; its last commit.
    async fn commit_all(
        &self,
        repository: &Repository,
        place: &Place,
        author: &str,
    ) -> Result<String, Failure> {
        let git = self.checkout(repository, Some(place)).by(author);
        let home = Git::at(&self.home).of(&repository.common);
        let tip = commits::known(&home, place).await?;
        if !commits::is_open(&home, place).await? || !self.worktree(place).exists() {
            return Ok(tip);
        }
        let tree = self.snapshot(repository, place).await?;
        // An agent that has git may have committed elsewhere than on its branch.
        let head = commits::named(&git, "HEAD").await?.filter(|head| *head != tip);
        let tip_tree = git.run(&["rev-parse", &format!("{tip}^{{tree}}")]).await?;
        if tree == tip_tree && head.is_none() {
            return Ok(tip);
        }
        let message = format!("Work of {author}");
        let mut args = vec!["commit-tree", &tree, "-m", &message, "-p", &tip];
        args.extend(head.iter().flat_map(|head| ["-p", head]));
        let new = git.run(&args).await?;
        let [branch, ..] = place.refs();
        git.run(&["update-ref", "-m", &message, &branch, &new, &tip]).await?;
        git.run(&["symbolic-ref", "HEAD", &branch]).await?;
        // Only for who looks there: the index is of the commit before.
        let _ = git.done(&["reset", "--quiet"], b"").await?;
        Ok(new)
    }

    /// All that is in a worktree now, but for what git ignores, as a tree; its own
    /// index is left alone.
    async fn snapshot(&self, repository: &Repository, place: &Place) -> Result<String, Failure> {
        let admin = repository.admin(place);
        let index = admin.join("greenroom-index");
        // Left by a crash; whoever makes one has the lock.
        let _ = std::fs::remove_file(admin.join("greenroom-index.lock"));
        std::fs::copy(admin.join("index"), &index).map_err(|error| broken(&error))?;
        let git = self.checkout(repository, Some(place)).with("GIT_INDEX_FILE", &index);
        git.run(&["add", "--all", "--", "."]).await?;
        let tree = git.run(&["write-tree"]).await?;
        let _ = std::fs::remove_file(index);
        Ok(tree)
    }

    /// Where whoever has this workspace works; the project itself for who has none.
    /// What a worktree holds does not say where its repository is: an agent wrote it.
    fn checkout(&self, repository: &Repository, place: Option<&Place>) -> Git {
        let common = &repository.common;
        let Some(place) = place else { return Git::at(&repository.top).of(common) };
        let dir = self.worktree(place);
        Git::at(&dir).of(common).with("GIT_DIR", repository.admin(place)).with("GIT_WORK_TREE", dir)
    }
}

fn remove_dir(path: &Path) -> Result<(), Failure> {
    match std::fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Failure::new(GIT_FAILED, format!("{}: {error}", path.display())))
        }
        _ => Ok(()),
    }
}

fn broken(error: &std::io::Error) -> Failure {
    Failure::new(GIT_FAILED, format!("the workspace: {error}"))
}

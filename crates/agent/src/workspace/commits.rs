//! The commits of a workspace, asked of git: where it began and ended, what is between, whether
//! it is open. Changes no branch and no file.

use super::git::{GIT_FAILED, Git};
use super::place::{Place, Work};
use super::read;
use greenroom_model::Failure;

/// What was done in a workspace up to this commit.
pub async fn work(lead: &Git, place: &Place, tip: &str) -> Result<Work, Failure> {
    let base = base(lead, place, tip).await?;
    let diff = ["diff", "--numstat", "-z", "--no-renames", "--no-ext-diff", &base, tip];
    let (files, insertions, deletions) = read::numbers(&lead.bytes(&diff, b"").await?);
    let (branch, commit) = (place.branch(), tip.to_owned());
    Ok(Work { branch, commit, files, insertions, deletions })
}

/// Its last commit, wherever it is kept.
pub async fn tip(git: &Git, place: &Place) -> Result<Option<String>, Failure> {
    for name in place.refs() {
        if let Some(tip) = named(git, &name).await? {
            return Ok(Some(tip));
        }
    }
    Ok(None)
}

/// The same; that there is none is an error.
pub async fn known(git: &Git, place: &Place) -> Result<String, Failure> {
    tip(git, place).await?.ok_or_else(|| gone(place))
}

/// Whether it was neither merged nor discarded.
pub async fn is_open(git: &Git, place: &Place) -> Result<bool, Failure> {
    let [branch, ..] = place.refs();
    Ok(named(git, &branch).await?.is_some())
}

/// What was there when the work began, as far as it is there still.
pub async fn base(lead: &Git, place: &Place, tip: &str) -> Result<String, Failure> {
    let found = lead.answer(&["merge-base", "HEAD", tip]).await?;
    Ok(found.filter(|found| !found.is_empty()).unwrap_or_else(|| place.base.clone()))
}

/// The commit that has this name, if there is one.
pub async fn named(git: &Git, name: &str) -> Result<Option<String>, Failure> {
    git.answer(&["rev-parse", "--quiet", "--verify", &format!("{name}^{{commit}}")]).await
}

/// An empty commit to begin with in a repository that has none: the same for all, so
/// that what they do can be merged.
pub async fn first(git: &Git) -> Result<String, Failure> {
    let tree = String::from_utf8_lossy(&git.bytes(&["mktree"], b"").await?).trim().to_owned();
    let date = "1970-01-01T00:00:00Z";
    let git = git.clone().by("greenroom");
    let git = git.with("GIT_AUTHOR_DATE", date).with("GIT_COMMITTER_DATE", date);
    git.run(&["commit-tree", &tree, "-m", "An empty project"]).await
}

/// Of one whose commits cannot be found.
pub fn gone(place: &Place) -> Failure {
    let words = format!("the branch {} is gone: somebody has deleted it", place.branch());
    Failure::fatal(GIT_FAILED, words)
}

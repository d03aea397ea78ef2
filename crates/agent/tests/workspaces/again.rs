//! Each of what is done to a workspace is done again after a crash at any place in it,
//! and comes to the same.

use crate::desk::git;
use greenroom_agent::workspace::{Merged, NO_REPOSITORY, Place, Site};
use std::path::{Path, PathBuf};

struct Repository {
    dir: tempfile::TempDir,
    site: Site,
}

impl Repository {
    /// With one commit; the project is in this folder of it.
    fn new(below: &str) -> Repository {
        let dir = tempfile::tempdir().expect("a folder");
        let home = dir.path().join(below);
        std::fs::create_dir_all(&home).expect("made");
        std::fs::write(home.join("old.txt"), "old\n").expect("written");
        git(dir.path(), &["init", "--quiet"]);
        git(dir.path(), &["add", "--all"]);
        git(dir.path(), &["commit", "--quiet", "--message", "all"]);
        Repository { site: Site::new(&home), dir }
    }

    /// A workspace with a file changed, one new and one deleted.
    async fn worked(&self) -> Place {
        std::fs::write(self.dir.path().join("gone.txt"), "gone\n").expect("written");
        git(self.dir.path(), &["add", "gone.txt"]);
        git(self.dir.path(), &["commit", "--quiet", "--message", "more"]);
        let place = self.site.open("w-1", None, None).await.expect("opened").place;
        let folder = self.site.folder(&place);
        std::fs::write(folder.join("old.txt"), "changed\n").expect("written");
        std::fs::write(folder.join("new.txt"), "new\n").expect("written");
        std::fs::remove_file(folder.join("gone.txt")).expect("removed");
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn git(&self, args: &[&str]) -> String {
        git(self.dir.path(), args)
    }

    async fn merge(&self, place: &Place) -> Merged {
        self.site.merge(place, None, "lead/1", "Merge it", None).await.expect("it answers")
    }

    /// All of it is in the project, once, and nothing is left of the workspace.
    async fn is_merged(&self, place: &Place) {
        for _ in 0..2 {
            let merged = self.merge(place).await;
            assert!(matches!(merged, Merged::Done(_)), "{merged:?}");
            let read = |name: &str| std::fs::read_to_string(self.path(name)).unwrap_or_default();
            assert_eq!(read("old.txt") + &read("new.txt"), "changed\nnew\n");
            assert!(!self.path("gone.txt").exists() && !self.site.folder(place).exists());
            assert_eq!(self.git(&["status", "--porcelain"]), "");
            assert_eq!(self.git(&["log", "--format=%s", "--merges"]), "Merge it");
            assert_eq!(self.git(&["worktree", "list"]).lines().count(), 1);
        }
    }
}

#[tokio::test]
async fn opened_again_it_is_the_same_and_one_that_was_cut_off_is_made_whole() {
    let repository = Repository::new(".");
    let place = repository.site.open("w-1", None, None).await.expect("opened").place;
    let folder = repository.site.folder(&place);
    std::fs::write(folder.join("new.txt"), "new\n").expect("written");
    let again = repository.site.open("w-1", None, None).await.expect("opened").place;
    assert_eq!((&again, folder.join("new.txt").exists()), (&place, true));
    for cut in [folder.join(".git"), repository.path(".git/worktrees/w-1/index"), folder.clone()] {
        if cut.is_dir() {
            std::fs::remove_dir_all(&cut).expect("removed");
        } else {
            std::fs::remove_file(&cut).expect("removed");
        }
        let again = repository.site.open("w-1", None, None).await.expect("opened").place;
        assert_eq!((again, folder.join("old.txt").exists()), (place.clone(), true), "{cut:?}");
    }
    assert_eq!(repository.git(&["status", "--porcelain"]), "", "git passes over all of it");
}

#[tokio::test]
async fn a_merge_that_was_cut_off_anywhere_is_ended_by_the_next() {
    let one = Repository::new(".");
    let place = one.worked().await;
    one.is_merged(&place).await;

    // Files are there, the index is not.
    let two = Repository::new(".");
    let place = two.worked().await;
    std::fs::write(two.path("old.txt"), "changed\n").expect("written");
    std::fs::write(two.path("new.txt"), "new\n").expect("written");
    std::fs::remove_file(two.path("gone.txt")).expect("removed");
    two.is_merged(&place).await;

    // The index as well.
    let three = Repository::new(".");
    let place = three.worked().await;
    std::fs::write(three.path("old.txt"), "changed\n").expect("written");
    std::fs::write(three.path("new.txt"), "new\n").expect("written");
    three.git(&["rm", "--quiet", "gone.txt"]);
    three.git(&["add", "--all"]);
    three.is_merged(&place).await;

    // The branch is merged, the workspace is there.
    let four = Repository::new(".");
    let place = four.worked().await;
    four.site.settle(&place, None, "writer/1").await.expect("committed");
    four.git(&["merge", "--quiet", "--no-ff", "-m", "Merge it", "greenroom/w-1"]);
    four.is_merged(&place).await;

    // The workspace is closed, and half removed.
    let five = Repository::new(".");
    let place = five.worked().await;
    let work = five.site.settle(&place, None, "writer/1").await.expect("committed");
    assert_eq!((work.files, work.insertions, work.deletions), (3, 2, 2));
    five.git(&["merge", "--quiet", "--no-ff", "-m", "Merge it", "greenroom/w-1"]);
    five.git(&["update-ref", "refs/greenroom/merged/w-1", &work.commit]);
    five.git(&["update-ref", "-d", "refs/heads/greenroom/w-1"]);
    std::fs::remove_file(five.site.folder(&place).join(".git")).expect("removed");
    five.is_merged(&place).await;
}

#[tokio::test]
async fn what_is_discarded_is_found_again_and_not_merged() {
    let repository = Repository::new(".");
    let place = repository.worked().await;
    for _ in 0..2 {
        let found = repository.site.discard(&place, None, "lead/1").await.expect("discarded");
        assert_eq!(repository.git(&["show", &format!("{found}:new.txt")]), "new");
        assert!(!repository.site.folder(&place).exists());
    }
    assert!(matches!(repository.merge(&place).await, Merged::Discarded));
    assert_eq!(repository.git(&["status", "--porcelain"]), "");
}

#[tokio::test]
async fn a_project_within_a_repository_has_its_folder_within_the_worktree() {
    let repository = Repository::new("sites/shop");
    let place = repository.site.open("w-1", None, None).await.expect("opened").place;
    let folder = repository.site.folder(&place);
    assert!(folder.ends_with("w-1/sites/shop") && folder.join("old.txt").exists());
    std::fs::write(folder.join("new.txt"), "new\n").expect("written");
    assert!(matches!(repository.merge(&place).await, Merged::Done(_)));
    assert!(repository.path("sites/shop/new.txt").exists());
    assert_eq!(repository.git(&["status", "--porcelain"]), "");
}

#[tokio::test]
async fn a_file_that_git_ignores_is_not_overwritten_either() {
    let repository = Repository::new(".");
    let place = repository.worked().await;
    std::fs::write(repository.path(".git/info/exclude"), "new.txt\n").expect("written");
    std::fs::write(repository.path("new.txt"), "mine\n").expect("written");
    // An agent with git's own tools may have committed it all the same.
    let folder = repository.site.folder(&place);
    git(&folder, &["add", "--force", "new.txt"]);
    let merged = repository.merge(&place).await;
    assert!(matches!(&merged, Merged::Uncommitted(files) if files == &["new.txt"]), "{merged:?}");
    assert_eq!(std::fs::read(repository.path("new.txt")).unwrap(), b"mine\n");
    assert!(folder.exists());
    repository.git(&["checkout", "--quiet", "--detach"]);
    assert!(matches!(repository.merge(&place).await, Merged::Refused(_)));
}

#[tokio::test]
async fn without_a_repository_or_without_its_branch_it_is_said() {
    let dir = tempfile::tempdir().expect("a folder");
    let failure = Site::new(dir.path()).open("w-1", None, None).await.expect_err("no repository");
    assert!(failure.is(NO_REPOSITORY) && failure.message.contains("git init"), "{failure}");
    let repository = Repository::new(".");
    let place = repository.site.open("w-1", None, None).await.expect("opened").place;
    repository.git(&["update-ref", "-d", "refs/heads/greenroom/w-1"]);
    let failure = repository.site.diff(&place, None).await.expect_err("no branch");
    assert!(failure.message.contains("the branch greenroom/w-1 is gone"), "{failure}");
    assert!(repository.site.folder(&place).starts_with(Path::new(repository.dir.path())));
}

/// The processes called git that work in a folder.
#[cfg(target_os = "linux")]
fn gits_in(dir: &Path) -> Vec<String> {
    let dir = dir.canonicalize().expect("a folder");
    let all = std::fs::read_dir("/proc").expect("processes").flatten().map(|one| one.path());
    let is_git = |process: &PathBuf| {
        let name = std::fs::read_to_string(process.join("comm")).unwrap_or_default();
        let cwd = std::fs::read_link(process.join("cwd")).unwrap_or_default();
        name.trim() == "git" && cwd.starts_with(&dir)
    };
    let of = all.filter(is_git).filter_map(|process| Some(process.file_name()?.to_owned()));
    of.map(|id| id.to_string_lossy().into_owned()).collect()
}

/// A git that holds the project's index goes on when its node is killed, and is killed
/// then itself.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_lock_is_removed_when_the_git_that_was_cut_off_is_gone_and_not_before() {
    let repository = Repository::new(".");
    let place = repository.worked().await;
    let folder = repository.site.folder(&place);
    std::fs::write(folder.join(".gitattributes"), "new.txt filter=slow\n").expect("written");
    repository.git(&["config", "filter.slow.smudge", "sleep 60; cat"]);
    let lock = repository.path(".git/index.lock");
    {
        let merge = repository.merge(&place);
        let mut merge = std::pin::pin!(merge);
        while !lock.exists() {
            assert!(futures_util::poll!(&mut merge).is_pending(), "it waits");
            tokio::task::yield_now().await;
        }
    }
    // It still runs: its lock is its own.
    let again = repository.site.merge(&place, None, "lead/1", "Merge it", None).await;
    assert!(again.expect_err("locked").message.contains("index.lock"));
    assert!(lock.exists());
    for git in gits_in(repository.dir.path()) {
        std::process::Command::new("kill").args(["-9", &git]).status().expect("killed");
    }
    while !gits_in(repository.dir.path()).is_empty() {
        tokio::task::yield_now().await;
    }
    assert!(lock.exists());
    repository.git(&["config", "--unset", "filter.slow.smudge"]);
    repository.is_merged(&place).await;
    assert!(!lock.exists() && !repository.path(".git/greenroom-at-work").exists());
}

#[tokio::test]
async fn a_lock_that_is_nobodys_of_ours_stays() {
    let repository = Repository::new(".");
    let place = repository.worked().await;
    let lock = repository.path(".git/index.lock");
    std::fs::write(&lock, "a person's").expect("written");
    let merged = repository.site.merge(&place, None, "lead/1", "Merge it", None).await;
    assert!(merged.expect_err("locked").message.contains("index.lock"));
    assert!(lock.exists());
    std::fs::remove_file(&lock).expect("removed");
    repository.is_merged(&place).await;
}

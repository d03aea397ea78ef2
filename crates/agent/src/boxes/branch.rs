//! The box of an agent that another one has started: a branch of the other one's, which is
//! compared, brought back or thrown away. Each is safe to be done again.

use super::act::{owner_of, settle};
use super::handle::{Boxes, run};
use super::place::{Place, name_of};
use greenroom_boxes::Error;
use greenroom_boxes::branch::{Content, Mode, State, Terms};
use greenroom_boxes::engine::Engine;
use greenroom_boxes::tree::Change;
use greenroom_model::Failure;
use greenroom_runtime::Step;
use serde::{Deserialize, Serialize};

/// So much of a patch is made, in bytes.
const PATCH_MAX: usize = 256 << 10;

/// What became of a merge.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Merged {
    /// It is in the box, which has these files now; so many paths.
    Done {
        /// The box.
        place: Box<Place>,
        /// How many paths are others; `None` where an attempt before a crash has done it.
        paths: Option<usize>,
    },
    /// It was thrown away before.
    Discarded,
    /// Nothing was changed; why.
    Refused(String),
}

/// Makes a branch of a process's box, which is made first if need be: both.
pub(crate) async fn begin_branch(
    boxes: &Boxes,
    step: Step,
    had: Place,
) -> Result<(Place, Place), Failure> {
    let boxes = boxes.clone();
    run(move || {
        let engine = boxes.engine()?;
        let (place, _) = settle(&engine, &step, &had)?;
        let owner = owner_of(&step);
        let name = name_of(owner, &format!("branch {}", step.key()));
        match engine.find(&name) {
            Ok(_) => {}
            Err(Error::Missing(_)) => {
                engine.branch(&place.name, std::slice::from_ref(&name), Some(owner))?;
            }
            Err(error) => return Err(error),
        }
        let files = engine.snapshot(&name, owner)?;
        let branch = Place { name, owner: owner.to_owned(), files: files.clone(), ..place.clone() };
        Ok((Place { files, ..place }, branch))
    })
    .await
}

/// Where a branch is in its life, by its head: its row goes with a commit.
fn state(engine: &Engine, name: &str) -> Result<State, Error> {
    Ok(engine.branches().head(name)?.state)
}

/// What an agent has changed in its branch: how many paths, and a patch.
pub(crate) async fn changes(boxes: &Boxes, name: &str) -> Result<(usize, String), Failure> {
    let (boxes, name) = (boxes.clone(), name.to_owned());
    run(move || {
        let engine = boxes.engine()?;
        let over = |word: &str| Ok((0, format!("({word}: there is nothing to compare)")));
        match state(&engine, &name)? {
            State::Open => {}
            State::Committed => return over("its work was merged"),
            State::Discarded => return over("its work was thrown away"),
        }
        let diff = engine.diff(&name)?;
        let mut text = String::new();
        for rename in &diff.renames {
            text.push_str(&format!("/{} has gone to /{}\n", rename.from, rename.to));
        }
        for planted in &diff.planted {
            text.push_str(&format!("take care: {planted}\n"));
        }
        for (path, change) in diff.changes.by_path() {
            if text.len() > PATCH_MAX {
                text.push_str("(there is more)\n");
                break;
            }
            text.push_str(&patch(&engine, path.as_str(), change)?);
        }
        Ok((diff.changes.by_path().len(), text))
    })
    .await
}

/// A change as a patch; in a word where it is none of text.
fn patch(engine: &Engine, path: &str, change: &Change) -> Result<String, Error> {
    let word = match (&change.before, &change.after) {
        (None, _) => "new",
        (_, None) => "removed",
        _ => "changed",
    };
    Ok(match engine.branches().content(change, PATCH_MAX as u64)? {
        Content::Lines(hunks) => format!("--- {word}: /{path}\n{hunks}"),
        Content::Same | Content::Binary | Content::Large => format!("--- {word}: /{path}\n"),
    })
}

/// Brings a branch into the box of this process, whole or not at all.
pub(crate) async fn merge(
    boxes: &Boxes,
    step: Step,
    had: Place,
    branch: String,
    restart: bool,
) -> Result<Merged, Failure> {
    let boxes = boxes.clone();
    run(move || {
        let engine = boxes.engine()?;
        let owner = owner_of(&step);
        let (place, _) = settle(&engine, &step, &had)?;
        let paths = match state(&engine, &branch)? {
            State::Discarded => return Ok(Merged::Discarded),
            // By an attempt that nobody heard of.
            State::Committed => None,
            State::Open => {
                let parent = engine.find(&branch)?.parent;
                if parent.as_deref() != Some(&place.name) {
                    let words = "its box is no branch of yours as it is now: a fork, or a box that \
                                 was lost, has another one";
                    return Ok(Merged::Refused(words.to_owned()));
                }
                let terms = Terms { mode: Mode::Rebase, merge_text: false };
                match engine.commit(&branch, terms, restart) {
                    Ok(committed) => Some(committed.changes.by_path().len()),
                    Err(error @ (Error::Conflict { .. } | Error::NotNow { .. })) => {
                        return Ok(Merged::Refused(error.to_string()));
                    }
                    Err(error) => return Err(error),
                }
            }
        };
        let files = engine.snapshot(&place.name, owner)?;
        Ok(Merged::Done { place: Box::new(Place { files, ..place }), paths })
    })
    .await
}

/// Throws a branch away. Whether it was merged before.
pub(crate) async fn discard(boxes: &Boxes, branch: &str) -> Result<bool, Failure> {
    let (boxes, branch) = (boxes.clone(), branch.to_owned());
    run(move || {
        let engine = boxes.engine()?;
        match state(&engine, &branch)? {
            State::Open => engine.discard(&branch).map(|_| false),
            State::Discarded => Ok(false),
            State::Committed => Ok(true),
        }
    })
    .await
}

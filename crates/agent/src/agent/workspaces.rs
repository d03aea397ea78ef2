//! The verbs of a lead over the workspaces of the agents it has started, and what
//! becomes of one when its agent ends. How git is asked is in `workspace`.

use super::decision::confirm;
use super::input::Home;
use super::state::{STATE, State};
use crate::tool::{Approval, Tool};
use crate::workspace::{Merged, Opened, Place, Site, Work, name_of};
use greenroom_model::{Failure, ProcessId, Retry, failure};
use greenroom_runtime::Ctx;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use std::time::Duration;

/// A failure's kind: an agent has no workspace of its own, or lives in it.
const NO_WORKSPACE: &str = "no_workspace";
const STILL_AT_WORK: &str = "still_at_work";
/// A failure's kind: nothing was merged.
const NOT_MERGED: &str = "not_merged";

/// So many paths are named to a person.
const PATHS_MAX: usize = 50;

/// So many attempts: another git may hold a lock.
const ATTEMPTS_MAX: u32 = 6;
/// A large repository takes its time.
const LIMIT: Duration = Duration::from_secs(900);

#[derive(Deserialize, JsonSchema)]
struct Which {
    /// The agent's id.
    id: String,
}

/// The tools of a lead that can give others a workspace of their own.
pub(super) fn tools(site: &Site) -> Vec<Tool> {
    let of = |name: &str, words: &str, verb: Verb| {
        let site = site.clone();
        Tool::verb(name, words, move |ctx, which: Which| verb(ctx, site.clone(), which.id))
    };
    let diff = of("diff_agent", DIFF, |ctx, site, id| Box::pin(diff(ctx, site, id)));
    let merge = of("merge_agent", MERGE, |ctx, site, id| Box::pin(merge(ctx, site, id)));
    let discard = of("discard_agent", DISCARD, |ctx, site, id| Box::pin(discard(ctx, site, id)));
    // The project is the person's own: what comes into it is for them to say.
    vec![diff.read_only(), merge.approval(Approval::Always), discard]
}

type Verb =
    fn(Ctx, Site, String) -> futures_util::future::BoxFuture<'static, Result<String, Failure>>;

const DIFF: &str = "Shows what an agent that you have started has changed in its own workspace, \
    as a patch.";
const MERGE: &str = "Merges what an agent has done in its own workspace into the project: all of \
    it, or nothing if there is a conflict. Its workspace is removed then.";
const DISCARD: &str = "Throws away what an agent has done in its own workspace, and removes it.";

/// The workspace of an agent that this one has started.
fn key(id: &str) -> String {
    format!("workspace/{id}")
}

/// The group of those who live in a workspace.
fn group(place: &Place) -> String {
    format!("workspace/{}", place.name)
}

/// Lives in a workspace from now on, until its end.
pub(super) fn move_in(ctx: &Ctx, home: &Home) -> Result<(), Failure> {
    ctx.join_group(&group(&home.place))
}

/// The workspace that this agent works in, if it has one.
pub(super) fn home(ctx: &Ctx) -> Option<Home> {
    ctx.get::<State>(STATE)?.workspace
}

/// Makes a workspace for an agent to be started, which goes on with the work of
/// another if that is named.
pub(super) async fn open(
    ctx: &Ctx,
    site: Option<&Site>,
    goes_on: Option<&str>,
) -> Result<Opened, Failure> {
    let site = site.cloned().ok_or_else(|| {
        let words = "there is no folder to work in here; start the agent with workspace \"shared\"";
        Failure::fatal(NO_WORKSPACE, words)
    })?;
    let from = match goes_on {
        None => None,
        Some(id) => {
            let place = ended(ctx, id).await?;
            settle(ctx, &site, id, &place).await?;
            Some(place)
        }
    };
    let (name, of) = (name_of(&ctx.id(), &ctx.uuid()), home(ctx).map(|home| home.place));
    git(ctx, "open", move || {
        let (site, name, of, from) = (site.clone(), name.clone(), of.clone(), from.clone());
        async move { site.open(&name, of.as_ref(), from.as_ref()).await }
    })
    .await
}

/// Notes whose workspace it is, with the commit that starts its agent.
pub(super) fn note(ctx: &Ctx, id: &ProcessId, place: &Place) -> Result<(), Failure> {
    ctx.set(&key(id.as_str()), place)
}

/// Commits what an agent has left in its workspace, at its own end or when who has
/// started it hears of that: a kill leaves no time for the first.
async fn settle(ctx: &Ctx, site: &Site, id: &str, place: &Place) -> Result<Work, Failure> {
    let of = home(ctx).map(|home| home.place).filter(|of| of != place);
    let (site, place, author) = (site.clone(), place.clone(), id.to_owned());
    git(ctx, "commit", move || {
        let (site, place, of) = (site.clone(), place.clone(), of.clone());
        let author = author.clone();
        async move { site.settle(&place, of.as_ref(), &author).await }
    })
    .await
}

/// At an agent's own end, however it ends: its work is committed, and said.
pub(super) async fn leave(ctx: &Ctx, site: &Site, home: &Home) -> Result<(), Failure> {
    if !home.own {
        return Ok(());
    }
    let about = match settle(ctx, site, ctx.id().as_str(), &home.place).await {
        Ok(work) => json!(work),
        // No reason to lose its result: the files are there, and are tried again.
        Err(failure) => json!({ "branch": home.place.branch(), "failed": failure.message }),
    };
    ctx.set("workspace", &about)
}

/// What the lead's model is told of the workspace of an agent that has ended.
pub(super) async fn told(
    ctx: &Ctx,
    site: Option<&Site>,
    id: &ProcessId,
    well: bool,
) -> Result<Option<String>, Failure> {
    let (Some(site), Some(place)) = (site, ctx.get::<Place>(&key(id.as_str()))) else {
        return Ok(None);
    };
    Ok(Some(match settle(ctx, site, id.as_str(), &place).await {
        Ok(work) if well || work.files == 0 => format!(
            "[its work is not in the project yet; {}: see `diff_agent`, `merge_agent`, \
             `discard_agent`]",
            work.words()
        ),
        Ok(work) => format!(
            "[what it has done is kept, {}: start another in its place with `continue_from`, or \
             see `diff_agent`, `merge_agent`, `discard_agent`]",
            work.words()
        ),
        Err(stop) if stop.is(failure::CANCELLED) || stop.is(failure::SHUTDOWN) => return Err(stop),
        Err(failure) => format!("[its workspace cannot be read: {}]", failure.message),
    }))
}

/// The workspace of an agent that this one has started.
fn known(ctx: &Ctx, id: &str) -> Result<Place, Failure> {
    ctx.get(&key(id)).ok_or_else(|| {
        let words = format!("{id} is no agent that you have started in a workspace of its own");
        Failure::fatal(NO_WORKSPACE, words)
    })
}

/// The same, if nobody works in it any more.
async fn ended(ctx: &Ctx, id: &str) -> Result<Place, Failure> {
    let place = known(ctx, id)?;
    let still = |who: String| {
        let words = format!("{who} is still at work there: wait for its end, or stop it");
        Err(Failure::fatal(STILL_AT_WORK, words))
    };
    if ctx.children().await?.iter().any(|child| child.as_str() == id) {
        return still(id.to_owned());
    }
    match ctx.members(&group(&place)).await?.first() {
        Some(other) => still(other.to_string()),
        None => Ok(place),
    }
}

async fn diff(ctx: Ctx, site: Site, id: String) -> Result<String, Failure> {
    let (place, of) = (known(&ctx, &id)?, home(&ctx).map(|home| home.place));
    git(&ctx, "diff", move || {
        let (site, place, of) = (site.clone(), place.clone(), of.clone());
        async move { site.diff(&place, of.as_ref()).await }
    })
    .await
}

/// One attempt. Into the project's own files only if this commit is `allowed`.
async fn bring_in(
    ctx: &Ctx,
    site: &Site,
    id: &str,
    allowed: Option<String>,
) -> Result<Merged, Failure> {
    let (place, of) = (ended(ctx, id).await?, home(ctx).map(|home| home.place));
    let message = format!("Merge the work of {id}");
    let (site, author) = (site.clone(), ctx.id().to_string());
    git(ctx, "merge", move || {
        let (site, place, of) = (site.clone(), place.clone(), of.clone());
        let (author, message, allowed) = (author.clone(), message.clone(), allowed.clone());
        async move { site.merge(&place, of.as_ref(), &author, &message, allowed.as_deref()).await }
    })
    .await
}

async fn merge(ctx: Ctx, site: Site, id: String) -> Result<String, Failure> {
    let not = |words: String| {
        Err(Failure::fatal(NOT_MERGED, format!("nothing was merged or changed: {words}")))
    };
    let mut merged = bring_in(&ctx, &site, &id, None).await?;
    // What is merged is the commit that was asked about: if it is another by now, it is
    // asked again.
    while let Merged::Asks { tip, paths } = &merged {
        if let Some(refused) = confirm(&ctx, "merge_agent", &asks(&id, paths)).await? {
            return not(refused);
        }
        merged = bring_in(&ctx, &site, &id, Some(tip.clone())).await?;
    }
    match merged {
        Merged::Done(work) if work.files == 0 => Ok(format!("the work of {id} is merged")),
        Merged::Done(work) => Ok(format!("the work of {id} is merged, {}", work.words())),
        Merged::Nothing => Ok(format!("{id} has changed nothing, and its workspace is gone")),
        Merged::Discarded => not(format!("the work of {id} was thrown away")),
        Merged::Conflicts(paths) => not(format!(
            "the project has changed the same places meanwhile. In conflict: {}. Have an agent \
             do this part anew on the project as it is now, then discard this one",
            paths.join(", ")
        )),
        Merged::Uncommitted(paths) => not(format!(
            "these files of the project are not committed and would be overwritten: {}. Ask the \
             person to commit them or to put them away",
            paths.join(", ")
        )),
        Merged::Refused(words) => not(words),
        Merged::Asks { .. } => not("a person has to be asked".to_owned()),
    }
}

/// What a person is asked whatever the lead's definition says: an agent that writes these
/// files gives itself tools, and takes approvals away.
fn asks(id: &str, paths: &[String]) -> String {
    let named: Vec<String> =
        paths.iter().take(PATHS_MAX).map(|path| format!("`{}`", path.escape_debug())).collect();
    let more = match paths.len().saturating_sub(PATHS_MAX) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!(
        "May merge_agent merge the work of {id}? It changes files that say what agents are and \
         may do here, and which programs run: {}{more}",
        named.join(", ")
    )
}

async fn discard(ctx: Ctx, site: Site, id: String) -> Result<String, Failure> {
    let (place, of) = (ended(&ctx, &id).await?, home(&ctx).map(|home| home.place));
    let author = id.clone();
    let found: String = git(&ctx, "discard", move || {
        let (site, place, of) = (site.clone(), place.clone(), of.clone());
        let author = author.clone();
        async move { site.discard(&place, of.as_ref(), &author).await }
    })
    .await?;
    Ok(match found.contains("/merged/") {
        true => format!("the work of {id} was merged before; its workspace is gone"),
        false => format!("the workspace of {id} is gone; its commits stay at {found}"),
    })
}

/// A step over the repository.
async fn git<T, F, Fut>(ctx: &Ctx, what: &str, run: F) -> Result<T, Failure>
where
    T: serde::Serialize + serde::de::DeserializeOwned + Send + 'static,
    F: Fn() -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<T, Failure>> + Send + 'static,
{
    let step = ctx.step(&format!("workspace {what}"), move |_| run());
    step.retry(Retry::attempts(ATTEMPTS_MAX)).timeout(LIMIT).await
}

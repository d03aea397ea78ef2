//! `tree`: processes under those that spawned them.

use crate::app::{App, Done};
use crate::exit::Code;
use crate::out;
use crate::source::Source;
use crate::view;
use greenroom_api::wire::Process;
use greenroom_journal::Listing;
use greenroom_model::ProcessId;
use std::collections::{BTreeSet, VecDeque};

/// Show a tree.
#[derive(clap::Args)]
pub struct Args {
    /// Only this process and what it spawned
    id: Option<String>,
    /// At most this many processes
    #[arg(long, short = 'n', default_value_t = 1000)]
    limit: usize,
}

pub async fn run(app: &App, args: Args) -> Done {
    let id = args.id.as_deref().map(ProcessId::parse).transpose()?;
    let source = app.source()?;
    let processes = match id {
        Some(id) => below(&source, &id, args.limit).await?,
        None => {
            let newest = Listing { newest_first: true, limit: args.limit, ..Listing::default() };
            let mut processes = source.list(&newest).await?;
            processes.reverse();
            processes
        }
    };
    if app.json() {
        out::json(&processes)?;
    } else {
        out::print(&view::tree(&processes, app.now(), app.paint))?;
    }
    Ok(Code::Done)
}

/// How many children are read at a time.
const PAGE: usize = 1_000;

/// A process and all below it, breadth first.
pub async fn below(source: &Source, id: &ProcessId, limit: usize) -> anyhow::Result<Vec<Process>> {
    let mut found = vec![source.process(id).await?];
    let mut seen = BTreeSet::from([id.clone()]);
    let mut open = VecDeque::from([id.clone()]);
    while let Some(parent) = open.pop_front() {
        let mut after = None;
        loop {
            let room = limit.saturating_sub(found.len()).min(PAGE);
            let parent = Some(parent.clone());
            let listing = Listing { parent, after, limit: room, ..Listing::default() };
            let page = if room == 0 { Vec::new() } else { source.list(&listing).await? };
            let Some(last) = page.last() else { break };
            after = Some(last.no);
            for child in page {
                if seen.insert(child.id.clone()) {
                    open.push_back(child.id.clone());
                    found.push(child);
                }
            }
        }
    }
    Ok(found)
}

//! The one place where store, node and API come together.

use crate::app::App;
use crate::store;
use anyhow::Context;
use futures_util::FutureExt;
use greenroom_agent::boxes::{self, Boxes};
use greenroom_runtime::{Node, NodeOptions};
use std::time::Duration;
use tokio::sync::oneshot;

/// How long steps under way may take when a node stops.
pub const GRACE: Duration = Duration::from_secs(10);

/// A node and its API in this process.
pub struct Serving {
    /// The node.
    pub node: Node,
    boxes: Boxes,
    stop: oneshot::Sender<()>,
    served: oneshot::Receiver<Result<(), greenroom_api::ServeError>>,
}

/// Opens the store, starts the node, serves its API. A temporary node ends with
/// this command.
///
/// # Errors
/// A node that runs here already; the store's; the registry's; the socket's.
pub async fn start(app: &App, temporary: bool) -> anyhow::Result<Serving> {
    let socket = app.options.socket();
    let dir = &app.options.dir;
    app.options.make_dir()?;
    if app.node()?.is_some() {
        return Err(greenroom_api::ServeError::InUse(socket).into());
    }
    let name = node_name();
    let journal = store::open(&app.options.store(), dir, &name)?;
    let options = NodeOptions { name, temporary, ..NodeOptions::default() };
    // The lease comes before the socket: who has it is the node.
    let node = Node::start(journal, app.registry.clone(), options)?;
    let server = greenroom_api::bind(&socket).await?;
    app.env.spawn(Box::pin(boxes::attend(node.clone(), app.boxes.clone())));
    let (stop, stopped) = oneshot::channel::<()>();
    let (done, served) = oneshot::channel();
    let until = stopped.map(|_| ());
    let running = server.run(node.clone(), app.env.clone(), until);
    app.env.spawn(Box::pin(async move {
        let _ = done.send(running.await);
    }));
    Ok(Serving { node, boxes: app.boxes.clone(), stop, served })
}

impl Serving {
    /// Waits until the node or its API no longer works, and says why.
    pub async fn broken(&mut self) -> anyhow::Error {
        tokio::select! {
            why = self.node.stopped() => match why {
                Some(error) => error.into(),
                None => anyhow::anyhow!("the node has stopped"),
            },
            served = &mut self.served => match served {
                Ok(Err(error)) => error.into(),
                _ => anyhow::anyhow!("the API has stopped"),
            },
        }
    }

    /// Stops the node, then the API.
    pub async fn stop(self) -> anyhow::Result<()> {
        // Nobody may look again for long: what has ended by now leaves nothing that runs.
        let _left_to_the_next_node = boxes::sweep(&self.node, &self.boxes).await;
        self.node.stop(GRACE).await;
        self.boxes.end();
        let _ = self.stop.send(());
        match self.served.await {
            Ok(result) => result.context("while stopping"),
            Err(_) => Ok(()),
        }
    }
}

/// For whoever finds the store in use: which machine, which process.
pub fn node_name() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = host.trim();
    let host = if host.is_empty() { "localhost" } else { host };
    format!("process {} on {host}", std::process::id())
}

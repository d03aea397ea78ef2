//! What a node says while it runs, once each: a process that turns out to be
//! damaged, a store that takes no commits, a store that does again.

use crate::app::App;
use crate::out;
use crate::paint::{Paint, Tone};
use crate::program;
use crate::view::{plain, plain_json};
use greenroom_runtime::{Health, Node};
use std::collections::BTreeMap;

/// What has been said.
pub struct Warnings {
    node: Node,
    json: bool,
    damaged: BTreeMap<i64, String>,
    store: bool,
}

impl Warnings {
    /// Of this node; nothing has been said yet.
    pub fn of(app: &App, node: Node) -> Warnings {
        Warnings { node, json: app.json(), damaged: BTreeMap::new(), store: false }
    }

    /// Says what changes, until the node has gone.
    pub async fn tell(mut self) {
        let mut changes = self.node.health_changes();
        loop {
            let health = self.node.health();
            self.tell_of_damage(&health);
            self.tell_of_store(&health);
            if changes.changed().await.is_err() {
                return std::future::pending().await;
            }
        }
    }

    fn tell_of_damage(&mut self, health: &Health) {
        let mut now = BTreeMap::new();
        for trouble in &health.troubles {
            let Some(id) = &trouble.damaged else { continue };
            if self.damaged.get(&trouble.process_no) != Some(&trouble.what) {
                let next = format!(
                    "nothing of it runs, its mailbox is kept; `greenroom result {id}` says what to do"
                );
                self.warn("damaged", &trouble.what, Some(&next));
            }
            now.insert(trouble.process_no, trouble.what.clone());
        }
        self.damaged = now;
    }

    fn tell_of_store(&mut self, health: &Health) {
        match &health.store_error {
            Some(why) if !self.store => {
                let why = why.trim_start_matches("the store is not available: ");
                let next = "nothing is lost: what is to be written waits, and is tried again";
                self.warn("store", &format!("the store takes no commits: {why}"), Some(next));
            }
            None if self.store => self.warn("store", "the store takes commits again", None),
            _ => {}
        }
        self.store = health.store_error.is_some();
    }

    fn warn(&self, code: &str, message: &str, next: Option<&str>) {
        let next = next.map(program::in_its_name);
        if self.json {
            let warning = serde_json::json!({ "code": code, "message": message, "next": next });
            let line = serde_json::json!({ "warning": warning }).to_string();
            return out::say(&format!("{}\n", plain_json(line)));
        }
        let paint = Paint::on(&std::io::stderr());
        let mut text = format!("{} {}\n", paint.tone(Tone::Warn, "warning:"), plain(message));
        if let Some(next) = next {
            text.push_str(&format!("  {next}\n"));
        }
        out::say(&text);
    }
}

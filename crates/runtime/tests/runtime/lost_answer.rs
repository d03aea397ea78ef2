//! A store whose answer is lost, on a node with nothing else to do.

use crate::world::World;
use greenroom_runtime::journal::{
    AskRow, Commit, DeadLetter, Done, Error, Journal, Lease, Listing, Loaded, Memory, Outcome,
    PlaceRow, Places, ProcessRow, Scope, StateRow,
};
use greenroom_runtime::model::{BlobRef, Millis, Payload, ProcessId, ProcessNo};
use greenroom_runtime::{Ctx, Node, NodeOptions, Registry, StartRequest};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Takes a commit and then says that it has not, once.
struct Forgetful {
    store: Memory,
    forgets: AtomicBool,
}

impl Journal for Forgetful {
    fn commit(&self, group: &[Commit]) -> Result<Vec<Outcome>, Error> {
        let outcomes = self.store.commit(group)?;
        if self.forgets.swap(false, Ordering::SeqCst) {
            return Err(Error::Unavailable { why: "the answer was lost".to_owned() });
        }
        Ok(outcomes)
    }
    fn acquire(&self, owner: &str, at: Millis) -> Result<Lease, Error> {
        self.store.acquire(owner, at)
    }
    fn find(&self, id: &ProcessId) -> Result<Option<ProcessRow>, Error> {
        self.store.find(id)
    }
    fn load(&self, no: ProcessNo, scope: Scope) -> Result<Option<Loaded>, Error> {
        self.store.load(no, scope)
    }
    fn list(&self, listing: &Listing) -> Result<Vec<ProcessRow>, Error> {
        self.store.list(listing)
    }
    fn runnable(&self, after: ProcessNo, limit: usize) -> Result<Vec<ProcessNo>, Error> {
        self.store.runnable(after, limit)
    }
    fn due(
        &self,
        after: (Millis, ProcessNo),
        limit: usize,
    ) -> Result<Vec<(Millis, ProcessNo)>, Error> {
        self.store.due(after, limit)
    }
    fn state(&self, no: ProcessNo) -> Result<Vec<StateRow>, Error> {
        self.store.state(no)
    }
    fn asks(&self, process: Option<&ProcessId>) -> Result<Vec<AskRow>, Error> {
        self.store.asks(process)
    }
    fn places(&self, places: &Places) -> Result<Vec<PlaceRow>, Error> {
        self.store.places(places)
    }

    fn dead(&self, limit: usize) -> Result<Vec<DeadLetter>, Error> {
        self.store.dead(limit)
    }
    fn request(&self, key: &str, at: Millis) -> Result<Option<Done>, Error> {
        self.store.request(key, at)
    }
    fn put_blob(&self, text: &str) -> Result<BlobRef, Error> {
        self.store.put_blob(text)
    }
    fn get_blob(&self, blob: &BlobRef) -> Result<String, Error> {
        self.store.get_blob(blob)
    }
    fn verify(&self, progress: &mut dyn FnMut(usize)) -> Result<Vec<String>, Error> {
        self.store.verify(progress)
    }
    fn describe(&self) -> String {
        self.store.describe()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_whose_start_was_forgotten_runs_all_the_same() {
    let store = Arc::new(Forgetful { store: Memory::new(), forgets: AtomicBool::new(true) });
    let registry = Registry::new().kind("echo", |_: Ctx, n: u64| async move {
        Ok::<u64, greenroom_runtime::model::Failure>(n)
    });
    let node = Node::start(store, registry, NodeOptions::default()).expect("starts");
    let request = StartRequest {
        kind: "echo".into(),
        key: Some("1".into()),
        input: Payload::parse("7").expect("json"),
        by: "test".into(),
    };
    let said = node.start_process(request).await.expect_err("its answer is lost");
    assert_eq!(said.code(), "unavailable");
    // Nothing else is asked of the node: it must look for itself.
    let world = World::with(node);
    assert_eq!(world.result(&"echo/1".parse().expect("an id")).await, "7");
}

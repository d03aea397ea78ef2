//! A recorded run in place of a model: what a first look without a key is answered
//! from. It says what it is by its model's name ([`scripted::MODEL`](MODEL)).

use crate::plain_file::read_text;
use crate::provider::failure::{BAD_REQUEST, PROVIDER};
use crate::provider::{Chat, Endpoint, Key, OnDelta, Provider, Reply, Request};
use crate::scripted::{Script, ScriptedServer};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use greenroom_model::Failure;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::{Mutex, PoisonError};

/// The largest file that is read.
const FILE_BYTES_MAX: u64 = 64 << 20;

/// A recording that is served from a file, once it is asked for.
pub struct Recording {
    file: PathBuf,
    served: Mutex<Option<Served>>,
}

#[derive(Clone)]
struct Served {
    chat: Arc<Chat>,
    /// Ends with the last who asks.
    _server: Arc<ScriptedServer>,
}

impl Recording {
    /// The recording in this file.
    pub fn new(file: &Path) -> Recording {
        Recording { file: file.to_owned(), served: Mutex::new(None) }
    }

    fn serve(&self) -> Result<Served, Failure> {
        let mut served = self.served.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(served) = &*served {
            return Ok(served.clone());
        }
        let file = self.file.display();
        let bad = |why: String| Failure::fatal(BAD_REQUEST, format!("the recording {file}: {why}"));
        let text = read_text(&self.file, FILE_BYTES_MAX).map_err(|error| bad(error.to_string()))?;
        let script = Script::parse(&text).map_err(|error| bad(error.to_string()))?;
        let server = ScriptedServer::start(script)
            .map_err(|error| Failure::new(PROVIDER, format!("the recording {file}: {error}")))?;
        let chat = Chat::new(Endpoint::new("recorded", server.chat_url(), Key::None));
        let (chat, server) = (Arc::new(chat), Arc::new(server));
        Ok(served.insert(Served { chat, _server: server }).clone())
    }
}

impl Provider for Recording {
    fn protocol(&self) -> &'static str {
        "recorded"
    }

    fn send<'a>(
        &'a self,
        request: &'a Request,
        key: &'a str,
        on_delta: OnDelta<'a>,
    ) -> BoxFuture<'a, Result<Reply, Failure>> {
        async move {
            let served = self.serve()?;
            served.chat.send(request, key, on_delta).await
        }
        .boxed()
    }
}

//! The server on a Unix socket: binding it safely, serving until told to end.

use crate::peer::Peer;
use crate::router::router;
use crate::shutdown::shutdown;
use greenroom_runtime::{Env, Node};
use std::future::{Future, IntoFuture};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::net::{UnixListener, UnixStream};

/// How long requests under way may take once the server ends.
const GRACE: Duration = Duration::from_secs(2);

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// A live node answers on this socket.
    #[error("a node is running already on {}", .0.display())]
    InUse(PathBuf),
    /// Its path is too long for the system.
    #[error("the path of the socket is too long ({0} bytes, at most 107): use a shorter --dir")]
    PathTooLong(usize),
    /// The system refused.
    #[error("cannot serve on {}: {source}", .path.display())]
    Io {
        /// The socket.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

/// A socket that is bound and not yet served: clients wait until it is.
pub struct Server {
    listener: UnixListener,
    path: PathBuf,
}

/// Binds the socket for this user only. What a dead node left behind is
/// removed; a live one is an error.
///
/// # Errors
/// [`ServeError`].
pub async fn bind(path: &Path) -> Result<Server, ServeError> {
    const PATH_MAX_BYTES: usize = 107;
    let length = path.as_os_str().len();
    if length > PATH_MAX_BYTES {
        return Err(ServeError::PathTooLong(length));
    }
    let io = |source| ServeError::Io { path: path.to_owned(), source };
    if UnixStream::connect(path).await.is_ok() {
        return Err(ServeError::InUse(path.to_owned()));
    }
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(io(error)),
        _ => {}
    }
    let listener = UnixListener::bind(path).map_err(io)?;
    // Between these two calls only the peer check keeps others out.
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).map_err(io)?;
    Ok(Server { listener, path: path.to_owned() })
}

impl Server {
    /// Serves the node until `until` is done; then ends all streams, gives
    /// requests under way a moment, and removes the socket.
    ///
    /// # Errors
    /// [`ServeError::Io`].
    pub async fn run(
        self,
        node: Node,
        env: std::sync::Arc<dyn Env>,
        until: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), ServeError> {
        let Server { listener, path } = self;
        let (sender, receiver) = shutdown();
        let service = router(node, receiver.clone()).into_make_service_with_connect_info::<Peer>();
        let served = axum::serve(listener, service)
            .with_graceful_shutdown(async move {
                until.await;
                sender.begin();
                // Kept for the streams, which hear of the end by it.
                drop(sender);
            })
            .into_future();
        let overdue = async move {
            receiver.begun().await;
            env.sleep(GRACE).await;
        };
        let result = tokio::select! {
            result = served => result,
            () = overdue => Ok(()),
        };
        let _ = std::fs::remove_file(&path);
        result.map_err(|source| ServeError::Io { path, source })
    }
}

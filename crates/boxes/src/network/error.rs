//! Why a box's proxy cannot be started.

/// Nothing is left of a proxy that did not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The listener cannot be used. Make it anew, with the box.
    #[error("the box's listener cannot be used: {0}; create the box again")]
    Listener(#[source] std::io::Error),
    /// The machine gives no random bytes, so nothing could be kept secret.
    #[error("no random bytes from the machine: {0}; without them secrets cannot be kept")]
    Random(#[source] std::io::Error),
    /// No server could be verified, so no secret could be sent to one.
    #[error(
        "no root certificates on this machine ({0}), so no server a secret is for could be \
         verified; install `ca-certificates`, or set SSL_CERT_FILE"
    )]
    Roots(String),
    /// The box's own certificate could not be made.
    #[error("the box's own certificate authority cannot be made: {0}")]
    Authority(String),
    /// What a box's proxy had before cannot be read or kept.
    #[error("{}: {source}; without it the box's secrets cannot be served; make the box anew", file.display())]
    Kept {
        /// The file.
        file: std::path::PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

//! The word that the server is to end, for streams that would go on for ever.

use tokio::sync::watch;

/// Hears that the server ends.
#[derive(Clone)]
pub struct Shutdown(watch::Receiver<bool>);

/// Says that the server ends; so does dropping it.
pub struct ShutdownSender(watch::Sender<bool>);

/// A pair.
pub fn shutdown() -> (ShutdownSender, Shutdown) {
    let (sender, receiver) = watch::channel(false);
    (ShutdownSender(sender), Shutdown(receiver))
}

impl ShutdownSender {
    /// Says it.
    pub fn begin(&self) {
        self.0.send_replace(true);
    }
}

impl Shutdown {
    /// Waits for it.
    pub async fn begun(mut self) {
        // An error means that the sender is gone, which says the same.
        let _ = self.0.wait_for(|begun| *begun).await;
    }
}

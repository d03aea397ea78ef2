//! The level `microvm`: a box is a virtual machine of its own under Cloud Hypervisor, for hostile
//! code.
//!
//! ```text
//!  exec ── thread ── vsock ── guest agent (pid 1 of the machine) ── the command
//!             └─ the socket of a command's minder (the same words as in a namespace)
//! ```
//!
//! The layers become an initramfs with the agent in it, so the machine has no disk, no network
//! card and no shared folder; what is written is its memory and goes with it. Nothing is ever
//! downloaded: the machine monitor, the kernel and the agent are files that the probe looks for.
//!
//! A machine whose owner was killed lives on without anybody who could reach it, until the level
//! is opened again over the same state directory: that ends it and removes what it had.
//!
//! Knows no layers and no branches: it is told directories.

mod agent;
mod frame;
mod home;
mod initramfs;
mod level;
mod machine;
mod probe;
mod relay;
mod sandbox;
mod settings;

pub use agent::{PORT, guest_main, serve};
pub use level::Microvm;
pub(crate) use probe::probe;
pub use settings::Settings;

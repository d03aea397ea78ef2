//! The level `microvm` against a monitor that is a plain process: it speaks the API of Cloud
//! Hypervisor on its Unix socket, and behind its vsock socket the real guest agent serves. No
//! guest is booted here: what a kernel makes of the initramfs is not seen.

#![expect(clippy::expect_used, reason = "what a test expects and does not find fails it")]
mod level;
mod monitor;
mod probe;

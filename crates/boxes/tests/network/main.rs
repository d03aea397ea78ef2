//! A box's proxy, against real servers on loopback, real TLS and a real client.

mod allow;
mod client;
mod curl;
mod load;
mod request;
mod secret;
mod server;
mod tunnel;
mod world;

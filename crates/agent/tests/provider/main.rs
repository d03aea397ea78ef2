//! Providers against servers: the scripted one, recorded streams, other people's.

mod scripted;
mod support;

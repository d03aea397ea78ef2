//! Providers against servers: the scripted one, recorded streams, other people's.

mod recorded;
mod scripted;
mod support;

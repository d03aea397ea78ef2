//! What a box reaches outside of itself: what an engine is given for that, and what it
//! serves.

use crate::sandbox::Launch;
use std::collections::BTreeMap;

/// What an engine is given by who opens it.
#[derive(Debug, Default)]
pub struct Setup {
    /// Which program becomes the spawner.
    pub launch: Launch,
}

/// What this process serves of a box. Dropped, it is served no longer.
pub struct Served {
    /// What commands are told of it.
    pub env: BTreeMap<String, String>,
}

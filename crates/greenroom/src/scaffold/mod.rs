//! New projects: five questions, and the files of the smallest architecture that fits.

pub mod files;
pub mod questions;

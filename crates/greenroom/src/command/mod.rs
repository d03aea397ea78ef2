//! A file per command. `cli.rs` lists them for people.

pub mod answer;
pub mod asks;
pub mod bench;
pub mod cancel;
pub mod completion;
pub mod dead;
pub mod doctor;
pub mod export;
pub mod fork;
pub mod history;
pub mod import;
pub mod kinds;
pub mod logs;
pub mod names;
pub mod pause;
pub mod ps;
pub mod publish;
pub mod restart;
pub mod result;
pub mod resume;
pub mod run;
pub mod schedule;
pub mod send;
pub mod state;
pub mod tree;
pub mod up;

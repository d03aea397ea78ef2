//! What a box is to be, as `box.toml` or `SKILL.md` says it. Knows no store and no kernel.

mod action;
mod box_spec;
mod error;
mod field;
mod network;
mod part;
mod places;
mod read;
mod rights;
mod skill;
mod units;

pub use action::{Action, BadArguments};
pub use box_spec::{Base, BoxSpec, FileSource, Limits, Overrides, Setup};
pub use error::SpecError;
pub use network::{Granted, HostPort};
pub(crate) use part::{BASE_FIELD, CERTIFICATE_VARIABLES, LEVEL_FIELD, extends_field, file_field};
pub use places::Places;
pub use read::{SKILL_FILE, SPEC_FILE, is_box_folder};
pub use rights::Rights;
pub(crate) use rights::{NAME, is_box_name};
pub use skill::Skill;

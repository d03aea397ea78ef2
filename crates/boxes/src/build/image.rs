//! What boxes are started from: plain data.

use crate::LevelName;
use crate::error::Error;
use crate::hash::{ImageId, LayerId};
use crate::spec::{Action, BoxSpec, HostPort, Limits, Rights, Skill};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// A box that was built. Whoever keeps it also keeps its layers from garbage collection,
/// by a head or by `also` of a sweep; until then the build's own note of it does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Image {
    /// The box's name.
    pub name: String,
    /// The hash of all else in here. The same folder has it in each store.
    pub id: ImageId,
    /// Its layers, the lowest first.
    pub stack: Vec<LayerId>,
    /// Folders of the machine that are seen in it at the same place, to be read only.
    pub machine_dirs: Vec<PathBuf>,
    /// The environment of its commands.
    pub env: BTreeMap<String, String>,
    /// What can be asked of it.
    pub actions: BTreeMap<String, Action>,
    /// The hosts it may reach.
    pub network: BTreeSet<HostPort>,
    /// The names of secrets, each with the hosts it is for.
    pub secrets: BTreeMap<String, BTreeSet<HostPort>>,
    /// What its programs may do by the hub.
    #[serde(default, skip_serializing_if = "Rights::is_none")]
    pub hub: Rights,
    /// What it may use up.
    pub limits: Limits,
    /// How hard its walls are at least.
    pub level: LevelName,
    /// The skill it belongs to, whose files are at `/skills/NAME`.
    pub skill: Option<Skill>,
}

/// What is built of a spec, beside what the spec says.
pub struct Made {
    pub stack: Vec<LayerId>,
    pub machine_dirs: Vec<PathBuf>,
    pub env: BTreeMap<String, String>,
}

impl Image {
    pub(super) fn new(spec: &BoxSpec, made: Made) -> Result<Image, Error> {
        let mut image = Image {
            name: spec.name.clone(),
            id: ImageId::of(b""),
            stack: made.stack,
            machine_dirs: made.machine_dirs,
            env: made.env,
            actions: spec.actions.clone(),
            network: spec.network.clone().unwrap_or_default(),
            secrets: spec.secrets.clone().unwrap_or_default(),
            hub: spec.hub.clone().unwrap_or_default(),
            limits: spec.limits,
            level: spec.level.unwrap_or(LevelName::Namespace),
            skill: spec.skill.clone(),
        };
        let bytes =
            serde_json::to_vec(&image).map_err(|error| Error::io("name", "an image", error))?;
        image.id = ImageId::of(&bytes);
        Ok(image)
    }
}

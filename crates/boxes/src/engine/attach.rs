//! Serves the sockets of boxes from this process.

use super::open::{Engine, locked};
use super::outside::Served;
use super::records::BoxRow;
use crate::build::{Attached, Image, Network};
use crate::error::Error;
use crate::sandbox::{Sandbox, SandboxSpec};
use crate::spec::HostPort;
use std::collections::{BTreeMap, BTreeSet};

impl Engine {
    /// The sockets that a box of this image is born with.
    pub(super) fn prepare_sockets(
        &self,
        _image: &Image,
        _spec: &mut SandboxSpec,
    ) -> Result<(), Error> {
        Ok(())
    }

    /// Serves them from this process, unless it does so already. Several may: whoever takes
    /// a connection goes by the same image.
    pub(super) fn serve(&self, row: &BoxRow, _sandbox: &dyn Sandbox) -> Result<(), Error> {
        locked(&self.served)
            .entry(row.name.clone())
            .or_insert_with(|| Served { env: BTreeMap::new() });
        Ok(())
    }

    pub(super) fn served_env(&self, name: &str) -> BTreeMap<String, String> {
        locked(&self.served).get(name).map(|served| served.env.clone()).unwrap_or_default()
    }
}

impl Network for Engine {
    fn prepare(&self, _allow: &BTreeSet<HostPort>, _spec: &mut SandboxSpec) -> Result<(), Error> {
        Ok(())
    }

    fn attach(
        &self,
        _allow: &BTreeSet<HostPort>,
        _sandbox: &dyn Sandbox,
    ) -> Result<Attached, Error> {
        Ok(Attached::default())
    }
}

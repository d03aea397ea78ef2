//! Which secrets a box is given: of those that its image asks for, the ones that whoever made the
//! box has granted. What is not written down is not granted.

use super::open::Engine;
use super::request::Known;
use crate::build::Image;
use crate::error::Error;
use crate::network::Policy;
use crate::spec::{Granted, HostPort};
use std::collections::BTreeSet;

impl Engine {
    /// A box of an image, as [`Engine::create`] makes it, that is given only these secrets, and
    /// only for these hosts; and none that its image does not ask for. For who has not read what
    /// the image asks for.
    ///
    /// # Errors
    /// As [`Engine::create`].
    pub fn create_granting(
        &self,
        image: &Image,
        name: &str,
        owner: Option<&str>,
        granted: &Granted,
    ) -> Result<Known, Error> {
        self.create_over(image, &image.stack, name, (owner, None), granted)
    }

    /// Which secrets a box is given, and for which hosts.
    ///
    /// # Errors
    /// [`Error::Missing`].
    pub fn granted(&self, name: &str) -> Result<Granted, Error> {
        let image = self.image_of(name)?;
        Ok(both(&image.secrets, &self.records.granted(name)?))
    }

    pub(super) fn policy(&self, name: &str, image: &Image) -> Result<Policy, Error> {
        let granted = self.records.granted(name)?;
        Ok(Policy::new(image.network.clone(), both(&image.secrets, &granted)))
    }
}

/// What both name.
fn both(asked: &Granted, granted: &Granted) -> Granted {
    let one = |(name, hosts): (&String, &BTreeSet<HostPort>)| {
        let hosts: BTreeSet<HostPort> = hosts & granted.get(name)?;
        (!hosts.is_empty()).then(|| (name.clone(), hosts))
    };
    asked.iter().filter_map(one).collect()
}

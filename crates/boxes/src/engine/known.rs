//! Boxes as they are told to people.

use super::open::Engine;
use super::records::{BoxRow, Loss};
use super::request::Known;
use super::sealing;
use crate::LevelName;
use crate::branch::Head;
use crate::error::Error;
use crate::hash::ImageId;
use std::collections::{BTreeMap, BTreeSet};

impl Engine {
    /// The box of a name.
    ///
    /// # Errors
    /// [`Error::Missing`].
    pub fn find(&self, name: &str) -> Result<Known, Error> {
        self.known(self.row(name)?)
    }

    pub(super) fn known(&self, row: BoxRow) -> Result<Known, Error> {
        let head = self.branches.head(&row.name)?;
        let parent = head.parent.map(|no| self.branches.numbered(no)).transpose()?;
        let image = self.records.image(&row.image.to_string())?;
        let running = self.is_running(&row)?;
        let loss = row.loss.or(if running { None } else { self.unseen_loss(&row)? });
        Ok(Known {
            image_name: image.map(|image| image.name).unwrap_or_default(),
            parent: parent.map(|head| head.name),
            layers: head.stack.len(),
            running,
            frozen: running && self.records.is_frozen(&row.name)?,
            row: BoxRow { loss, ..row },
        })
    }

    /// All boxes, the oldest first.
    ///
    /// # Errors
    /// A store that cannot be read.
    pub fn list(&self) -> Result<Vec<Known>, Error> {
        let rows = self.records.list()?;
        let heads = self.branches.list()?;
        let by_name: BTreeMap<&str, &Head> =
            heads.iter().map(|head| (head.name.as_str(), head)).collect();
        let by_no: BTreeMap<i64, &Head> = heads.iter().map(|head| (head.no, head)).collect();
        let frozen = self.records.frozen()?;
        let living = match rows.iter().any(|row| row.boot.is_some()) {
            true => self.living_names()?,
            false => BTreeSet::new(),
        };
        let mut images: BTreeMap<ImageId, String> = BTreeMap::new();
        let mut known = Vec::with_capacity(rows.len());
        for row in rows {
            let Some(head) = by_name.get(row.name.as_str()) else { continue };
            let image_name = match images.get(&row.image) {
                Some(name) => name.clone(),
                None => {
                    let image = self.records.image(&row.image.to_string())?;
                    let name = image.map(|image| image.name).unwrap_or_default();
                    images.entry(row.image).or_insert(name).clone()
                }
            };
            let running = row.boot.is_some() && living.contains(&row.name);
            let loss = row.loss.or(if running { None } else { self.unseen_loss(&row)? });
            known.push(Known {
                image_name,
                parent: head.parent.and_then(|no| by_no.get(&no)).map(|head| head.name.clone()),
                layers: head.stack.len(),
                running,
                frozen: running && frozen.contains(&row.name),
                row: BoxRow { loss, ..row },
            });
        }
        Ok(known)
    }

    /// All boxes that a sandbox runs, asked for together.
    fn living_names(&self) -> Result<BTreeSet<String>, Error> {
        let boxes = self.ask_level(LevelName::Namespace, |level| level.boxes())?;
        Ok(boxes.into_iter().map(|living| living.id).collect())
    }

    /// What a crash took from a box that was seen not to run, and nobody has started since.
    fn unseen_loss(&self, row: &BoxRow) -> Result<Option<Loss>, Error> {
        if row.boot.is_none() {
            return Ok(None);
        }
        // Who has it may be about to start or end it.
        let Some(_held) = self.try_hold(&row.name)? else { return Ok(None) };
        match self.records.find(&row.name)? {
            // Without a folder there was a row, but never a sandbox.
            Some(row) if !self.is_running(&row)? && self.last_written(&row.name)?.is_some() => {
                sealing::loss(&row)
            }
            _ => Ok(None),
        }
    }
}

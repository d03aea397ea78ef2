//! What an attempt that was cut off has in its hands, given back: what somebody else has made,
//! and of an export that is given up what it has removed and put nothing in place of.

use super::apply::{Work, failed, new_name, taken_name};
use super::decide::{Is, Put, Why, back};
use super::look::{folder, look};
use super::moves::exchange;
use super::plan::Item;
use crate::error::Error;

impl Work<'_> {
    /// Gives back what was taken away or exchanged and was not what it should have been: a
    /// crash came before anybody looked at it. As much of it as can be.
    pub fn give_back(&self) -> Result<(), Error> {
        let items = self.plan.items.iter().enumerate();
        let given = items.map(|(place, item)| {
            if item.exchanges() {
                self.give_back_exchanged(place, item)
            } else if item.takes() {
                self.give_back_taken(place, item)
            } else {
                Ok(())
            }
        });
        given.fold(Ok(()), |all, one| all.and(one))
    }

    fn give_back_taken(&self, place: usize, item: &Item) -> Result<(), Error> {
        let taken = taken_name(place)?;
        if Is::of(item, look(self.staged, &taken)?.as_ref()) != Is::Other {
            return Ok(());
        }
        self.steps.at("give back");
        self.free(place, item, &taken, Why::Kept)
    }

    fn give_back_exchanged(&self, place: usize, item: &Item) -> Result<(), Error> {
        if self.staged(place, item)? != Is::Other {
            return Ok(());
        }
        let (way, new) = (back(self.host(item)?), new_name(place)?);
        self.steps.at("give back");
        match way.map_err(|why| self.refused(place, item, why))? {
            Put::Exchange => {
                let (folder, name) = (self.folder(place, item)?, item.path.name());
                let swapped = exchange(self.staged, new.name(), &folder, name);
                swapped.map_err(|error| failed(item, error))
            }
            _ => self.free(place, item, &new, Why::Kept),
        }
    }

    /// Puts back what was removed for something else that has not come: a folder that was to
    /// become a file, with all that was in it, or the other way round.
    pub fn put_back(&self) -> Result<(), Error> {
        // Folders that were to become something else, and whether they are made here.
        let mut folders: Vec<(usize, &Item, bool)> = Vec::new();
        for (place, item) in self.plan.items.iter().enumerate().filter(|(_, item)| item.removes()) {
            let inside = folders.iter().any(|(_, above, _)| item.path.is_below(&above.path));
            let wanted = item.after.is_some() || inside;
            // Whoever has removed the folder that it was in wants none of it.
            if !wanted || folder(self.root, &item.path)?.is_none() {
                continue;
            }
            let is = self.host(item)?;
            if !item.takes() && matches!(is, Is::Missing | Is::Before) {
                if is == Is::Missing {
                    self.steps.at("put back");
                    self.make(place, item)?;
                }
                folders.push((place, item, is == Is::Missing));
            }
            let taken = taken_name(place)?;
            let has = Is::of(item, look(self.staged, &taken)?.as_ref()) == Is::Before;
            if item.takes() && is == Is::Missing && has {
                self.steps.at("put back");
                self.free(place, item, &taken, Why::Kept)?;
            }
        }
        let mut made = folders.iter().rev().filter(|(_, _, made)| *made);
        made.try_for_each(|(place, item, _)| {
            item.before.as_ref().map_or(Ok(()), |before| self.set_mode(*place, item, before))
        })
    }
}

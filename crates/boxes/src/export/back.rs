//! What an attempt that was cut off has in its hands, given back: what somebody else has made,
//! and of an export that is given up what it has removed and put nothing in place of.

use super::apply::{Work, new_name, taken_name};
use super::decide::{Is, Put, Why, back};
use super::look::folder;
use super::plan::Item;
use crate::error::Error;
use crate::tree::Entry;

impl Work<'_> {
    /// Gives back what was taken away or exchanged and was not what it should have been: a
    /// crash came before anybody looked at it. As much of it as can be.
    pub fn give_back(&self) -> Result<(), Error> {
        let mut given = Ok(());
        for (place, item) in self.plan.items.iter().enumerate() {
            let exchanged = match item.exchanges() {
                true => self.give_back_exchanged(place, item),
                false => Ok(()),
            };
            given = given.and(exchanged).and(self.give_back_taken(place, item));
        }
        given
    }

    fn give_back_taken(&self, place: usize, item: &Item) -> Result<(), Error> {
        if self.taken(place, item)? != Is::Other {
            return Ok(());
        }
        self.steps.at("give back");
        self.free(place, item, &taken_name(place)?, Why::Kept)
    }

    fn give_back_exchanged(&self, place: usize, item: &Item) -> Result<(), Error> {
        if self.staged(place, item)? != Is::Other {
            return Ok(());
        }
        let refused = |why| self.refused(place, item, why);
        let way = back(self.host(item)?).map_err(refused)?;
        self.steps.at("give back");
        match way {
            Put::Exchange if self.swap(place, item)? => Ok(()),
            Put::Exchange => Err(refused(Why::Kept)),
            _ => self.free(place, item, &new_name(place)?, Why::Kept),
        }
    }

    /// Puts back what was removed for something else that has not come: a folder that was to
    /// become a file, with all that was in it, or the other way round, or a file for another one
    /// where names cannot be exchanged.
    pub fn put_back(&self) -> Result<(), Error> {
        // Folders that were to become something else, and whether they are made here.
        let mut folders: Vec<(usize, &Item, bool)> = Vec::new();
        let items = self.plan.items.iter().enumerate();
        for (place, item) in items.filter(|(_, item)| item.removes() || item.exchanges()) {
            let inside = folders.iter().any(|(_, above, _)| item.path.is_below(&above.path));
            let wanted = item.after.is_some() || inside;
            // Whoever has removed the folder that it was in wants none of it.
            if !wanted || folder(self.root, &item.path)?.is_none() {
                continue;
            }
            let is = self.host(item)?;
            let is_dir = item.before.as_ref().is_some_and(Entry::is_dir);
            if is_dir && matches!(is, Is::Missing | Is::Before) {
                if is == Is::Missing {
                    self.steps.at("put back");
                    self.make(place, item)?;
                }
                folders.push((place, item, is == Is::Missing));
            }
            // Once the new file has come, whatever became of it is somebody's own doing.
            let has_come = item.exchanges() && self.staged(place, item)? != Is::After;
            if is == Is::Missing && self.taken(place, item)? == Is::Before && !has_come {
                self.steps.at("put back");
                self.free(place, item, &taken_name(place)?, Why::Kept)?;
            }
        }
        let mut made = folders.iter().rev().filter(|(_, _, made)| *made);
        made.try_for_each(|(place, item, _)| {
            item.before.as_ref().map_or(Ok(()), |before| self.set_mode(*place, item, before))
        })
    }
}

//! Where an ephemeral process is: its cell's place, and which of the cell's
//! tenants it is. A cell's later tenant has another generation, so an old
//! address reaches nobody.

use greenroom_model::{Kind, ProcessId};
use std::num::NonZeroU32;

/// An ephemeral process's place and generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Address {
    /// One more than the place, so that an `Option` costs nothing.
    place: NonZeroU32,
    generation: u32,
}

impl Address {
    pub fn new(place: u32, generation: u32) -> Address {
        Address { place: NonZeroU32::MIN.saturating_add(place), generation }
    }

    pub fn place(self) -> u32 {
        self.place.get() - 1
    }

    pub fn generation(self) -> u32 {
        self.generation
    }

    /// The address in an id; `None` if it is a durable process's.
    pub fn of(id: &ProcessId) -> Option<Address> {
        id.as_ephemeral().map(|(place, generation)| Address::new(place, generation))
    }

    pub fn id(self, kind: &Kind) -> ProcessId {
        ProcessId::ephemeral(kind, self.place(), self.generation)
    }

    /// As one number.
    pub fn bits(self) -> u64 {
        u64::from(self.place.get()) << 32 | u64::from(self.generation)
    }

    pub fn from_bits(bits: u64) -> Option<Address> {
        let place = NonZeroU32::new(u32::try_from(bits >> 32).ok()?)?;
        let generation = u32::try_from(bits & u64::from(u32::MAX)).ok()?;
        Some(Address { place, generation })
    }
}

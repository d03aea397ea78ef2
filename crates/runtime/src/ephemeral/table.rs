//! The cells, by place: a table that grows by chunks and never moves one.

use super::cell::Cell;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

const CHUNK: usize = 4_096;
const CHUNKS_MAX: usize = 8_192;
/// How many free places a loop takes or gives back at once.
const PLACES_AT_ONCE: usize = 256;

type Chunk = Box<[Mutex<Cell>]>;

pub(crate) struct Table {
    /// Made with the first cell: a node without ephemerals, as most of the
    /// simulator's, shall not pay for the places of 33 million.
    chunks: OnceLock<Box<[OnceLock<Chunk>]>>,
    free: Mutex<Free>,
    first_generation: u32,
}

#[derive(Default)]
struct Free {
    places: Vec<u32>,
    used: u32,
}

impl Table {
    /// `first_generation`: random, so that an address of an earlier run of the
    /// node reaches nobody.
    pub fn new(first_generation: u32) -> Table {
        Table { chunks: OnceLock::new(), free: Mutex::default(), first_generation }
    }

    pub fn cell(&self, place: u32) -> Option<MutexGuard<'_, Cell>> {
        let place = place as usize;
        let chunk = self.chunks.get()?.get(place / CHUNK)?.get()?;
        Some(chunk[place % CHUNK].lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Fills `places` with some that are free; none if the table is full.
    pub fn take_free(&self, places: &mut Vec<u32>) {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let rest = free.places.len().saturating_sub(PLACES_AT_ONCE);
        places.extend(free.places.drain(rest..));
        if !places.is_empty() {
            return;
        }
        let chunks = self.chunks.get_or_init(|| (0..CHUNKS_MAX).map(|_| OnceLock::new()).collect());
        let Some(chunk) = chunks.get(free.used as usize / CHUNK) else {
            return;
        };
        chunk.get_or_init(|| {
            let cell = || Cell { generation: self.first_generation, ..Cell::default() };
            (0..CHUNK).map(|_| Mutex::new(cell())).collect()
        });
        // Chunks are filled in order, so a batch never leaves its chunk.
        let batch = PLACES_AT_ONCE as u32;
        places.extend((free.used..free.used + batch).rev());
        free.used += batch;
    }

    /// Gives back what a loop has too much of.
    pub fn give_back(&self, places: &mut Vec<u32>) {
        if places.len() > 2 * PLACES_AT_ONCE {
            let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
            free.places.extend(places.drain(PLACES_AT_ONCE..));
        }
    }

    /// Gives back all of them.
    pub fn put_back(&self, places: &mut Vec<u32>) {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        free.places.append(places);
    }

    /// Every place that was ever used.
    pub fn places(&self) -> std::ops::Range<u32> {
        0..self.free.lock().unwrap_or_else(PoisonError::into_inner).used
    }
}

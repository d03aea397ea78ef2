//! The processes in memory, by number, and which to let go of first.

use super::cell::{Cell, Inbox};
use greenroom_model::ProcessNo;
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

const PARTS: usize = 64;
/// How many ended processes may stand in the line before it is cleared.
const LINE_SLACK: usize = 1_024;

type Part = HashMap<ProcessNo, Arc<Cell>>;

pub(crate) struct Cells {
    parts: Vec<Mutex<Part>>,
    count: AtomicUsize,
    bytes: AtomicUsize,
    /// Cells that were idle, longest ago first.
    line: Mutex<VecDeque<Arc<Cell>>>,
}

impl Cells {
    pub fn new() -> Cells {
        Cells {
            parts: (0..PARTS).map(|_| Mutex::default()).collect(),
            count: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
            line: Mutex::default(),
        }
    }

    fn part(&self, no: ProcessNo) -> MutexGuard<'_, Part> {
        let part = usize::try_from(no.0.unsigned_abs() % PARTS as u64).unwrap_or(0);
        self.parts[part].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts something into a cell's inbox, making the cell if need be. Under
    /// the map's lock, so that a cell is never removed with mail in it.
    pub fn put(&self, no: ProcessNo, fill: impl FnOnce(&mut Inbox)) -> Arc<Cell> {
        let mut part = self.part(no);
        let cell = part.entry(no).or_insert_with(|| {
            self.count.fetch_add(1, Ordering::Relaxed);
            Arc::new(Cell::new(no))
        });
        fill(&mut cell.inbox());
        cell.clone()
    }

    /// Removes a cell unless something has come for it.
    pub fn remove(&self, cell: &Cell) -> bool {
        let mut part = self.part(cell.no);
        if !cell.inbox().is_empty() || cell.queued.load(Ordering::Acquire) {
            return false;
        }
        // One that has gone already may stand in the line still, while another
        // cell of the same process is at work.
        let is_kept = part.get(&cell.no).is_some_and(|kept| std::ptr::eq(&**kept, cell));
        if is_kept {
            part.remove(&cell.no);
            cell.gone.store(true, Ordering::Release);
            self.count.fetch_sub(1, Ordering::Relaxed);
            self.weigh(cell, 0);
        }
        true
    }

    /// Notes about how much memory a cell takes.
    pub fn weigh(&self, cell: &Cell, bytes: usize) {
        let before = cell.bytes.swap(bytes, Ordering::AcqRel);
        // Adding first: the sum must not fall below nothing in between.
        self.bytes.fetch_add(bytes, Ordering::AcqRel);
        self.bytes.fetch_sub(before, Ordering::AcqRel);
    }

    /// About how much memory all take.
    pub fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Acquire)
    }

    /// Whether it is in memory, or about to be.
    pub fn holds(&self, no: ProcessNo) -> bool {
        self.part(no).contains_key(&no)
    }

    /// The cell of a process, if it has one.
    pub fn get(&self, no: ProcessNo) -> Option<Arc<Cell>> {
        self.part(no).get(&no).cloned()
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// A cell has nothing to do: let it go when room is needed.
    pub fn line_up(&self, cell: &Arc<Cell>) {
        if !cell.lined.swap(true, Ordering::AcqRel) {
            let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
            line.push_back(cell.clone());
            // Those that have ended since stand there for nothing.
            if line.len() > 2 * self.count() + LINE_SLACK {
                line.retain(|cell| !cell.gone.load(Ordering::Acquire));
            }
        }
    }

    /// Every cell.
    pub fn all(&self) -> Vec<Arc<Cell>> {
        let part = |part: &Mutex<Part>| -> Vec<Arc<Cell>> {
            part.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
        };
        self.parts.iter().flat_map(part).collect()
    }

    /// The cell that has been idle the longest.
    pub fn longest_idle(&self) -> Option<Arc<Cell>> {
        let cell = self.line.lock().unwrap_or_else(PoisonError::into_inner).pop_front()?;
        cell.lined.store(false, Ordering::Release);
        Some(cell)
    }
}

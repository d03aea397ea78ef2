//! The refunds that were made: a file of one JSON line each, synced before it
//! counts, and an index of it. Knows no HTTP.

#[cfg(test)]
mod tests;

use super::wire::{Counts, Payment, RefundRequest};
use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::Path;

/// A line of the file.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Entry {
    payment_id: String,
    key: String,
    #[serde(flatten)]
    request: RefundRequest,
}

/// The refunds that were made. Holds a lock on its file, so that there is one
/// service per file.
pub struct Ledger {
    file: File,
    bytes: u64,
    by_key: BTreeMap<String, Entry>,
    counts: Counts,
}

/// Why no refund was made.
#[derive(Debug)]
pub enum Refusal {
    /// The key stands for another refund.
    OtherRefund(String),
    /// The disk refused; nothing was done.
    Disk(std::io::Error),
}

impl Ledger {
    /// Opens the file and reads it. Half a line at its end is what a crash left
    /// of a refund that was never confirmed: it goes.
    ///
    /// # Errors
    /// If it cannot be opened, is in use, or a whole line in it is none of ours.
    pub fn open(path: &Path) -> anyhow::Result<Ledger> {
        let at = || format!("the ledger {}", path.display());
        let mut options = OpenOptions::new();
        let mut file = options.read(true).append(true).create(true).open(path).with_context(at)?;
        if file.try_lock().is_err() {
            bail!("{}: another payment service has it open", at());
        }
        let mut text = String::new();
        file.read_to_string(&mut text).with_context(at)?;
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        file.set_len(whole as u64).with_context(at)?;
        let (by_key, counts) = (BTreeMap::new(), Counts::default());
        let mut ledger = Ledger { file, bytes: whole as u64, by_key, counts };
        for (index, line) in text[..whole].lines().enumerate() {
            let entry = serde_json::from_str(line);
            ledger.count(entry.with_context(|| format!("{}, line {}", at(), index + 1))?);
        }
        Ok(ledger)
    }

    /// Makes a refund, or finds the one made with this key.
    ///
    /// # Errors
    /// [`Refusal`]; then nothing was done.
    pub fn refund(&mut self, key: &str, request: RefundRequest) -> Result<Payment, Refusal> {
        if let Some(known) = self.by_key.get(key) {
            return self.repeat(known.clone(), &request);
        }
        let payment_id = format!("pay_{:06}", self.counts.accepted + 1);
        let entry = Entry { payment_id: payment_id.clone(), key: key.to_owned(), request };
        self.append(&entry).map_err(Refusal::Disk)?;
        self.count(entry);
        Ok(Payment { payment_id, repeated: false })
    }

    /// How many there are.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    fn repeat(&mut self, known: Entry, request: &RefundRequest) -> Result<Payment, Refusal> {
        if known.request != *request {
            let RefundRequest { order, amount, currency } = &known.request;
            let words = format!("the key stands for {amount} {currency} of order {order}");
            return Err(Refusal::OtherRefund(words));
        }
        self.counts.repeats += 1;
        self.counts.orders.entry(known.request.order).or_default().repeats += 1;
        Ok(Payment { payment_id: known.payment_id, repeated: true })
    }

    fn append(&mut self, entry: &Entry) -> std::io::Result<()> {
        let line = serde_json::to_string(entry)? + "\n";
        let written = self.file.write_all(line.as_bytes()).and_then(|()| self.file.sync_data());
        if written.is_err() {
            // Nothing was confirmed, so nothing may stay.
            self.file.set_len(self.bytes)?;
        } else {
            self.bytes += line.len() as u64;
        }
        written
    }

    fn count(&mut self, entry: Entry) {
        self.counts.accepted += 1;
        let order = self.counts.orders.entry(entry.request.order.clone()).or_default();
        order.accepted += 1;
        order.payment_id.clone_from(&entry.payment_id);
        self.by_key.insert(entry.key.clone(), entry);
    }
}

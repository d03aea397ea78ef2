//! Export and import through a node that runs.

use super::handle::Node;
use crate::Result;
use crate::transfer::{Export, ExportPage, Import, ImportDone};
use std::io::{Read, Seek};

impl Node {
    /// Begins an export of every process.
    pub fn export(&self) -> Export {
        Export::begin(self.env.now())
    }

    /// The next lines of an export. `None` after the last.
    pub async fn export_page(&self, mut export: Export) -> Result<(Export, Option<ExportPage>)> {
        self.read(move |journal| {
            let page = export.page(journal)?;
            Ok((export, page))
        })
        .await
    }

    /// Takes in what another store exported, all of it or nothing, and then
    /// lets it go on where it was. The node's own commits wait meanwhile.
    ///
    /// # Errors
    /// Those of [`Import::run`].
    pub async fn import<F: Read + Seek + Send + 'static>(&self, file: F) -> Result<ImportDone> {
        let (epoch, at) = (self.engine.lease.epoch, self.env.now());
        let run = move |journal: &dyn greenroom_journal::Journal| {
            Import::of(file).run(journal, epoch, at, &mut |_, _| {})
        };
        let done = self.read(run).await;
        // Also if the answer was lost: what is not there is not woken.
        self.engine.recover_anew();
        done
    }
}

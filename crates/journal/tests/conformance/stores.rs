//! The stores under test, and how each is opened again.

use crate::Case;
use crate::stage::Stage;
use greenroom_journal::testing::PrivatePostgres;
use greenroom_journal::{Journal, Memory, Postgres, PostgresOptions, Sqlite, SqliteOptions};
use std::sync::Arc;

pub fn on_memory(case: Case) {
    let memory = Memory::new();
    case(&mut Stage::new(Box::new(move || Arc::new(memory.clone()) as Arc<dyn Journal>)));
}

pub fn on_sqlite(case: Case) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join(".greenroom/store.db");
    case(&mut Stage::new(Box::new(move || {
        Arc::new(Sqlite::open(&path, SqliteOptions::default()).expect("opens"))
    })));
}

pub fn on_postgres(cases: &[(&str, Case)]) {
    let server = PrivatePostgres::start(false).expect("a Postgres server; `./dev setup`");
    let blobs = tempfile::tempdir().expect("a temporary directory");
    for (name, case) in cases {
        println!("{name}");
        let url = server.url(name);
        let blob_dir = Some(blobs.path().to_path_buf());
        case(&mut Stage::new(Box::new(move || {
            let options = PostgresOptions { read_only: false, blob_dir: blob_dir.clone() };
            Arc::new(Postgres::connect(&url, options).expect("connects"))
        })));
    }
}

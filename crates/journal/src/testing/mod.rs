//! For tests and benchmarks of this and other crates; not in the product.

mod build;
mod private_postgres;

pub use build::{Written, request, spawn, start};
pub use private_postgres::PrivatePostgres;

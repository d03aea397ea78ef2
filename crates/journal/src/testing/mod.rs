//! For tests and benchmarks of this and other crates; not in the product.

mod private_postgres;

pub use private_postgres::PrivatePostgres;

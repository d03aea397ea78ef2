//! Budgets: how much a request, and all that comes of it, may use up. Pure:
//! accounts in, decisions out. Who pays for what is the runtime's to say.

mod account;
mod books;
mod limits;
mod resource;
#[cfg(test)]
mod tests;

pub use account::Account;
pub use books::{Books, Short};
pub use limits::Budget;
pub use resource::{Resource, Spend};

//! Postgres's errors, by what the caller does next.

use crate::Error;
use tokio_postgres::error::SqlState;

/// What a failed call means. The transaction it was in is rolled back.
pub(super) fn map(error: tokio_postgres::Error) -> Error {
    let Some(said) = error.as_db_error() else {
        return Error::Unavailable { why: words(&error) };
    };
    let what = said.message().to_owned();
    match said.code() {
        &SqlState::CHARACTER_NOT_IN_REPERTOIRE | &SqlState::UNTRANSLATABLE_CHARACTER => {
            Error::Model(greenroom_model::Error::BadJson {
                why: format!("the database cannot keep this text: {what}"),
            })
        }
        // By class: 23 keys given out once met again, 42 tables that are not
        // there, XX damage that Postgres has found itself.
        code => match code.code().get(..2) {
            Some("23" | "42" | "XX") => Error::Corrupt { what },
            _ => Error::Unavailable { why: what },
        },
    }
}

/// An error with its cause, which the client's own text leaves out.
pub(super) fn words(error: &tokio_postgres::Error) -> String {
    let said = error.as_db_error().map(|said| said.message().to_owned());
    let cause = || std::error::Error::source(error).map(ToString::to_string);
    match said.or_else(cause) {
        Some(cause) => cause,
        None => error.to_string(),
    }
}

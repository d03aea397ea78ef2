//! SQLite's errors, by what the caller does next.

use crate::Error;
use rusqlite::ErrorCode;
use rusqlite::ffi::SQLITE_IOERR_SHORT_READ;

/// What a failed call means. The transaction it was in is rolled back.
pub(super) fn map(error: rusqlite::Error) -> Error {
    let what = error.to_string();
    match &error {
        rusqlite::Error::SqliteFailure(failure, _) => match failure.code {
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => Error::Corrupt { what },
            _ if failure.extended_code == SQLITE_IOERR_SHORT_READ => Error::Corrupt { what },
            // Keys that are given out once met again; tables that should be there.
            ErrorCode::ConstraintViolation | ErrorCode::TypeMismatch | ErrorCode::Unknown => {
                Error::Corrupt { what }
            }
            ErrorCode::DiskFull => Error::Unavailable { why: "the disk is full".to_owned() },
            _ => Error::Unavailable { why: what },
        },
        // A column of another type than the one it was written with.
        _ => Error::Corrupt { what },
    }
}

//! What a route answers when it does not do what it was asked: a status and
//! `{"error":{"code","message","next"}}`.

use crate::wire::{ErrorBody, ErrorWords};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use greenroom_runtime::Error;

/// A request that was not done.
#[derive(Debug)]
pub struct Refusal {
    status: StatusCode,
    words: ErrorWords,
}

impl Refusal {
    /// A refusal in words of its own.
    pub fn new(status: StatusCode, code: &str, message: impl Into<String>) -> Refusal {
        let words = ErrorWords { code: code.to_owned(), message: message.into(), next: None };
        Refusal { status, words }
    }

    /// The request itself is wrong.
    pub fn bad_request(message: impl Into<String>) -> Refusal {
        Refusal::new(StatusCode::BAD_REQUEST, "bad_request", message)
    }

    /// Adds what the caller can do.
    pub fn next(mut self, next: impl Into<String>) -> Refusal {
        self.words.next = Some(next.into());
        self
    }

    /// What it says.
    pub fn words(&self) -> &ErrorWords {
        &self.words
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Refusal {
        let status = StatusCode::from_u16(error.http_status());
        let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let refusal = Refusal::new(status, error.code(), error.to_string());
        match error.next() {
            Some(next) => refusal.next(next),
            None => refusal,
        }
    }
}

impl From<greenroom_model::Error> for Refusal {
    fn from(error: greenroom_model::Error) -> Refusal {
        Refusal::from(Error::Model(error))
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let later = [StatusCode::SERVICE_UNAVAILABLE, StatusCode::TOO_MANY_REQUESTS];
        let again = later.contains(&self.status);
        let body = ErrorBody { error: self.words };
        let mut response = (self.status, axum::Json(body)).into_response();
        if again {
            let soon = axum::http::HeaderValue::from_static("1");
            response.headers_mut().insert(header::RETRY_AFTER, soon);
        }
        response
    }
}

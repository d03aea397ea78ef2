//! What a program in the box reads when its request does not go out.

use super::decision::Verdict;
use super::download::{Answer, whole};
use hyper::StatusCode;
use hyper::header::{CONNECTION, CONTENT_TYPE, HeaderValue};
use std::net::IpAddr;

/// Why, and what to do. Never holds a secret's value.
#[derive(Debug)]
pub(super) struct Refusal {
    pub status: StatusCode,
    pub verdict: Verdict,
    pub why: String,
    pub advice: String,
    pub address: Option<IpAddr>,
}

impl Refusal {
    /// The request is written in a way that is not let through.
    pub fn malformed(why: impl Into<String>, advice: impl Into<String>) -> Refusal {
        let (why, advice) = (why.into(), advice.into());
        let (status, verdict) = (StatusCode::BAD_REQUEST, Verdict::Refused);
        Refusal { status, verdict, why, advice, address: None }
    }

    /// The policy does not let it out.
    pub fn forbidden(why: impl Into<String>, advice: impl Into<String>) -> Refusal {
        Refusal { status: StatusCode::FORBIDDEN, ..Refusal::malformed(why, advice) }
    }

    /// It is allowed, but something failed.
    pub fn failed(why: impl Into<String>, advice: impl Into<String>) -> Refusal {
        let (status, verdict) = (StatusCode::BAD_GATEWAY, Verdict::Failed);
        Refusal { status, verdict, ..Refusal::malformed(why, advice) }
    }

    pub fn at(self, address: IpAddr) -> Refusal {
        Refusal { address: Some(address), ..self }
    }

    /// As a response. The connection ends with it: what else the box has sent on it
    /// may belong to the request that was not read.
    pub fn answer(&self) -> Answer {
        let mut answer = whole(self.text());
        *answer.status_mut() = self.status;
        let headers = answer.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
        headers.insert("x-greenroom-refused", HeaderValue::from_static("1"));
        answer
    }

    fn text(&self) -> String {
        let what = match self.verdict {
            Verdict::Failed => "failed",
            _ => "refused",
        };
        format!("greenroom: {what}: {}\n{}\n", self.why, self.advice)
    }

    /// The same for a tunnel in which something else than TLS is spoken: most likely HTTP.
    pub fn raw(&self) -> Vec<u8> {
        let text = self.text();
        let length = text.len();
        format!(
            "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n\
             Content-Length: {length}\r\nConnection: close\r\n\r\n{text}"
        )
        .into_bytes()
    }
}

//! Who is at the other end of the socket: the kernel says which user it is,
//! and only the node's own user and root are let in.

use crate::refusal::Refusal;
use axum::extract::connect_info::{ConnectInfo, Connected};
use axum::extract::{FromRequestParts, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::serve::IncomingStream;
use tokio::net::UnixListener;

/// The user at the other end, as the kernel knows it.
#[derive(Clone, Debug)]
pub struct Peer {
    /// `None`: the kernel did not say.
    uid: Option<u32>,
}

impl Connected<IncomingStream<'_, UnixListener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, UnixListener>) -> Peer {
        Peer { uid: stream.io().peer_cred().ok().map(|credentials| credentials.uid()) }
    }
}

/// Lets in whoever may use this node.
pub async fn guard(request: Request, next: Next) -> Response {
    let own = rustix::process::geteuid().as_raw();
    let peer = request.extensions().get::<ConnectInfo<Peer>>();
    let uid = peer.and_then(|ConnectInfo(peer)| peer.uid);
    if may_enter(uid, own) {
        return next.run(request).await;
    }
    let words = "this node belongs to another user";
    Refusal::new(StatusCode::FORBIDDEN, "forbidden", words).into_response()
}

fn may_enter(uid: Option<u32>, own: u32) -> bool {
    uid.is_some_and(|uid| uid == own || uid == 0)
}

/// The name that goes into journals for what this peer does.
pub struct By(pub String);

impl<S: Send + Sync> FromRequestParts<S> for By {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<By, Refusal> {
        let peer = parts.extensions.get::<ConnectInfo<Peer>>();
        let uid = peer.and_then(|ConnectInfo(peer)| peer.uid);
        let uid = uid.ok_or_else(|| {
            Refusal::new(StatusCode::FORBIDDEN, "forbidden", "nobody knows who is asking")
        })?;
        let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
        Ok(By(user_name(&passwd, uid).unwrap_or_else(|| format!("uid:{uid}"))))
    }
}

fn user_name(passwd: &str, uid: u32) -> Option<String> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        let number = fields.nth(1)?;
        (number.parse() == Ok(uid)).then(|| name.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_own_user_and_root_enter() {
        assert!(may_enter(Some(1000), 1000));
        assert!(may_enter(Some(0), 1000));
        assert!(!may_enter(Some(1001), 1000));
        assert!(!may_enter(None, 1000));
    }

    #[test]
    fn names_come_from_passwd() {
        let passwd = "root:x:0:0:root:/root:/bin/bash\nann:x:1000:1000::/home/ann:/bin/sh\nbad\n";
        assert_eq!(user_name(passwd, 1000).as_deref(), Some("ann"));
        assert_eq!(user_name(passwd, 7), None);
    }
}

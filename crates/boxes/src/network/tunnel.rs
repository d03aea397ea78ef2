//! A tunnel to an allowed host: TLS that is not opened, but must be for that host.

use super::clock::{Activity, within};
use super::gate::{Asked, Gate};
use super::hello::{NoHello, hello};
use super::refusal::Refusal;
use crate::spec::HostPort;
use std::net::{IpAddr, Ipv6Addr};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

/// What is read at once in each direction.
const PIECE_BYTES: usize = 16 << 10;

/// TLS's word for "I am not whom you want": a fatal alert, unrecognized_name.
const ALERT: [u8; 7] = [21, 3, 3, 0, 2, 2, 112];

/// The client's side of a `CONNECT`.
pub(super) struct Client {
    pub stream: TcpStream,
    /// What came right behind the request.
    pub begun: Vec<u8>,
}

/// A ClientHello for this host, or a refusal that the client has been told.
pub(super) async fn greeted(
    gate: &Gate,
    client: &mut Client,
    target: &HostPort,
) -> Result<super::hello::Hello, Refusal> {
    let (refusal, said) = match within(gate.limits.head, hello(&mut client.stream, &client.begun))
        .await
    {
        Some(Ok(hello)) => match for_other(hello.accepted.client_hello().server_name(), target) {
            None => return Ok(hello),
            Some(why) => {
                let advice = "Use the host's name in the URL, and no other by SNI.";
                (Refusal::forbidden(why, advice), ALERT.to_vec())
            }
        },
        Some(Err(NoHello::OtherThanTls)) => {
            let advice = "Ask for http:// by the whole URL, without CONNECT.";
            let refusal = Refusal::forbidden("only TLS goes through a tunnel", advice);
            let said = refusal.raw();
            (refusal, said)
        }
        Some(Err(NoHello::Bad(why))) => {
            let why = format!("the tunnel begins with no ClientHello that can be read: {why}");
            (Refusal::malformed(why, ""), ALERT.to_vec())
        }
        Some(Err(NoHello::Gone(error))) => {
            (Refusal::malformed(format!("the tunnel ended at its start: {error}"), ""), Vec::new())
        }
        None => {
            let why = format!("nothing came through the tunnel within {:?}", gate.limits.head);
            (Refusal::malformed(why, ""), Vec::new())
        }
    };
    // Who does not listen is not told.
    let told = async {
        client.stream.write_all(&said).await?;
        client.stream.shutdown().await
    };
    let _told = within(gate.limits.connect, told).await;
    Err(refusal)
}

/// Why a ClientHello is not for the host; nothing if it is.
fn for_other(server_name: Option<&str>, target: &HostPort) -> Option<String> {
    let host = target.host();
    let is_address = host.parse::<IpAddr>().is_ok() || host.parse::<Ipv6Addr>().is_ok();
    match server_name {
        Some(name) if name.eq_ignore_ascii_case(host) => None,
        Some(name) => Some(format!("the tunnel is to {host}, but its TLS asks for {name}")),
        None if is_address => None,
        None => Some(format!("the tunnel is to {host}, but its TLS does not say for whom (SNI)")),
    }
}

/// Carries a tunnel until both sides have ended, one breaks, or nothing moves.
pub(super) async fn carry(
    gate: &Gate,
    asked: &Asked,
    target: &HostPort,
    mut client: Client,
    (mut server, address): (TcpStream, IpAddr),
) -> Result<(), Refusal> {
    let hello = greeted(gate, &mut client, target).await.map_err(|refusal| refusal.at(address))?;
    gate.log_allowed(asked, address, "in the allow-list", Vec::new());
    let activity = Activity::default();
    let (from_client, to_client) = client.stream.split();
    let (from_server, mut to_server) = server.split();
    let through = async {
        to_server.write_all(&hello.bytes).await?;
        tokio::try_join!(
            pump(from_client, to_server, &activity),
            pump(from_server, to_client, &activity),
        )
    };
    tokio::select! {
        // However it ended, both sides are closed now.
        _ended = through => {}
        () = activity.ceased(gate.limits.idle) => {}
    }
    Ok(())
}

async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    activity: &Activity,
) -> std::io::Result<()> {
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        let length = from.read(&mut piece).await?;
        activity.note();
        if length == 0 {
            return to.shutdown().await;
        }
        to.write_all(&piece[..length]).await?;
        activity.note();
    }
}

//! `box port`: a port of this machine's loopback that leads into a box.

use super::desk::Desk;
use crate::exit::Code;
use crate::out;
use crate::problem::Problem;
use serde_json::json;
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Forward a port into a box.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  greenroom box port work 8080:80\n  greenroom box port work 0:8000\n\n\
    Listens on 127.0.0.1 alone; 0 takes a port that is free and prints it. Ends with Ctrl-C."
)]
pub struct Args {
    /// The box
    name: String,
    /// LOCAL:REMOTE, or PORT for both
    ports: String,
}

/// More connections at once are closed as they come.
const AT_ONCE: usize = 256;

pub fn run(desk: &Desk, args: &Args) -> anyhow::Result<Code> {
    let (local, remote) = ports(&args.ports)?;
    desk.engine.find(&args.name)?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, local)).map_err(|error| {
        Problem::new("port", format!("cannot listen on 127.0.0.1:{local}: {error}"))
            .next("take another port; 0 takes one that is free")
    })?;
    let local = listener.local_addr()?;
    let words = format!("{local} leads to port {remote} of {}; Ctrl-C ends it\n", args.name);
    desk.tell(&json!({ "local": local, "remote": remote, "box": args.name }), &words)?;
    let open = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for stream in listener.incoming().flatten() {
            if open.fetch_add(1, Ordering::Relaxed) >= AT_ONCE {
                open.fetch_sub(1, Ordering::Relaxed);
                continue;
            }
            let open = &open;
            scope.spawn(move || {
                if let Err(error) = join(desk, &args.name, remote, &stream) {
                    out::say(&format!("{error}\n"));
                }
                open.fetch_sub(1, Ordering::Relaxed);
            });
        }
    });
    Ok(Code::Done)
}

fn ports(text: &str) -> anyhow::Result<(u16, u16)> {
    let (local, remote) = text.split_once(':').unwrap_or((text, text));
    match (local.parse(), remote.parse()) {
        (Ok(local), Ok(remote @ 1..)) => Ok((local, remote)),
        _ => Err(Problem::usage(format!("`{text}` are no ports"))
            .next("write LOCAL:REMOTE, as in 8080:80; each up to 65535")
            .into()),
    }
}

/// One connection, both ways, until both sides have ended.
fn join(desk: &Desk, name: &str, remote: u16, outside: &TcpStream) -> anyhow::Result<()> {
    let inside = TcpStream::from(desk.engine.connect(name, remote)?);
    let pass = |mut from: &TcpStream, mut to: &TcpStream| {
        // Who goes away ends only this connection.
        let _ = std::io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    };
    std::thread::scope(|scope| {
        scope.spawn(|| pass(outside, &inside));
        pass(&inside, outside);
    });
    Ok(())
}

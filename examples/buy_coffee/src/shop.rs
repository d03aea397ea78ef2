//! A small coffee shop on loopback: a menu, an order form, and an account by a token.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

/// What it sells.
const DRINKS: [&str; 3] = ["espresso", "latte", "mocha"];

/// Nobody orders with more words than that.
const BODY_BYTES_MAX: usize = 4096;

/// An order that was placed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// What is to be made.
    pub drink: String,
    /// Who it is called out for.
    pub name: String,
}

/// An open shop.
pub struct Shop {
    port: u16,
    token: String,
    orders: Arc<Mutex<Vec<Order>>>,
}

impl Shop {
    /// Opens it on this port of 127.0.0.1; 0 is any.
    ///
    /// # Errors
    /// A port that somebody else has.
    #[expect(clippy::disallowed_methods, reason = "the shop is no part of Greenroom")]
    pub fn open(port: u16) -> std::io::Result<Shop> {
        let listener = TcpListener::bind(("127.0.0.1", port))?;
        let port = listener.local_addr()?.port();
        let mut random = [0_u8; 16];
        std::fs::File::open("/dev/urandom")?.read_exact(&mut random)?;
        let token = format!("{:032x}", u128::from_ne_bytes(random));
        let shop = Shop { port, token: token.clone(), orders: Arc::default() };
        let orders = shop.orders.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (token, orders) = (token.clone(), orders.clone());
                // A visitor that goes away in the middle has its reasons.
                std::thread::spawn(move || drop(serve(stream, &token, &orders)));
            }
        });
        Ok(shop)
    }

    /// Where it is.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What the account's owner knows, and nobody else.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// All orders.
    pub fn orders(&self) -> Vec<Order> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn serve(mut stream: TcpStream, token: &str, orders: &Mutex<Vec<Order>>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let (mut allowed, mut length) = (false, 0);
    loop {
        let mut header = String::new();
        if reader.read_line(&mut header)? == 0 || header == "\r\n" {
            break;
        }
        let Some((name, value)) = header.split_once(':') else { continue };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().unwrap_or(0),
            "authorization" => allowed = value.trim() == credentials(token),
            _ => {}
        }
    }
    let mut body = vec![0; length.min(BODY_BYTES_MAX)];
    reader.read_exact(&mut body)?;
    let form = form(&String::from_utf8_lossy(&body));
    let field = |name: &str| form.get(name).map_or("", String::as_str);
    let (status, page) = match line.split(' ').collect::<Vec<_>>().as_slice() {
        _ if !allowed => ("401 Unauthorized", "<p>Who are you?</p>".to_owned()),
        ["GET", "/", ..] => ("200 OK", menu()),
        ["POST", "/drink", ..] if DRINKS.contains(&field("drink")) => {
            ("200 OK", counter(field("drink")))
        }
        ["POST", "/order", ..] if DRINKS.contains(&field("drink")) => {
            let order = Order { drink: field("drink").to_owned(), name: field("name").to_owned() };
            let mut orders = orders.lock().unwrap_or_else(PoisonError::into_inner);
            orders.push(order);
            ("200 OK", format!("<p id=\"order\">order {}: {}</p>", orders.len(), field("drink")))
        }
        _ => ("404 Not Found", "<p>We do not sell that.</p>".to_owned()),
    };
    let page = format!("<!doctype html><title>Coffee</title><body>{page}</body>");
    write!(
        stream,
        "HTTP/1.1 {status}\r\ncontent-type: text/html\r\nwww-authenticate: Basic realm=\"shop\"\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n{page}",
        page.len()
    )
}

fn menu() -> String {
    let button = |drink: &str| format!("<button name=\"drink\" value=\"{drink}\">{drink}</button>");
    let buttons: String = DRINKS.into_iter().map(button).collect();
    format!("<h1>Coffee</h1><form method=\"post\" action=\"/drink\">{buttons}</form>")
}

fn counter(drink: &str) -> String {
    format!(
        "<form method=\"post\" action=\"/order\"><input type=\"hidden\" name=\"drink\" value=\"{drink}\">\
         <input name=\"name\"><button type=\"submit\">Order</button></form>"
    )
}

/// The fields of a form; of what is escaped in it only the space is told.
fn form(body: &str) -> BTreeMap<String, String> {
    let pairs = body.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), value.replace('+', " "))).collect()
}

/// HTTP's Basic credentials (RFC 7617) of the account.
fn credentials(token: &str) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let plain = format!("greenroom:{token}");
    let mut encoded = String::from("Basic ");
    for chunk in plain.as_bytes().chunks(3) {
        let bits = chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte));
        let bits = bits << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * place)) as usize & 63];
            encoded.push(if place <= chunk.len() { char::from(digit) } else { '=' });
        }
    }
    encoded
}

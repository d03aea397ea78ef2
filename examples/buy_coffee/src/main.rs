//! Three boxes put together, the last of which buys a coffee: `cargo run -p buy_coffee latte`.
//!
//! `browser` has a browser, `shop` has an account, `coffee` extends both. The first two are
//! built once. The shop is a real site on this machine's loopback, and what buys the coffee is
//! a real browser in a box that reaches nothing else.

use anyhow::Context;
use buy_coffee::{Boxes, Shop};
use greenroom::boxes::engine::Engine;
use greenroom::boxes::sandbox::{Launch, spawner_main};

fn main() -> anyhow::Result<()> {
    // Boxes are made by a process that this program becomes when it is started as one.
    spawner_main();
    let drink = std::env::args().nth(1).unwrap_or_else(|| "latte".to_owned());
    let store = std::env::current_dir()?.join(".greenroom/boxes");
    let shop = Shop::open(8417).context("the shop does not open")?;
    let boxes =
        Boxes::open(Launch::Own, Engine::open_in, &store, &shop, &mut |line| println!("{line}"))?;
    let spawned = boxes.spawn()?;
    println!("{}", spawned.buy_coffee(&drink)?.trim());
    for order in shop.orders() {
        println!("the shop has: {} for {}", order.drink, order.name);
    }
    Ok(())
}

//! A real browser in a box buys in a real shop.
#![expect(clippy::unwrap_used, reason = "a test")]

use buy_coffee::{Boxes, Order, Shop};
use greenroom::boxes::engine::Engine;
use greenroom::boxes::sandbox::Launch;
use std::path::Path;

fn open(dir: &Path, shop: &Shop) -> (Boxes, Vec<String>) {
    let mut told = Vec::new();
    let launch = Launch::Program(env!("CARGO_BIN_EXE_buy_coffee").into());
    let boxes =
        Boxes::open(launch, Engine::open, dir, shop, &mut |line| told.push(line.to_owned()))
            .unwrap();
    (boxes, told)
}

#[test]
fn a_coffee_is_bought_by_three_boxes_of_which_two_were_built_before() {
    let dir = tempfile::tempdir().unwrap();
    let shop = Shop::open(0).unwrap();
    drop(open(dir.path(), &shop));
    std::fs::write(dir.path().join("folders/coffee/note"), "").unwrap();
    let (boxes, told) = open(dir.path(), &shop);
    let parts = |line: &&String| line.contains("browser: ") || line.contains("shop: ");
    let parts: Vec<_> = told.iter().filter(parts).collect();
    assert!(parts.len() >= 4 && parts.iter().all(|line| line.starts_with("cached")), "{told:?}");

    let spawned = boxes.spawn().unwrap();
    assert_eq!(spawned.buy_coffee("latte").unwrap(), "order 1: latte\n");
    let order = Order { drink: "latte".to_owned(), name: "Ann".to_owned() };
    assert_eq!(shop.orders(), [order]);
    let tea = spawned.buy_coffee("tea").unwrap_err().to_string();
    assert!(tea.contains("no such element"), "{tea}");
    let seen = spawned.run(&["sh", "-c", "env; cat /opt/*/*.py /skills/*/*"]).unwrap();
    assert!(seen.contains("SHOP_TOKEN=greenroom-secret-") && !seen.contains(shop.token()));
    drop(spawned);
    let left = std::fs::read_dir(dir.path().join("boxes")).unwrap().count();
    assert_eq!(left, 0, "nothing is left of it");
}

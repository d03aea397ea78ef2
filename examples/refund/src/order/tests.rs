//! The file that is shipped, and files that are wrong.

use super::*;

fn shipped() -> Vec<Purchase> {
    let mut reader = csv::Reader::from_reader(SHIPPED.as_bytes());
    reader.deserialize().collect::<Result<_, _>>().expect("every row is whole")
}

#[test]
fn the_shipped_file_is_what_its_readme_says() {
    let orders = shipped();
    assert_eq!(orders.len(), 360);
    let large = orders.iter().filter(|order| order.amount > Money::units(1_000)).count();
    assert!((100..140).contains(&large), "{large} above 1,000");
    let amounts = orders.iter().map(|order| order.amount);
    assert_eq!(amounts.clone().min(), Some(Money::units(5)));
    assert_eq!(amounts.max(), Some(Money::units(5_000)));
    let count = |standing| orders.iter().filter(|order| order.standing() == standing).count();
    assert_eq!((count(Standing::Refunded), count(Standing::Unclear)), (5, 2));
    assert!(orders.iter().any(|order| order.customer == "Lovelace, Ada"));
}

#[test]
fn an_unknown_order_says_where_it_looked() {
    let failure = find(None, "A-9999").expect_err("not there");
    assert!(failure.is("unknown_order") && !failure.retryable);
    assert!(failure.message.contains("no order A-9999 among the 360"), "{failure}");
}

#[test]
fn a_bad_row_says_its_line() {
    let csv = "order_id,customer,item,amount,currency,bought_at,status\n\
               A-1,Ada,Lamp,\"1,250.00\",EUR,2026-01-01,paid\n";
    let failure = find_in(csv.as_bytes(), "my.csv", "A-1").expect_err("bad amount");
    assert!(failure.is("bad_orders") && failure.message.contains("line: 2"), "{failure}");
}

#[test]
fn a_missing_file_may_come_back() {
    let failure = find(Some(Path::new("no/such/file.csv")), "A-1").expect_err("not there");
    assert!(failure.is("no_orders") && failure.retryable, "{failure}");
}

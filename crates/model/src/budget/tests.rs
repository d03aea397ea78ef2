//! Budgets clause by clause, and against a plain sum.

use super::*;
use crate::ProcessId;
use proptest::prelude::*;

fn id(key: &str) -> ProcessId {
    ProcessId::new("a", key).unwrap()
}

fn nothing_held(_: &ProcessId) -> (Spend, Spend) {
    (Spend::default(), Spend::default())
}

fn spent(books: &Books, key: &str) -> u64 {
    books.get(&id(key)).unwrap().spent.messages
}

fn left(books: &Books, key: &str) -> u64 {
    books.get(&id(key)).unwrap().left(Resource::Messages).unwrap()
}

fn with_root(messages: u64) -> Books {
    let mut books = Books::default();
    books.open(&id("root"), None, Budget::default().messages(messages));
    books
}

#[test]
fn what_is_used_up_cannot_be_paid() {
    let mut books = with_root(10);
    let need = Spend::messages(4);
    assert_eq!(books.affords(&id("root"), need, nothing_held), Ok(()));
    books.spend(&id("root"), Spend::messages(7), Spend::default());
    let short = books.affords(&id("root"), need, nothing_held).unwrap_err();
    assert_eq!((short.limit, short.left, short.needed), (10, 3, 4));
    let words = "the budget of a/root is used up: 3 of 10 messages left, 4 needed";
    assert_eq!(short.to_string(), words);
    // What has no limit can be paid.
    assert_eq!(books.affords(&id("root"), Spend::tokens(1 << 40), nothing_held), Ok(()));
    assert_eq!(books.affords(&id("nobody"), need, nothing_held), Ok(()));
}

#[test]
fn what_is_on_its_way_counts() {
    let books = with_root(10);
    let held = |_: &ProcessId| (Spend::messages(8), Spend::messages(1));
    assert_eq!(books.affords(&id("root"), Spend::messages(3), held), Ok(()));
    assert!(books.affords(&id("root"), Spend::messages(4), held).is_err());
}

#[test]
fn a_childs_limit_is_set_aside_and_comes_back() {
    let mut books = with_root(100);
    books.open(&id("child"), Some(&id("root")), Budget::default().messages(30));
    assert_eq!(left(&books, "root"), 70);
    books.spend(&id("child"), Spend::messages(10), Spend::default());
    assert_eq!((left(&books, "child"), left(&books, "root")), (20, 70));
    books.close(&id("child"));
    assert_eq!((spent(&books, "root"), left(&books, "root")), (10, 90));
    // What comes after its end is paid by its parent.
    books.spend(&id("child"), Spend::messages(5), Spend::default());
    assert_eq!((spent(&books, "child"), left(&books, "root")), (15, 85));
    books.close(&id("child"));
    assert_eq!(left(&books, "root"), 85);
}

#[test]
fn what_a_child_has_no_limit_on_its_parent_pays() {
    let mut books = with_root(100);
    books.open(&id("child"), Some(&id("root")), Budget::default().tokens(5));
    books.spend(&id("child"), Spend::messages(40), Spend::messages(10));
    assert_eq!((spent(&books, "child"), left(&books, "root")), (30, 70));
    books.close(&id("child"));
    assert_eq!(left(&books, "root"), 70);
    // Who still works for it has its limit, as nobody above has one.
    assert!(books.affords(&id("child"), Spend::tokens(6), nothing_held).is_err());
}

#[test]
fn what_nobody_above_limits_stays_with_the_uppermost() {
    let mut books = with_root(100);
    let tokens = |tokens| Budget::default().tokens(tokens);
    books.open(&id("one"), Some(&id("root")), tokens(100));
    books.open(&id("two"), Some(&id("one")), tokens(60));
    books.open(&id("three"), Some(&id("two")), tokens(30));
    let amounts = |books: &Books, key| {
        let account = books.get(&id(key)).unwrap();
        (account.spent.tokens, account.reserved.tokens, account.limits.tokens.unwrap())
    };
    books.close(&id("one"));
    assert_eq!(amounts(&books, "one"), (0, 60, 100));
    books.spend(&id("three"), Spend::tokens(10), Spend::default());
    books.close(&id("two"));
    assert_eq!(amounts(&books, "one"), (0, 30, 100));
    books.raise(&id("three"), tokens(5)).unwrap();
    assert_eq!((amounts(&books, "three"), amounts(&books, "one")), ((10, 0, 35), (0, 35, 105)));
    books.close(&id("three"));
    assert_eq!(amounts(&books, "one"), (10, 0, 105));
    // Who still works for them has what is left there, and a person can give more.
    let affords = |books: &Books, more| {
        books
            .affords(&id("three"), Spend::tokens(more), nothing_held)
            .map_err(|short| short.account)
    };
    assert_eq!((affords(&books, 95), affords(&books, 96)), (Ok(()), Err(id("one"))));
    books.raise(&id("one"), tokens(1)).unwrap();
    assert_eq!(affords(&books, 96), Ok(()));
    let gone = books.raise(&id("two"), tokens(1)).unwrap_err();
    assert!(gone.contains("went back to a/one"), "{gone}");
}

#[test]
fn an_overdrawn_account_pays_nothing() {
    let mut books = Books::default();
    books.open(&id("root"), None, Budget::default().messages(100).tokens(10));
    books.spend(&id("root"), Spend::tokens(10), Spend::default());
    let pays = |books: &Books, need| {
        books.affords(&id("root"), need, nothing_held).map_err(|short| short.resource)
    };
    assert_eq!(pays(&books, Spend::messages(1)), Ok(()));
    books.spend(&id("root"), Spend::tokens(1), Spend::default());
    assert_eq!(pays(&books, Spend::messages(1)), Err(Resource::Tokens));
    assert_eq!(pays(&books, Spend::default()), Err(Resource::Tokens));
    let held = |_: &ProcessId| (Spend::default(), Spend::tokens(1));
    assert_eq!(books.affords(&id("root"), Spend::messages(1), held), Ok(()));
}

#[test]
fn what_cannot_be_counted_above_cannot_be_given_below() {
    let mut books = Books::default();
    books.open(&id("root"), None, Budget::default().messages(i64::MAX as u64 - 5));
    books.open(&id("child"), Some(&id("root")), Budget::default().messages(5));
    assert!(books.raise(&id("child"), Budget::default().messages(6)).is_err());
    books.raise(&id("child"), Budget::default().messages(5)).unwrap();
}

#[test]
fn what_a_grandchild_has_stays_set_aside_when_the_child_ends() {
    let mut books = with_root(100);
    books.open(&id("child"), Some(&id("root")), Budget::default().messages(50));
    books.open(&id("grandchild"), Some(&id("child")), Budget::default().messages(20));
    books.spend(&id("child"), Spend::messages(10), Spend::default());
    assert_eq!(left(&books, "child"), 20);
    books.close(&id("child"));
    assert_eq!(left(&books, "root"), 70);
    books.spend(&id("grandchild"), Spend::messages(15), Spend::default());
    books.close(&id("grandchild"));
    assert_eq!(left(&books, "root"), 75);
}

#[test]
fn a_raise_is_new_to_all_above() {
    let mut books = with_root(100);
    books.open(&id("child"), Some(&id("root")), Budget::default().messages(50));
    books.raise(&id("child"), Budget::default().messages(7)).unwrap();
    assert_eq!((left(&books, "child"), left(&books, "root")), (57, 50));
    books.close(&id("child"));
    assert_eq!(left(&books, "root"), 107);
    let closed = books.raise(&id("child"), Budget::default().messages(1)).unwrap_err();
    assert!(closed.contains("went back to a/root"), "{closed}");
    let no_limit = books.raise(&id("root"), Budget::default().tokens(1)).unwrap_err();
    assert_eq!(no_limit, "a/root has no limit on tokens");
    assert!(books.raise(&id("root"), Budget::default().messages(u64::MAX)).is_err());
    assert!(books.raise(&id("nobody"), Budget::default()).is_err());
}

#[test]
fn a_newer_state_of_an_account_stays() {
    let mut books = with_root(10);
    let old = books.take_changed().remove(0);
    books.spend(&id("root"), Spend::messages(1), Spend::default());
    books.insert(old);
    assert_eq!(spent(&books, "root"), 1);
    assert_eq!(books.take_changed().len(), 1);
    assert!(books.take_changed().is_empty());
}

#[test]
fn budgets_are_written_in_words() {
    let budget: Budget = "messages=1000, tokens=50000,money=2.5".parse().unwrap();
    assert_eq!(budget, Budget::default().messages(1000).tokens(50_000).money_micro(2_500_000));
    assert_eq!(budget.to_string(), "messages=1000,tokens=50000,money=2.5");
    for (text, says) in [
        ("", "is no limit"),
        ("messages", "is no limit"),
        ("time=3", "cannot be limited"),
        ("messages=1,messages=2", "twice"),
        ("messages=-1", "no number of messages"),
        ("tokens=1.5", "no number of tokens"),
        ("tokens=99999999999999999999", "no number of tokens"),
        ("money=1.2345678", "up to six decimals"),
        ("money=.5", "no amount of money"),
        ("money=99999999999999999", "no amount of money"),
    ] {
        let error = text.parse::<Budget>().unwrap_err();
        assert!(error.contains(says), "{text}: {error}");
    }
}

#[derive(Clone, Debug)]
enum Act {
    Open { id: usize, parent: usize, limit: Option<u64> },
    Spend { id: usize, amount: u64 },
    Close { id: usize },
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        (1..6usize, 0..6usize, prop::option::of(0..60u64))
            .prop_map(|(id, parent, limit)| Act::Open { id, parent, limit }),
        (0..6usize, 1..20u64).prop_map(|(id, amount)| Act::Spend { id, amount }),
        (0..6usize).prop_map(|id| Act::Close { id }),
    ]
}

proptest! {
    /// Whatever is opened, paid and closed: no more is used up than the root was
    /// given, and no account more than its limit.
    #[test]
    fn nothing_is_opened_again(acts in prop::collection::vec(act(), 0..60)) {
        let mut books = with_root(100);
        let name = |number: usize| match number {
            0 => id("root"),
            _ => id(&number.to_string()),
        };
        let mut total = 0;
        for act in acts {
            match act {
                Act::Open { id, parent, limit } => {
                    let (id, parent) = (name(id), name(parent));
                    let budget = Budget { messages: limit, ..Budget::default() };
                    let known = books.get(&parent).is_some();
                    if known && books.affords(&parent, budget.whole(), nothing_held).is_ok() {
                        books.open(&id, Some(&parent), budget);
                    }
                }
                Act::Spend { id, amount } => {
                    let (id, need) = (name(id), Spend::messages(amount));
                    let known = books.get(&id).is_some();
                    if known && books.affords(&id, need, nothing_held).is_ok() {
                        books.spend(&id, need, Spend::default());
                        total += amount;
                    }
                }
                Act::Close { id } => books.close(&name(id)),
            }
            let root = books.get(&id("root")).unwrap();
            prop_assert!(root.spent.messages + root.reserved.messages <= 100);
            prop_assert!(total <= 100);
        }
        (1..6).rev().for_each(|number| books.close(&name(number)));
        // Children may have been opened under ones with a higher number.
        (1..6).for_each(|number| books.close(&name(number)));
        let root = books.get(&id("root")).unwrap();
        prop_assert_eq!((root.spent.messages, root.reserved.messages), (total, 0));
    }
}

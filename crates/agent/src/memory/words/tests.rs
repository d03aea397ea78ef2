//! Words and ranks.

use super::*;

#[test]
fn words_are_of_any_script() {
    assert_eq!(words("Ärger, IN-Straße 7!"), ["ärger", "in", "straße", "7"]);
    assert_eq!(words("東京 tower"), ["東", "京", "tower"]);
    assert!(words(" … ").is_empty());
}

#[test]
fn rare_words_and_short_texts_come_first() {
    let texts = [
        "the customer likes the colour green and the train and the sea",
        "the customer likes green",
        "the customer is from Oslo",
        "nothing of the kind",
    ];
    assert_eq!(ranked(texts, "GREEN"), [1, 0]);
    assert_eq!(ranked(texts, "customer from oslo")[0], 2);
    assert_eq!(ranked(texts, "zebra"), Vec::<usize>::new());
    assert_eq!(ranked(texts, ""), Vec::<usize>::new());
    assert_eq!(ranked([], "green"), Vec::<usize>::new());
    // Of equals the later one.
    assert_eq!(ranked(["green", "green"], "green"), [1, 0]);
}

#[test]
fn what_stands_high_in_both_ranks_is_first() {
    assert_eq!(merged(&[vec![0, 1, 2], vec![1, 3]], 4), [1, 0, 3, 2]);
    assert_eq!(merged(&[Vec::new(), vec![2]], 3), [2]);
}

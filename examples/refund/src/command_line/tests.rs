//! Command lines as people write them.

use super::*;

fn line(text: &str) -> CommandLine {
    CommandLine {
        program: "refund".to_owned(),
        words: text.split_whitespace().map(str::to_owned).collect(),
    }
}

#[test]
fn the_command_is_found_behind_options() {
    assert_eq!(line("up").command(), Some("up"));
    assert_eq!(line("--dir up --json run refund/A-1").command(), Some("run"));
    assert_eq!(line("--dir=here up").command(), Some("up"));
    assert_eq!(line("--version").command(), None);
    assert_eq!(line("payments stop --dir x").after_command(), ["stop", "--dir", "x"]);
}

#[test]
fn an_option_is_read_and_taken_out_in_both_forms() {
    let spaced = line("run refund/A-1 --orders my.csv --detach");
    assert_eq!(spaced.option("--orders").as_deref(), Some("my.csv"));
    assert_eq!(spaced.without("--orders"), ["run", "refund/A-1", "--detach"]);
    let joined = line("--orders=my.csv up");
    assert_eq!(joined.option("--orders").as_deref(), Some("my.csv"));
    assert_eq!(joined.without("--orders"), ["up"]);
    assert_eq!(line("up --ordersx y").option("--orders"), None);
}

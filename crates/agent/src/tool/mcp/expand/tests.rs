//! Names in, values out; never a value in an error.

use super::expand;

#[test]
fn names_defaults_and_errors() {
    let lookup = |name: &str| match name {
        "TOKEN" => Some("hush".to_owned()),
        "EMPTY" => Some(String::new()),
        _ => None,
    };
    let value = |text| expand(text, &lookup);
    assert_eq!(value("Bearer ${TOKEN}!").unwrap(), "Bearer hush!");
    assert_eq!(value("${HOST:-a:1}/${EMPTY:-b}${EMPTY}$x").unwrap(), "a:1/b$x");
    assert_eq!(
        value("${TOKEN}${HOST}").unwrap_err(),
        "neither the environment nor the secret store has `HOST`; set it, run `greenroom secret set HOST`, or write `${HOST:-default}`"
    );
    assert!(value("${TOKEN").unwrap_err().contains("without its"));
    for wrong in ["${}", "${1A}", "${a b}", "${:-x}"] {
        assert!(value(wrong).unwrap_err().contains("needs a variable's name"), "{wrong}");
    }
}

//! Boxes are read with what they extend.

use super::*;
use crate::spec::SPEC_FILE;

#[test]
fn what_a_box_extends_is_under_it_and_circles_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        std::fs::create_dir_all(dir.path().join(name)).unwrap();
        std::fs::write(dir.path().join(name).join(SPEC_FILE), text).unwrap();
    };
    write("base", "base = \"host\"\nsetup = [\"make\"]\n[env]\nA = \"1\"");
    write("python", "extends = [\"../base\"]\n[env]\nB = \"2\"");
    write("shop", "extends = [\"../python\", \"../base\"]\n[env]\nC = \"3\"");
    let shop = load(&dir.path().join("shop")).unwrap();
    assert_eq!((shop.env.len(), shop.extends.len(), shop.setup.len()), (3, 0, 1));
    assert_eq!(shop.base, Some(crate::spec::Base::Host));

    write("base", "extends = [\"../shop\"]");
    let error = load(&dir.path().join("shop")).unwrap_err().to_string();
    assert!(error.contains("in a circle") && error.matches("-> ").count() == 3, "{error}");
    assert!(error.contains("/base/box.toml:1:12: "), "{error}");
    write("base", "extends = [\"../nowhere\"]");
    let error = load(&dir.path().join("shop")).unwrap_err().to_string();
    let place = "/base/box.toml:1:12: there is no folder `../nowhere`";
    assert!(error.contains(place), "{error}");
}

#[test]
fn a_box_that_many_extend_is_read_once() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: String, text: &str| {
        std::fs::create_dir_all(dir.path().join(&name)).unwrap();
        std::fs::write(dir.path().join(name).join("box.toml"), text).unwrap();
    };
    // Two boxes at each level, and both extend both below: 2^31 ways to the lowest.
    let both = |level: usize| format!("extends = [\"../a{level}\", \"../b{level}\"]");
    for level in 0..40 {
        let text = if level == 0 { "base = \"host\"".to_owned() } else { both(level - 1) };
        write(format!("a{level}"), &text);
        write(format!("b{level}"), &text);
    }
    assert_eq!(load(&dir.path().join("a31")).unwrap().base, Some(crate::spec::Base::Host));
    let error = load(&dir.path().join("a32")).unwrap_err().to_string();
    assert!(error.contains("too many boxes on top of each other"), "{error}");
    // Also where what is below was read already, and where it is less deep.
    write("wide".to_owned(), "extends = [\"../a20\", \"../a30\", \"../a31\"]");
    let error = load(&dir.path().join("wide")).unwrap_err().to_string();
    assert!(error.contains(": ../a30: too many boxes"), "{error}");
}

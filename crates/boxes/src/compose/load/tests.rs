//! Boxes are read with what they extend.

use super::*;

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
    write("base", "extends = [\"../nowhere\"]");
    let error = load(&dir.path().join("shop")).unwrap_err().to_string();
    let place = "/base/box.toml:1:12: there is no folder `../nowhere`";
    assert!(error.contains(place), "{error}");
}

//! Skills are read as the format has them; what is wrong is told with its place.

use crate::spec::{Base, BoxSpec, Setup};

fn folder(skill: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("shop")).unwrap();
    std::fs::write(dir.path().join("shop/SKILL.md"), skill).unwrap();
    dir
}

fn spec(skill: &str) -> Result<BoxSpec, String> {
    let dir = folder(skill);
    let read = BoxSpec::read(&dir.path().join("shop"));
    read.map_err(|error| error.to_string().rsplit_once("shop/").unwrap().1.to_owned())
}

const HEAD: &str = "---\nname: shop\ndescription: Buys things.\nlicense: MIT\n";

#[test]
fn a_skill_alone_is_a_box_of_nothing_else() {
    let shop =
        spec(&format!("{HEAD}metadata:\n  author: me\n  box: \"1\"\n---\n# Body\n")).unwrap();
    assert_eq!((shop.name.as_str(), &shop.base, &shop.network), ("shop", &None, &None));
    let skill = shop.skill.unwrap();
    assert_eq!((skill.name.as_str(), skill.description.as_str()), ("shop", "Buys things."));
}

#[test]
fn settings_stand_in_metadata_as_values_of_toml() {
    let shop = spec(&format!(
        "{HEAD}metadata:\n  box.base: host\n  box.setup: '[\"true\"]'\n  box.limits.pids: \"64\"\n  \
         box.limits.memory: 1GiB\n  box.network: '{{allow = [\"shop.example:443\"]}}'\n---\n"
    ))
    .unwrap();
    assert_eq!((shop.base, shop.setup), (Some(Base::Host), vec![Setup::Line("true".into())]));
    assert_eq!((shop.limits.pids, shop.limits.memory_bytes), (Some(64), Some(1 << 30)));
    assert_eq!(shop.network.unwrap().len(), 1);
}

#[test]
fn a_file_may_be_named_and_there_is_only_one() {
    let text = format!("{HEAD}metadata:\n  box.spec: conf/my.toml\n---\n");
    let dir = folder(&text);
    let shop = dir.path().join("shop");
    let read = || BoxSpec::read(&shop).map_err(|error| error.to_string());
    assert!(
        read().unwrap_err().contains("SKILL.md:6:13: metadata.box.spec: there is no such file")
    );
    std::fs::create_dir(shop.join("conf")).unwrap();
    std::fs::write(shop.join("conf/my.toml"), "base = \"tar:x.tar\"").unwrap();
    assert_eq!(read().unwrap().base, Some(Base::Tarball(shop.join("x.tar"))));
    std::fs::write(shop.join("conf/my.toml"), "bsae = 1").unwrap();
    assert!(read().unwrap_err().contains("conf/my.toml:1:1: a box has no field"));
    std::fs::write(shop.join("box.toml"), "").unwrap();
    assert!(read().unwrap_err().contains("there is a box.toml too"));
    let inline = format!("{HEAD}metadata:\n  box.base: host\n---\n");
    std::fs::write(shop.join("SKILL.md"), inline).unwrap();
    assert!(read().unwrap_err().contains("SKILL.md:6:3: there is a box.toml too"));
}

/// A head after `---`, the place where it is wrong, and words of what is said.
const WRONG: [(&str, &str, &str); 15] = [
    ("name: Shop\ndescription: x\n---\n", "2:7", "small letters"),
    ("name: shop2\ndescription: x\n---\n", "2:7", "its folder is `shop`"),
    ("name: shop\ndescription: ' '\n---\n", "3:14", "1 to 1024"),
    ("name: shop\n---\n", "2:", "description"),
    ("name: [shop\ndescription: x\n---\n", ":", ""),
    ("name: shop\ndescription: x\n", "1:1", "no end"),
    (
        "name: shop\ndescription: x\nmetadata:\n  box.bsae: host\n---\n",
        "5:3",
        "did you mean `base`",
    ),
    ("name: shop\ndescription: x\nmetadata:\n  box.base: hots\n---\n", "5:13", "none of"),
    (
        "name: shop\ndescription: x\nmetadata:\n  box.setup: '[\"a\", 1]'\n---\n",
        "5:21",
        "each command",
    ),
    (
        "name: shop\ndescription: x\nmetadata:\n  box.setup: '[\"a\"'\n---\n",
        "5:14",
        "no TOML value",
    ),
    ("name: shop\ndescription: x\nmetadata:\n  box.setup: [a]\n---\n", "5:14", "a text is wanted"),
    (
        "name: shop\ndescription: x\nmetadata:\n  box.level: \"1\\nbase = 'host'\"\n---\n",
        "5:14",
        "several",
    ),
    ("name: shop\ndescription: x\nmetadata:\n  box.spec: ../x\n---\n", "5:13", "without `..`"),
    ("name: shop\ndescription: x\nmetadata:\n  \"box.files./x\": y\n---\n", "5:19", "box.toml"),
    (
        "name: shop\ndescription: x\nmetadata:\n  box.spec: x.toml\n  box.base: host\n---\n",
        "5:13",
        "belong into that file",
    ),
];

#[test]
fn what_is_wrong_is_told_with_line_and_column() {
    for (text, place, words) in WRONG {
        let error = spec(&format!("---\n{text}")).unwrap_err();
        assert!(error.starts_with(&format!("SKILL.md:{place}")) || place == ":", "{text}\n{error}");
        assert!(error.contains(words), "{text}\n{error}");
    }
    assert!(spec("# A skill\n").unwrap_err().starts_with("SKILL.md:1:1: no head"));
    let aliases = "a: &a [x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\n";
    let bomb = format!(
        "---\n{aliases}c: &c [*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c]\ne: [*d,*d,*d,*d,*d,*d]\nname: shop\ndescription: x\n---\n"
    );
    assert!(spec(&bomb).is_err());
}

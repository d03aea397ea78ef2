//! What can be an entry.

use super::*;

#[test]
fn attributes_read_back_from_hex() {
    let value = Xattr(vec![0, 15, 255]);
    assert_eq!(String::from(value.clone()), "000fff");
    assert_eq!(Xattr::try_from("000fff".to_owned()), Ok(value));
    for bad in ["0", "0g", "FF", "0ff"] {
        assert!(Xattr::try_from(bad.to_owned()).is_err(), "{bad}");
    }
}

#[test]
fn what_the_kernel_would_not_take_or_what_hides_files_is_no_entry() {
    let with = |name: &str| Entry::Dir {
        mode: 0o755,
        opaque: false,
        xattrs: Xattrs::from([(name.to_owned(), Xattr(vec![]))]),
    };
    assert_eq!(with("user.note").fault(), None);
    for name in ["user.overlay.opaque", "trusted.overlay.opaque", "security.capability", "user.a\0"]
    {
        assert!(with(name).fault().is_some(), "{name}");
    }
    assert!(Entry::dir(0o10_755).fault().is_some());
    assert!(Entry::Symlink { target: String::new() }.fault().is_some());
    assert!(Entry::Symlink { target: "x".repeat(4096) }.fault().is_some());
}

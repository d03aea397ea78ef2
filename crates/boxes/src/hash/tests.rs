//! One name for one content.

use super::*;

#[test]
fn a_hash_reads_back_from_its_text_and_from_nothing_else() {
    let hash = BlobHash::of(b"latte");
    assert_eq!(hash.to_string().parse(), Ok(hash));
    assert_eq!(hash.to_string().len(), 64);
    let bad = ["", "abc", &hash.to_string().to_uppercase(), &hash.to_string().replace('a', "g")];
    for text in bad {
        assert_eq!(text.parse::<BlobHash>(), Err(BadHash(text.to_owned())));
    }
}

//! The choice of a host id, for every machine we know of.

use super::*;

const ALL: Extent = Extent { first: 0, count: u32::MAX };

#[test]
fn a_box_of_root_gets_a_high_id_of_its_own() {
    assert_eq!(choose(&[ALL], 1234, None), FIRST + 1234);
    assert_ne!(choose(&[ALL], 1, None), choose(&[ALL], 2, None));
}

#[test]
fn an_upper_keeps_the_id_of_the_box_that_wrote_it() {
    assert_eq!(choose(&[ALL], 9, Some(FIRST + 7)), FIRST + 7);
    assert_eq!(choose(&[ALL], 9, Some(0)), FIRST + 9, "never the host's root");
    assert_eq!(choose(&[ALL], 9, Some(1000)), FIRST + 9, "nor a person");
}

#[test]
fn in_a_container_it_is_an_id_that_exists_there_and_not_root() {
    let few = [Extent { first: 0, count: 65536 }];
    assert_eq!(choose(&few, 77, None), 65533);
    let two = [Extent { first: 0, count: 1 }, Extent { first: 1, count: 1 }];
    assert_eq!(choose(&two, 77, None), 1);
    assert_eq!(choose(&[Extent { first: 0, count: 1 }], 77, None), 0, "there is no other");
}

#[test]
fn the_kernels_map_is_read() {
    let map = "         0     100000       1000\n      1000          5          1\n";
    assert_eq!(parse(map), [Extent { first: 0, count: 1000 }, Extent { first: 1000, count: 1 }]);
}

//! What the doctor says of this level.

use greenroom_boxes::sandbox::{Launch, LevelName, doctor, open};

use crate::house::House;

#[test]
fn every_mechanism_is_proven() {
    let house = House::new();
    let launch = Launch::Program(env!("CARGO_BIN_EXE_greenroom-box-spawner").into());
    let state = house.path("probed");
    let rows = doctor(&launch, &state);
    let rows: Vec<_> = rows.iter().filter(|row| row.level == LevelName::Wasm).collect();
    for mechanism in ["component", "time", "memory", "trap", "fuel", "network", "freeze"] {
        let row = rows.iter().find(|row| row.mechanism == mechanism).expect(mechanism);
        assert!(row.ok, "{row:?}");
    }
    assert_eq!(
        open(LevelName::Wasm, &launch, &state).expect("it is there").name(),
        LevelName::Wasm
    );
}

//! The spawner as a program of its own, for users whose `main` is not theirs to change
//! (tests, scripts) and for whoever wants the smallest process beside the boxes.

fn main() {
    greenroom_boxes::sandbox::spawner_main();
    eprintln!("greenroom-box-spawner is started by Greenroom and has nothing to do by hand");
    std::process::exit(2);
}

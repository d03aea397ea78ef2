//! The first process of a box of the level `microvm`. Linked statically, it is all that a guest
//! needs beside its layers.

fn main() -> std::io::Result<()> {
    greenroom_boxes::microvm::guest_main()
}

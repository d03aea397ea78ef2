//! Boxes of the level `wasm`, through the public face. `./dev test-levels` runs them: wasmtime
//! takes minutes to build.

#![expect(clippy::expect_used, reason = "what a test expects and does not find fails it")]
mod doctor;
mod exec;
mod files;
mod house;
mod life;
mod limits;
mod program;

//! Components for tests: some lines of text each, made with the adapter that turns calls of
//! WASI 0.1 into those of 0.2. No compiler for WebAssembly is needed.

use std::fmt::Write as _;

use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_COMMAND_ADAPTER,
};
use wit_component::ComponentEncoder;

/// What every program has: raw calls, and words over them. Memory from 1024 on is free.
const PRELUDE: &str = r#"
(import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
(import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
(import "wasi_snapshot_preview1" "path_open"
  (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
(import "wasi_snapshot_preview1" "path_symlink"
  (func $path_symlink (param i32 i32 i32 i32 i32) (result i32)))
(import "wasi_snapshot_preview1" "path_link"
  (func $path_link (param i32 i32 i32 i32 i32 i32 i32) (result i32)))
(import "wasi_snapshot_preview1" "path_rename"
  (func $path_rename (param i32 i32 i32 i32 i32 i32) (result i32)))
(import "wasi_snapshot_preview1" "path_unlink_file"
  (func $path_unlink_file (param i32 i32 i32) (result i32)))
(import "wasi_snapshot_preview1" "path_remove_directory"
  (func $path_remove_directory (param i32 i32 i32) (result i32)))
(import "wasi_snapshot_preview1" "environ_sizes_get"
  (func $environ_sizes_get (param i32 i32) (result i32)))
(import "wasi_snapshot_preview1" "environ_get" (func $environ_get (param i32 i32) (result i32)))
(import "wasi_snapshot_preview1" "args_sizes_get"
  (func $args_sizes_get (param i32 i32) (result i32)))
(import "wasi_snapshot_preview1" "args_get" (func $args_get (param i32 i32) (result i32)))
(import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
(memory (export "memory") 2)
(func $write (param $fd i32) (param $at i32) (param $len i32)
  (loop $more
    (i32.store (i32.const 0) (local.get $at))
    (i32.store (i32.const 4) (local.get $len))
    (call $must (call $fd_write (local.get $fd) (i32.const 0) (i32.const 1) (i32.const 8)))
    (local.set $at (i32.add (local.get $at) (i32.load (i32.const 8))))
    (local.set $len (i32.sub (local.get $len) (i32.load (i32.const 8))))
    (br_if $more (local.get $len))))
(func $read (param $fd i32) (result i32)
  (i32.store (i32.const 0) (i32.const 65536))
  (i32.store (i32.const 4) (i32.const 4096))
  (call $must (call $fd_read (local.get $fd) (i32.const 0) (i32.const 1) (i32.const 8)))
  (i32.load (i32.const 8)))
(func $copy (param $from i32) (param $to i32) (local $len i32)
  (loop $more
    (local.set $len (call $read (local.get $from)))
    (if (local.get $len)
      (then (call $write (local.get $to) (i32.const 65536) (local.get $len)) (br $more)))))
(func $must (param $errno i32)
  (if (local.get $errno) (then
    (i32.store8 (i32.const 906)
      (i32.add (i32.const 48) (i32.div_u (local.get $errno) (i32.const 10))))
    (i32.store8 (i32.const 907)
      (i32.add (i32.const 48) (i32.rem_u (local.get $errno) (i32.const 10))))
    (i32.store (i32.const 0) (i32.const 900))
    (i32.store (i32.const 4) (i32.const 8))
    (drop (call $fd_write (i32.const 2) (i32.const 0) (i32.const 1) (i32.const 8)))
    (call $proc_exit (i32.const 1)))))
(data (i32.const 900) "errno 00")
(func $open (param $fd i32) (param $at i32) (param $len i32) (param $flags i32) (param $rights i64)
  (result i32)
  (call $must (call $path_open (local.get $fd) (i32.const 1) (local.get $at) (local.get $len)
    (local.get $flags) (local.get $rights) (i64.const 0) (i32.const 0) (i32.const 12)))
  (i32.load (i32.const 12)))
"#;

/// The first directory that a program is given is the root; binds follow.
pub const ROOT: i32 = 3;
pub const BIND: i32 = 4;

/// A program. A call that fails ends it with the number of the error on standard error. Its
/// code is 0 or 1: that is what WASI 0.2 has.
#[derive(Default)]
pub struct Program {
    data: String,
    body: String,
    end: usize,
}

impl Program {
    pub fn new() -> Self {
        Self { end: 1024, ..Self::default() }
    }

    /// Puts the text into memory: its address and length, as arguments.
    fn text(&mut self, text: &str) -> String {
        let at = self.end;
        let escaped: String = text.bytes().map(|byte| format!("\\{byte:02x}")).collect();
        let _ = writeln!(self.data, "(data (i32.const {at}) \"{escaped}\")");
        self.end += text.len();
        format!("(i32.const {at}) (i32.const {})", text.len())
    }

    pub fn code(mut self, code: &str) -> Self {
        self.body.push_str(code);
        self
    }

    pub fn say(mut self, fd: i32, text: &str) -> Self {
        let text = self.text(text);
        self.code(&format!("(call $write (i32.const {fd}) {text})"))
    }

    pub fn exit(self, code: i32) -> Self {
        self.code(&format!("(call $proc_exit (i32.const {code}))"))
    }

    /// Writes the file's content to standard output.
    pub fn cat(mut self, dir: i32, path: &str) -> Self {
        let path = self.text(path);
        let open = format!("(call $open (i32.const {dir}) {path} (i32.const 0) (i64.const 2))");
        self.code(&format!("(call $copy {open} (i32.const 1))"))
    }

    /// Opens the file so many times, and closes none.
    pub fn open_often(mut self, times: usize, path: &str) -> Self {
        let path = self.text(path);
        let open =
            format!("(drop (call $open (i32.const {ROOT}) {path} (i32.const 0) (i64.const 2)))");
        self.code(&open.repeat(times))
    }

    /// Makes a file, or a longer one of it.
    pub fn put(mut self, dir: i32, path: &str, text: &str) -> Self {
        let (path, text) = (self.text(path), self.text(text));
        let open = format!("(call $open (i32.const {dir}) {path} (i32.const 1) (i64.const 64))");
        self.code(&format!("(call $write {open} {text})"))
    }

    pub fn symlink(mut self, target: &str, path: &str) -> Self {
        let (target, path) = (self.text(target), self.text(path));
        self.code(&format!("(call $must (call $path_symlink {target} (i32.const {ROOT}) {path}))"))
    }

    pub fn hard_link(mut self, dir: i32, from: &str, to: &str) -> Self {
        let (from, to) = (self.text(from), self.text(to));
        self.code(&format!(
            "(call $must (call $path_link (i32.const {dir}) (i32.const 0) {from} \
             (i32.const {ROOT}) {to}))"
        ))
    }

    pub fn rename(mut self, from: &str, to: &str) -> Self {
        let (from, to) = (self.text(from), self.text(to));
        let root = format!("(i32.const {ROOT})");
        self.code(&format!("(call $must (call $path_rename {root} {from} {root} {to}))"))
    }

    pub fn remove(mut self, dir: i32, path: &str) -> Self {
        let path = self.text(path);
        self.code(&format!("(call $must (call $path_unlink_file (i32.const {dir}) {path}))"))
    }

    pub fn remove_folder(mut self, path: &str) -> Self {
        let path = self.text(path);
        self.code(&format!("(call $must (call $path_remove_directory (i32.const {ROOT}) {path}))"))
    }

    /// Writes its arguments or environment, as they lie in memory, to standard output.
    pub fn words(self, which: &str) -> Self {
        self.code(&format!(
            "(call $must (call ${which}_sizes_get (i32.const 16) (i32.const 20)))
             (call $must (call ${which}_get (i32.const 32768) (i32.const 40000)))
             (if (i32.load (i32.const 20)) (then
               (call $write (i32.const 1) (i32.const 40000) (i32.load (i32.const 20)))))"
        ))
    }

    /// The module that the component is made of.
    pub fn module(&self) -> Vec<u8> {
        let (data, body) = (&self.data, &self.body);
        let text = format!("(module {PRELUDE} {data} (func (export \"_start\") {body}))");
        wat::parse_str(&text).expect("the text of a module")
    }

    pub fn component(&self) -> Vec<u8> {
        let adapter = WASI_SNAPSHOT_PREVIEW1_COMMAND_ADAPTER;
        let module = self.module();
        let mut encoder = ComponentEncoder::default();
        encoder.module(&module).expect("a module");
        encoder.adapter(WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, adapter).expect("the adapter fits");
        encoder.encode().expect("a component")
    }
}

//! Any text as `box.toml` and as `SKILL.md`: a spec, or an error at a place that the text has.
#![no_main]

use greenroom_boxes::Error;
use greenroom_boxes::spec::{BoxSpec, SKILL_FILE, SPEC_FILE, SpecError};
use libfuzzer_sys::fuzz_target;
use std::path::Path;

fn is_there(error: &SpecError, text: &str) {
    // One behind the last line or character is where something is missing.
    let line = text.split('\n').nth(error.line - 1).unwrap_or("");
    assert!(error.line <= text.matches('\n').count() + 2, "{error}");
    assert!(error.column <= line.chars().count() + 2, "{error}");
    assert!(!error.message.is_empty(), "{error}");
}

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Err(error) = BoxSpec::parse(text, Path::new(SPEC_FILE)) {
        is_there(&error, text);
    }
    let dir = tempfile::tempdir().expect("a folder");
    let folder = dir.path().join("skill");
    std::fs::create_dir(&folder).expect("a folder");
    for (skill, spec) in [(text, None), ("---\nname: skill\ndescription: x\n---\n", Some(text))] {
        std::fs::write(folder.join(SKILL_FILE), skill).expect("written");
        if let Some(spec) = spec {
            std::fs::write(folder.join(SPEC_FILE), spec).expect("written");
        }
        if let Err(Error::Spec(error)) = BoxSpec::read(&folder) {
            is_there(&error, text);
        }
    }
});

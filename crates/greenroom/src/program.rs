//! What the running binary is called, for help and hints.

/// The file name it was started by.
pub fn name() -> String {
    let path = std::env::args_os().next().unwrap_or_default();
    let name =
        std::path::Path::new(&path).file_name().map(|name| name.to_string_lossy().into_owned());
    name.unwrap_or_else(|| "greenroom".to_owned())
}

/// Hints of the node name `greenroom`; a user's own binary has another name.
pub fn in_its_name(text: &str) -> String {
    text.replace("`greenroom ", &format!("`{} ", name()))
}

//! Names of tools as lists of them have it: `Read`, `mcp__git__*`. Pure.

#[cfg(test)]
mod tests;

/// A name, or several by `*`. `mcp__git` stands for all tools of that MCP server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(String);

impl Pattern {
    /// A pattern. Errors: what it cannot be, in words.
    pub fn new(text: &str) -> Result<Pattern, String> {
        let text = text.trim();
        if text.is_empty() {
            return Err("a tool's name is empty".to_owned());
        }
        let is_known = |c: char| c.is_ascii_alphanumeric() || "_-*".contains(c);
        match text.chars().find(|c| !is_known(*c)) {
            None => Ok(Pattern(text.to_owned())),
            Some('(') => Err(format!(
                "`{text}`: rules in brackets stand in `tools` only; name the tool alone, or give \
                 it an approval for what it may not do by itself"
            )),
            Some(wrong) => Err(format!(
                "`{text}`: `{wrong}` is in no tool's name; expected letters, digits, `_`, `-`, \
                 and `*` for any of them"
            )),
        }
    }

    /// Whether it is this tool's name.
    pub fn is_met_by(&self, name: &str) -> bool {
        let is_server = self.0.starts_with("mcp__") && self.0.matches("__").count() == 1;
        let of_server = || name.strip_prefix(&self.0).is_some_and(|rest| rest.starts_with("__"));
        is_met(self.0.as_bytes(), name.as_bytes()) || (is_server && of_server())
    }

    /// Whether it may be the name of some tool whose name begins so.
    pub fn may_begin_with(&self, prefix: &str) -> bool {
        let plain = self.0.split('*').next().unwrap_or_default();
        let is_open = plain.len() < self.0.len();
        plain.starts_with(prefix)
            || (is_open && prefix.starts_with(plain))
            || self.is_met_by(&format!("{prefix}x"))
    }

    /// Whether it is the name of every tool whose name begins so.
    pub fn is_all_below(&self, prefix: &str) -> bool {
        let is_open = self.0.ends_with('*') && is_met(self.0.as_bytes(), prefix.as_bytes());
        is_open || prefix.strip_suffix("__").is_some_and(|server| server == self.0)
    }

    /// It as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// `*` stands for any run of characters. Linear but for going back to the last `*`.
pub(crate) fn is_met(pattern: &[u8], name: &[u8]) -> bool {
    let (mut p, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        if pattern.get(p) == Some(&b'*') {
            star = Some((p, n));
            p += 1;
        } else if pattern.get(p) == Some(&name[n]) {
            (p, n) = (p + 1, n + 1);
        } else if let Some((at, taken)) = star {
            star = Some((at, taken + 1));
            (p, n) = (at + 1, taken + 1);
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|c| *c == b'*')
}

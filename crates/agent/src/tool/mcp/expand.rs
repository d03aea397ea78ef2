//! `${NAME}` and `${NAME:-default}` in a server's configuration. Pure but for what it
//! is given to look names up with.

#[cfg(test)]
mod tests;

/// Where values come from: the node's environment, or what a test says.
pub type Lookup = dyn Fn(&str) -> Option<String> + Send + Sync;

/// Puts values in. Errors: in words that hold names, never values.
pub fn expand(text: &str, lookup: &Lookup) -> Result<String, String> {
    let (mut expanded, mut rest) = (String::with_capacity(text.len()), text);
    while let Some((before, after)) = rest.split_once("${") {
        expanded.push_str(before);
        let Some((inside, after)) = after.split_once('}') else {
            return Err("`${` without its `}`".to_owned());
        };
        rest = after;
        let (name, default) = match inside.split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (inside, None),
        };
        let is_name = |name: &str| {
            name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
                && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        };
        if !is_name(name) {
            return Err("`${…}` needs a variable's name: expected `${NAME}` or `${NAME:-default}`"
                .to_owned());
        }
        // As in a shell, `:-` also stands in for an empty value.
        let value = lookup(name).filter(|value| default.is_none() || !value.is_empty());
        match (value, default) {
            (Some(value), _) => expanded.push_str(&value),
            (None, Some(default)) => expanded.push_str(default),
            (None, None) => {
                return Err(format!(
                    "neither the environment nor the secret store has `{name}`; set it, run `greenroom secret set {name}`, or write `${{{name}:-default}}`"
                ));
            }
        }
    }
    expanded.push_str(rest);
    Ok(expanded)
}

//! Where a field stands in the head of a file. Of YAML it knows as much as people write
//! there: a key on a line of its own, or several in braces. Pure.

#[cfg(test)]
mod tests;

/// The line, from 1, of the field with this path: of as much of it as is found.
pub(super) fn line_of(text: &str, path: &[&str]) -> usize {
    let lines: Vec<&str> = text.lines().collect();
    let (mut line, mut from) = (0, 0);
    let mut end =
        lines.iter().skip(1).position(|line| line.trim_end() == "---").map_or(0, |at| at + 1);
    for (depth, key) in path.iter().enumerate() {
        let block = lines.get(line..end).unwrap_or_default();
        let found = block.iter().enumerate().find_map(|(at, text)| {
            let (skipped, is_top) = (if at == 0 { from } else { 0 }, depth == 0);
            let place = after_key(text.get(skipped..)?, key, is_top)?;
            Some((line + at, skipped + place))
        });
        let Some((at, after)) = found else { break };
        (line, from) = (at, after);
        // What belongs to it is on its line, or stands further in below it.
        let indent = |text: &str| text.len() - text.trim_start().len();
        let own = lines.get(line).copied().map_or(0, indent);
        let rest = lines.get(line + 1..end).unwrap_or_default();
        let inside = |text: &&str| text.trim().is_empty() || indent(text) > own;
        end = line + 1 + rest.iter().take_while(|text| inside(text)).count();
    }
    line + 1
}

/// The line, from 1, of an entry of a field that is a list; the field's, if it is not found.
pub(super) fn line_of_entry(text: &str, field: &str, entry: &str) -> usize {
    let field = line_of(text, &[field]);
    let after = text.lines().enumerate().skip(field - 1);
    let mut found = after.filter(|(_, line)| line.contains(entry)).map(|(before, _)| before + 1);
    found.next().unwrap_or(field)
}

/// Where it goes on behind `key:` in a line; `at_begin`: which begins with it.
fn after_key(text: &str, key: &str, at_begin: bool) -> Option<usize> {
    let is_key = |(at, _): &(usize, &str)| {
        let before = text[..*at].trim_end_matches(['"', '\'']);
        let after = text[at + key.len()..].trim_start_matches(['"', '\'']).trim_start();
        let begins = match at_begin {
            true => before.is_empty(),
            false => before.ends_with([' ', '\t', '{', ',']) || before.is_empty(),
        };
        !key.is_empty() && begins && after.starts_with(':')
    };
    text.match_indices(key).find(is_key).map(|(at, _)| at + key.len())
}

//! Topics and patterns of topics, as NATS writes them: segments between dots,
//! `*` for any one segment, `>` at the end for one or more. Pure.

/// The longest topic or pattern, in bytes.
const TEXT_MAX_BYTES: usize = 200;
/// How many segments a published topic or a pattern has at most: the patterns
/// that could match a topic are looked up one by one, and they double with each
/// segment.
pub const SEGMENTS_MAX: usize = 8;

/// Whether something can be published under it.
///
/// # Errors
/// What is wrong with it.
pub fn check_topic(topic: &str) -> Result<(), String> {
    check(topic)?;
    match topic.split('.').any(|segment| segment.contains(['*', '>'])) {
        true => Err(format!("`{topic}` has a wildcard; only a subscription may")),
        false => Ok(()),
    }
}

/// Whether it can be subscribed to.
///
/// # Errors
/// What is wrong with it.
pub fn check_pattern(pattern: &str) -> Result<(), String> {
    check(pattern)?;
    let last = pattern.split('.').count() - 1;
    for (place, segment) in pattern.split('.').enumerate() {
        let wild = segment.contains(['*', '>']);
        if wild && segment.len() > 1 {
            return Err(format!("in `{pattern}` a wildcard must be a segment of its own"));
        }
        if segment == ">" && place != last {
            return Err(format!("in `{pattern}` the wildcard `>` must be the last segment"));
        }
    }
    Ok(())
}

fn check(text: &str) -> Result<(), String> {
    if text.is_empty() || text.len() > TEXT_MAX_BYTES {
        return Err(format!("a topic has 1 to {TEXT_MAX_BYTES} bytes"));
    }
    if text.split('.').any(str::is_empty) {
        return Err(format!("`{text}` has an empty segment between its dots"));
    }
    if text.split('.').count() > SEGMENTS_MAX {
        return Err(format!("`{text}` has more than {SEGMENTS_MAX} segments"));
    }
    if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(format!("`{}` has white space in it", text.escape_debug()));
    }
    Ok(())
}

/// Every pattern that matches this topic, itself first: what a publish looks
/// up. At most `2 ^ (segments + 1)`.
pub fn patterns(topic: &str) -> Vec<String> {
    let mut whole = vec![String::new()];
    let mut all = Vec::new();
    for segment in topic.split('.').take(SEGMENTS_MAX) {
        let dot = |head: &str, tail: &str| match head {
            "" => tail.to_owned(),
            head => format!("{head}.{tail}"),
        };
        all.extend(whole.iter().map(|head| dot(head, ">")));
        whole = whole.iter().flat_map(|head| [dot(head, segment), dot(head, "*")]).collect();
    }
    whole.extend(all);
    whole
}

/// Whether a pattern matches a topic.
pub fn matches(pattern: &str, topic: &str) -> bool {
    let (mut wanted, mut segments) = (pattern.split('.'), topic.split('.'));
    loop {
        match (wanted.next(), segments.next()) {
            (Some(">"), Some(_)) | (None, None) => return true,
            (Some("*"), Some(_)) => {}
            (Some(pattern), Some(segment)) if pattern == segment => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn patterns_match_as_in_nats() {
        for (pattern, topic, wanted) in [
            ("orders.1.created", "orders.1.created", true),
            ("orders.*.created", "orders.1.created", true),
            ("orders.*.created", "orders.created", false),
            ("orders.*", "orders.1.created", false),
            ("orders.>", "orders.1.created", true),
            ("orders.>", "orders", false),
            (">", "orders", true),
            ("*.>", "orders", false),
        ] {
            assert_eq!(matches(pattern, topic), wanted, "{pattern} {topic}");
            assert_eq!(patterns(topic).contains(&pattern.to_owned()), wanted, "{pattern} {topic}");
        }
    }

    #[test]
    fn odd_ones_are_refused() {
        for topic in ["", "a..b", ".a", "a b", "a.*", ">", "a.b.c.d.e.f.g.h.i"] {
            assert!(check_topic(topic).is_err(), "{topic}");
        }
        for pattern in ["", "a.>.b", "a*", "a.b>", "a..b"] {
            assert!(check_pattern(pattern).is_err(), "{pattern}");
        }
        assert!(check_topic("orders.1.created").is_ok() && check_pattern("*.b.>").is_ok());
    }

    proptest! {
        #[test]
        fn what_is_looked_up_is_what_matches(
            topic in "[ab](\\.[ab]){0,3}",
            pattern in "([ab*](\\.[ab*]){0,3}(\\.>)?|>)",
        ) {
            let found = patterns(&topic).contains(&pattern);
            prop_assert_eq!(found, matches(&pattern, &topic));
        }
    }
}

//! Takes the excepted findings out, and keeps the list of exceptions short and true.

#[cfg(test)]
mod tests;

use super::finding::Finding;
use super::workspace::Workspace;

const LIST: &str = "xtask/tidy.exceptions";

/// The list may only shrink: lower this with every exception removed, never raise it.
const EXCEPTIONS_MAX: usize = 0;

struct Exception<'list> {
    line: usize,
    check: &'list str,
    path: &'list str,
}

/// What stays of the findings, and what is wrong with the list itself.
pub fn apply(workspace: &Workspace, findings: Vec<Finding>) -> Vec<Finding> {
    apply_list(&list(workspace), EXCEPTIONS_MAX, findings)
}

fn apply_list(list: &[Exception<'_>], max: usize, findings: Vec<Finding>) -> Vec<Finding> {
    let covers = |exception: &Exception<'_>, finding: &Finding| {
        exception.check == finding.check && exception.path == finding.path
    };
    let unneeded =
        list.iter().filter(|exception| !findings.iter().any(|finding| covers(exception, finding)));
    let message = "exception no longer needed: the list may only shrink; remove the line";
    let mut wrong: Vec<_> = unneeded
        .map(|exception| Finding::new("exceptions", LIST, exception.line, message.to_owned()))
        .collect();
    if list.len() > max {
        let message = format!(
            "{} exceptions, over {max}: the list may only shrink; repair the code instead",
            list.len()
        );
        wrong.push(Finding::new("exceptions", LIST, 1, message));
    }
    let kept = findings
        .into_iter()
        .filter(|finding| !list.iter().any(|exception| covers(exception, finding)));
    wrong.extend(kept);
    wrong
}

fn list(workspace: &Workspace) -> Vec<Exception<'_>> {
    let text = workspace.file(LIST).map_or("", |file| file.text.as_str());
    let lines = text.lines().enumerate();
    let exceptions = lines.filter_map(|(index, line)| {
        let mut words = line.split('#').next()?.split_whitespace();
        let (check, path) = (words.next()?, words.next().unwrap_or(""));
        Some(Exception { line: index + 1, check, path })
    });
    exceptions.collect()
}

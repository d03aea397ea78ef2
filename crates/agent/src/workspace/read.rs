//! What git prints, read. Pure.

#[cfg(test)]
mod tests;

/// A file that differs between two trees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Its new mode.
    pub mode: String,
    /// Its new content's name.
    pub content: String,
    /// `A`dded, `M`odified, `D`eleted, of another `T`ype.
    pub status: char,
    /// Its path from the top of the repository.
    pub path: Vec<u8>,
}

impl Change {
    /// Its path, to be shown.
    pub fn shown(&self) -> String {
        String::from_utf8_lossy(&self.path).into_owned()
    }
}

/// `diff-tree -r -z --raw --no-renames`.
pub fn changes(raw: &[u8]) -> Vec<Change> {
    let mut parts = raw.split(|byte| *byte == 0);
    let mut changes = Vec::new();
    while let (Some(head), Some(path)) = (parts.next(), parts.next()) {
        let head = String::from_utf8_lossy(head);
        let fields: Vec<&str> = head.trim_start_matches(':').split(' ').collect();
        let [_, mode, _, content, status] = fields.as_slice() else { continue };
        let status = status.chars().next().unwrap_or('M');
        let (mode, content) = ((*mode).to_owned(), (*content).to_owned());
        changes.push(Change { mode, content, status, path: path.to_vec() });
    }
    changes
}

/// `status --porcelain=v1 -z --no-renames`: the paths.
pub fn dirty(raw: &[u8]) -> Vec<Vec<u8>> {
    let lines = raw.split(|byte| *byte == 0);
    lines.filter_map(|line| line.get(3..)).map(<[u8]>::to_vec).collect()
}

/// `diff --numstat -z --no-renames`: files, insertions, deletions. Of a binary file no
/// lines are counted.
pub fn numbers(raw: &[u8]) -> (u64, u64, u64) {
    let text = String::from_utf8_lossy(raw);
    let mut sum = (0, 0, 0);
    for line in text.split('\0').filter(|line| !line.is_empty()) {
        let mut fields = line.splitn(3, '\t');
        let mut next = || fields.next().and_then(|field| field.parse::<u64>().ok()).unwrap_or(0);
        sum = (sum.0 + 1, sum.1 + next(), sum.2 + next());
    }
    sum
}

/// `merge-tree --write-tree -z --name-only --no-messages`: the tree, and the paths in
/// conflict.
pub fn merged(raw: &[u8]) -> (String, Vec<String>) {
    let text = String::from_utf8_lossy(raw);
    let mut parts = text.split('\0').map(|part| part.trim_end_matches('\n'));
    let tree = parts.next().unwrap_or_default().to_owned();
    let mut paths: Vec<String> =
        parts.take_while(|part| !part.is_empty()).map(str::to_owned).collect();
    paths.dedup();
    (tree, paths)
}

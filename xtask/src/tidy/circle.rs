//! No import circle between the files of one crate.
//!
//! An edge goes from a file to the file that owns a name it uses. A `pub use` is no
//! edge: a `mod.rs` that lists and re-exports its modules depends on none of them.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};

use super::finding::Finding;
use super::module_tree::ModuleTree;
use super::workspace::{Package, Workspace};

/// For each file, the files it uses and the line of the first use.
type Edges<'files> = BTreeMap<&'files str, BTreeMap<&'files str, usize>>;

pub fn check(workspace: &Workspace) -> Vec<Finding> {
    workspace.packages.iter().flat_map(|package| check_package(workspace, package)).collect()
}

fn check_package(workspace: &Workspace, package: &Package) -> Vec<Finding> {
    let tree = ModuleTree::new(workspace, package);
    let edges = edges(&tree);
    circles(&edges).iter().filter_map(|circle| finding(package, &edges, circle)).collect()
}

fn finding(package: &Package, edges: &Edges<'_>, circle: &[&str]) -> Option<Finding> {
    let (first, second) = (circle.first()?, circle.get(1)?);
    let line = edges.get(first)?.get(second)?;
    let folder = format!("{}/src/", package.dir);
    let names: Vec<_> = circle.iter().map(|path| path.trim_start_matches(&folder)).collect();
    let message = format!(
        "import circle {}: none of these files can be read or changed alone; \
         move what two of them share into a file below both",
        names.join(" -> ")
    );
    Some(Finding::new("circle", first, *line, message))
}

fn edges<'files>(tree: &ModuleTree<'files>) -> Edges<'files> {
    let mut edges = Edges::new();
    for (from, module) in &tree.modules {
        for path in module.paths.iter().filter(|path| !path.reexport) {
            let target = tree.resolve(from, path).and_then(|target| tree.modules.get(&target));
            let Some(target) = target.map(|target| target.file.path.as_str()) else {
                continue;
            };
            let source = module.file.path.as_str();
            if target != source {
                let line = module.file.line_at(path.position);
                edges.entry(source).or_default().entry(target).or_insert(line);
            }
        }
    }
    edges
}

/// A shortest circle for each file that is on one, but none for files already named.
fn circles<'files>(edges: &Edges<'files>) -> Vec<Vec<&'files str>> {
    let mut found: Vec<Vec<&str>> = Vec::new();
    for start in edges.keys() {
        if found.iter().any(|circle| circle.contains(start)) {
            continue;
        }
        found.extend(shortest_circle(edges, start));
    }
    found
}

/// Breadth first from `start` until it meets `start` again.
fn shortest_circle<'files>(edges: &Edges<'files>, start: &'files str) -> Option<Vec<&'files str>> {
    let mut came_from = BTreeMap::new();
    let mut queue = VecDeque::from([start]);
    while let Some(at) = queue.pop_front() {
        for next in edges.get(at).into_iter().flat_map(BTreeMap::keys) {
            if *next == start {
                return Some(trail(&came_from, start, at));
            }
            if !came_from.contains_key(next) {
                came_from.insert(*next, at);
                queue.push_back(next);
            }
        }
    }
    None
}

/// The way from `start` to `last`, closed by `start`.
fn trail<'files>(
    came_from: &BTreeMap<&str, &'files str>,
    start: &'files str,
    last: &'files str,
) -> Vec<&'files str> {
    let mut trail = vec![start];
    let mut at = last;
    while at != start {
        trail.push(at);
        at = came_from.get(at).copied().unwrap_or(start);
    }
    trail.push(start);
    trail.reverse();
    trail
}

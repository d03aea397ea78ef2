//! Files and folders alike; parts of a name are no matter.

use super::*;
use crate::tidy::workspace::File;

#[test]
fn empty_names_are_found() {
    let paths = ["src/utils.rs", "src/common/a.rs", "a/manager.py", "src/common_cause.rs"];
    let files = paths.map(|path| File::new(path, String::new()));
    let workspace = Workspace { files: files.into(), ..Workspace::default() };
    let found = check(&workspace);
    let found: Vec<_> = found.iter().map(|found| found.path.as_str()).collect();
    assert_eq!(found, ["src/utils.rs", "src/common/a.rs", "a/manager.py"]);
}

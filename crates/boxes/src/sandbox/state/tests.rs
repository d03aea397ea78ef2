//! Whatever a box has made of its folder, it goes.

use super::*;

#[test]
fn names_that_a_removal_uses_itself_go_too() {
    let dir = tempfile::tempdir().unwrap();
    let top = dir.path().join("upper");
    for number in 0..40 {
        let folder = top.join(format!("to-remove-{number}/in/{number}/to-remove-1"));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("x"), "x").unwrap();
        fs::write(top.join(format!("to-remove-{number}/in/to-remove-0")), "x").unwrap();
    }
    fs::write(top.join("to-remove-40"), "a file").unwrap();
    fs::create_dir_all(top.join("closed/inner")).unwrap();
    fs::set_permissions(top.join("closed/inner"), fs::Permissions::from_mode(0o0)).unwrap();
    fs::set_permissions(top.join("closed"), fs::Permissions::from_mode(0o0)).unwrap();
    remove_tree(&top).unwrap();
    assert!(!top.exists());
    remove_tree(&top).unwrap();
}

/// Numbers of processes are used again, and anybody could write such a file.
#[test]
fn only_what_is_a_spawners_own_is_emptied() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("spawner-7");
    fs::create_dir(&state).unwrap();
    let names = ["greenroom-7-00ff", "greenroom-7", "greenroom-8-00ff", "elsewhere"];
    let roots = names.map(|name| dir.path().join(name));
    let list: Vec<String> = roots.iter().map(|root| root.display().to_string()).collect();
    let list = |of: &str| format!("{of}\n{}", list.join("\n"));
    fs::write(state.join("cgroups"), list(&identity(&state).unwrap())).unwrap();
    for root in &roots {
        fs::create_dir_all(root.join("box-1")).unwrap();
    }
    // A copy's lock says nothing of who has the first one.
    let copy = dir.path().join("copy/spawner-7");
    fs::create_dir_all(&copy).unwrap();
    fs::copy(state.join("cgroups"), copy.join("cgroups")).unwrap();
    clear(&copy).unwrap();
    assert!(!copy.exists() && !roots[0].join("box-1/cgroup.kill").exists());
    clear(&state).unwrap();
    let killed = roots.map(|root| root.join("box-1/cgroup.kill").exists());
    assert_eq!(killed, [true, false, false, false]);
    assert!(!state.exists());
}

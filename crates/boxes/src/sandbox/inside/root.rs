//! Builds the box's root: layers under an overlay, binds, and nothing of the host's tree after.
//!
//! Everything that is taken from the host is taken first, as detached mounts. Then a small file
//! system in memory hides the host's `/tmp` in this namespace, the pieces are put together on it,
//! the result becomes `/`, and the host's tree is let go.

use std::os::fd::OwnedFd;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags, fstat, mkdirat, openat, openat2};
use rustix::mount::{
    MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_change, unmount,
};

use super::super::detached::{Detach, attach, attach_here, detach};
use super::super::spec::{Bind, Listen, SandboxSpec, Upper};
use super::super::wire::{Failure, Go};
use super::devices;

/// Any directory that every system has; only this namespace sees it covered.
const STAGE: &str = "/tmp";
const SAFE: MountFlags = MountFlags::NOSUID.union(MountFlags::NODEV);

struct Pieces {
    lower: Vec<OwnedFd>,
    upper: Option<OwnedFd>,
    binds: Vec<OwnedFd>,
}

/// Makes the root and enters it.
pub fn build(go: &Go, mounts: Vec<OwnedFd>) -> Result<(), Failure> {
    let spec = &go.spec;
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)
        .map_err(Failure::at("make mounts private"))?;
    let pieces = if go.mounts { sort(go, mounts) } else { take(go)? };
    mount("stage", STAGE, "tmpfs", SAFE, Some(c"mode=700"))
        .map_err(Failure::at("mount the stage"))?;
    rustix::process::chdir(STAGE).map_err(Failure::at("enter the stage"))?;
    overlay(spec, &pieces)?;
    rustix::process::chdir("root").map_err(Failure::at("enter the root"))?;
    for dir in ["proc", "dev", "tmp"] {
        real(dir)?;
    }
    for (bind, tree) in spec.binds.iter().zip(&pieces.binds) {
        place(bind, tree)?;
    }
    devices::processes()?;
    devices::devices()?;
    let options = format!("mode=1777,size={},nr_inodes=65536", spec.limits.tmp_bytes);
    let options = std::ffi::CString::new(options).unwrap_or_default();
    mount("tmp", "tmp", "tmpfs", SAFE, Some(options.as_c_str()))
        .map_err(Failure::at("mount /tmp"))?;
    rustix::process::pivot_root(".", ".").map_err(Failure::at("pivot_root"))?;
    unmount(".", UnmountFlags::DETACH).map_err(Failure::at("let go of the host's tree"))?;
    rustix::process::chdir("/").map_err(Failure::at("enter /"))
}

/// The pieces that the spawner took, in the order it sends them.
fn sort(go: &Go, mut mounts: Vec<OwnedFd>) -> Pieces {
    let mut rest = mounts.split_off(go.spec.lower.len().min(mounts.len()));
    let binds = rest.split_off(usize::from(go.upper.is_some()).min(rest.len()));
    Pieces { lower: mounts, upper: rest.pop(), binds }
}

/// Takes the pieces with this process's own rights.
fn take(go: &Go) -> Result<Pieces, Failure> {
    let layer = |path: &PathBuf| {
        let how = Detach { recursive: false, read_only: true, id_map: None };
        detach(path, how).map_err(Failure::at(format!("layer `{}`", path.display())))
    };
    let bind = |bind: &Bind| {
        let how = Detach { recursive: true, read_only: !bind.writable, id_map: None };
        detach(&bind.source, how).map_err(Failure::at(format!("bind `{}`", bind.source.display())))
    };
    let upper = |path: &String| {
        let how = Detach { recursive: false, read_only: false, id_map: None };
        detach(Path::new(path), how).map_err(Failure::at(format!("upper `{path}`")))
    };
    Ok(Pieces {
        lower: go.spec.lower.iter().map(layer).collect::<Result<_, _>>()?,
        upper: go.upper.as_ref().map(upper).transpose()?,
        binds: go.spec.binds.iter().map(bind).collect::<Result<_, _>>()?,
    })
}

/// Mounts the overlay on `root`. Its lowest layer is a skeleton on the stage with the directories
/// that things are mounted on, so that making them leaves no trace in the upper directory.
fn overlay(spec: &SandboxSpec, pieces: &Pieces) -> Result<(), Failure> {
    for dir in ["root", "skeleton", "u"] {
        mkdir(dir)?;
    }
    skeleton(spec, &pieces.binds)?;
    let mut names = vec!["skeleton".to_owned()];
    for (index, layer) in pieces.lower.iter().enumerate() {
        let name = format!("l{index}");
        mkdir(&name)?;
        attach_here(layer, &name).map_err(Failure::at(format!("attach layer {index}")))?;
        names.push(name);
    }
    match (&spec.upper, &pieces.upper) {
        (Upper::Memory { bytes, inodes }, _) => memory_upper(*bytes, *inodes)?,
        (_, Some(upper)) => attach_here(upper, "u").map_err(Failure::at("attach the upper"))?,
        _ => return Err(Failure { stage: "no upper was sent".to_owned(), errno: libc::EINVAL }),
    }
    names.reverse();
    let options =
        format!("lowerdir={},upperdir=u/upper,workdir=u/work,userxattr,volatile", names.join(":"));
    let options = std::ffi::CString::new(options).unwrap_or_default();
    mount("root", "root", "overlay", SAFE, Some(options.as_c_str()))
        .map_err(Failure::at("mount the overlay"))
}

fn memory_upper(bytes: u64, inodes: u64) -> Result<(), Failure> {
    let options = format!("mode=755,size={bytes},nr_inodes={inodes}");
    let options = std::ffi::CString::new(options).unwrap_or_default();
    mount("upper", "u", "tmpfs", SAFE, Some(options.as_c_str()))
        .map_err(Failure::at("mount the upper in memory"))?;
    mkdir("u/upper")?;
    mkdir("u/work")
}

fn skeleton(spec: &SandboxSpec, binds: &[OwnedFd]) -> Result<(), Failure> {
    for dir in ["proc", "dev", "tmp"] {
        mkdir(&format!("skeleton/{dir}"))?;
    }
    for (bind, tree) in spec.binds.iter().zip(binds) {
        let mut path = PathBuf::from("skeleton");
        path.extend(names(&bind.target));
        // Of the mount, not of the path: this process may not be let to look there.
        let directory = fstat(tree)
            .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Directory);
        let parent = if directory { path.as_path() } else { path.parent().unwrap_or(&path) };
        let made = std::fs::create_dir_all(parent);
        let made = made.and_then(|()| if directory { Ok(()) } else { touch(&path) });
        made.map_err(Failure::at(format!("make `{}`", bind.target.display())))?;
    }
    for dir in spec.listen.iter().filter_map(Listen::dir) {
        let mut path = PathBuf::from("skeleton");
        path.extend(names(dir));
        std::fs::create_dir_all(&path).map_err(Failure::at(format!("make `{}`", dir.display())))?;
    }
    Ok(())
}

fn touch(path: &Path) -> std::io::Result<()> {
    std::fs::OpenOptions::new().create(true).append(true).open(path).map(drop)
}

/// Refuses layers that hold a link or a file where the box's own mounts belong: it would follow
/// the link, and what trusts `/proc` later would be looking at the layer's.
fn real(dir: &str) -> Result<(), Failure> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    openat(CWD, dir, flags, Mode::empty())
        .map(drop)
        .map_err(Failure::at(format!("the layers hold a `/{dir}` that is no directory")))
}

/// Mounts a bind on its target inside the root, whatever links the layers may hold there.
fn place(bind: &Bind, tree: &OwnedFd) -> Result<(), Failure> {
    let target = names(&bind.target).collect::<PathBuf>();
    let at = openat2(
        CWD,
        &target,
        OFlags::PATH | OFlags::CLOEXEC,
        Mode::empty(),
        ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS,
    );
    at.map_err(std::io::Error::from)
        .and_then(|at| attach(tree, at))
        .map_err(Failure::at(format!("bind on `{}`", bind.target.display())))
}

/// The plain names of a path.
fn names(path: &Path) -> impl Iterator<Item = &std::ffi::OsStr> {
    path.components().filter_map(|component| match component {
        Component::Normal(name) => Some(name),
        _ => None,
    })
}

fn mkdir(path: &str) -> Result<(), Failure> {
    let at = openat(CWD, ".", OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty());
    at.and_then(|at| mkdirat(at, path, Mode::from_raw_mode(0o755)))
        .map_err(Failure::at(format!("mkdir `{path}`")))
}

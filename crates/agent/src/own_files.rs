//! The files of a project that decide what its agents are and may do, by their names. Who
//! can change them gives himself rights. Knows no agent and no git.

#[cfg(test)]
mod tests;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// Its models.
pub const CONFIG: &str = "greenroom.toml";
/// Its agents.
pub const AGENTS: &str = "agents";
/// Its boxes, a folder each.
pub const BOXES: &str = "boxes";
/// Its skills.
pub const SKILLS: &str = "skills";
/// Its MCP servers, in the format that people have.
pub const MCP: [&str; 2] = [".mcp.json", "mcp.json"];
/// What Greenroom keeps there itself.
const KEPT: &str = ".greenroom";

/// Where these files of a project are, as paths below the top of its repository.
pub struct OwnFiles(Vec<PathBuf>);

impl OwnFiles {
    /// Those of the project in `home`, which is `prefix` below `top`. A symbolic link among
    /// them leads to one more.
    pub fn of(home: &Path, top: &Path, prefix: &Path) -> OwnFiles {
        let folders = [AGENTS, BOXES, SKILLS];
        let mut places: Vec<PathBuf> =
            [CONFIG, KEPT].iter().map(|name| prefix.join(name)).collect();
        places.extend(folders.iter().chain(&MCP).map(|name| prefix.join(name)));
        let mut links: Vec<PathBuf> =
            [CONFIG].iter().chain(&folders).chain(&MCP).map(|name| home.join(name)).collect();
        for folder in folders {
            let inside = std::fs::read_dir(home.join(folder)).into_iter().flatten().flatten();
            links.extend(inside.map(|entry| entry.path()));
        }
        links.retain(|path| path.is_symlink());
        let led_to = links.iter().filter_map(|link| link.canonicalize().ok());
        places.extend(led_to.filter_map(|path| Some(path.strip_prefix(top).ok()?.to_owned())));
        OwnFiles(places)
    }

    /// Whether this path is one of them, lies in one, or holds one. Some file systems do not
    /// tell `Agents` from `agents`.
    pub fn has(&self, path: &Path) -> bool {
        let same = |(one, other): (&OsStr, &OsStr)| one.eq_ignore_ascii_case(other);
        self.0.iter().any(|own| own.iter().zip(path.iter()).all(same))
    }
}

//! The files of a box, for the tools that work on files: asked for inside of it, so that
//! nothing of the host is ever looked at.

use super::act::{Inside, enter};
use super::handle::Boxes;
use crate::provider::ToolSpec;
use crate::root::Entry;
use crate::tool::workspace::{ENTRIES_MAX, Files, OnFiles, PASSED_OVER};
use crate::tool::{Policy, Run, Tool, schema_of};
use futures_util::FutureExt;
use greenroom_boxes::engine::{ExecRequest, Printed};
use greenroom_model::Failure;
use greenroom_runtime::Step;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

/// Puts standard input there instead of what was, whole or not at all: `$2` is beside `$1`.
const WRITE: &str = r#"if [ -d "$1" ]; then echo "it is a folder" >&2; exit 1; fi
above="${1%/*}"
[ -z "$above" ] || mkdir -p -- "$above" || exit 1
if [ -f "$1" ]; then cp -p -- "$1" "$2" || exit 1; fi
cat > "$2" && mv -f -- "$2" "$1""#;

/// What of a whole box is nobody's files.
const NOT_FILES: [&str; 3] = ["/proc", "/sys", "/dev"];

impl Files for Inside {
    fn below(&self, path: &str) -> Result<PathBuf, String> {
        let mut absolute = PathBuf::from("/");
        for component in Path::new(&self.dir).join(path).components() {
            match component {
                Component::Normal(name) => absolute.push(name),
                Component::ParentDir => drop(absolute.pop()),
                _ => {}
            }
        }
        Ok(absolute)
    }

    fn read(&self, path: &str, max: u64) -> Result<Vec<u8>, String> {
        let words = |why: String| format!("`{path}`: {why}");
        let file = self.engine.open_file(&self.name, &self.below(path)?);
        let file = file.map_err(|error| words(error.to_string()))?;
        let mut bytes = Vec::new();
        file.take(max + 1).read_to_end(&mut bytes).map_err(|error| words(error.to_string()))?;
        match u64::try_from(bytes.len()).is_ok_and(|length| length > max) {
            true => Err(format!("`{path}` is larger than {max} bytes")),
            false => Ok(bytes),
        }
    }

    fn write(&self, path: &str, bytes: &[u8]) -> Result<(), String> {
        let below = self.below(path)?;
        let (Some(name), Some(above)) = (below.file_name(), below.parent()) else {
            return Err(format!("`{path}` is the folder itself"));
        };
        let beside = above.join(format!(".{}.greenroom", name.to_string_lossy()));
        let names = [below.display().to_string(), beside.display().to_string()];
        let argv = ["sh", "-c", WRITE, "sh"].into_iter().map(str::to_owned).chain(names);
        self.said(ExecRequest::of(argv), bytes).map(drop).map_err(|why| format!("`{path}`: {why}"))
    }

    fn list(&self, path: &Path) -> io::Result<Vec<Entry>> {
        let folder = path.display().to_string();
        let request = ExecRequest::of(["ls", "-1Ap", "--", &folder]);
        let printed = self.said(request, b"").map_err(io::Error::other)?;
        let entry = |name: &str| {
            let path = path.join(name.trim_end_matches('/')).display().to_string();
            Entry { path, is_dir: name.ends_with('/') }
        };
        let mut entries: Vec<Entry> = printed.stdout.lines().map(entry).collect();
        entries.sort();
        Ok(entries)
    }

    fn walk(&self, below: &Path) -> Result<(Vec<String>, bool), String> {
        let folder = below.display().to_string();
        let mut argv: Vec<String> =
            [&folder, "-mindepth", "1", "("].into_iter().map(str::to_owned).collect();
        argv.insert(0, "find".to_owned());
        for name in PASSED_OVER {
            argv.extend(["-name", name, "-o"].map(str::to_owned));
        }
        let machine = self.image().map_err(|error| error.to_string())?.machine_dirs;
        let machine = machine.iter().map(|dir| dir.display().to_string());
        let aside = NOT_FILES.into_iter().map(str::to_owned).chain(machine);
        for dir in aside.filter(|dir| !below.starts_with(dir)) {
            argv.extend(["-path".to_owned(), dir, "-o".to_owned()]);
        }
        argv.pop();
        argv.extend([")", "-prune", "-o", "-type", "f", "-print"].map(str::to_owned));
        let printed = self.asked(ExecRequest::of(argv), b"")?;
        let cut = printed.output.is_some();
        let mut files: Vec<String> = printed.stdout.lines().map(str::to_owned).collect();
        if cut {
            // Perhaps only a part of a path.
            files.pop();
        }
        // A folder that is not ours to read is no reason to say nothing of the others.
        if files.is_empty() && !printed.is_success() {
            return Err(printed.stderr.trim().to_owned());
        }
        let more = cut || files.len() > ENTRIES_MAX;
        files.truncate(ENTRIES_MAX);
        files.sort();
        Ok((files, more))
    }
}

impl Inside {
    /// What a program of the box prints. Errors: in words, one that is not there.
    fn asked(&self, request: ExecRequest, input: &[u8]) -> Result<Printed, String> {
        let program = request.argv.first().cloned().unwrap_or_default();
        self.exec(request, input, &mut |_, _| {})
            .map_err(|error| format!("the box has to have `{program}` for this tool: {error}"))
    }

    /// The same of one that ends well.
    fn said(&self, request: ExecRequest, input: &[u8]) -> Result<Printed, String> {
        let printed = self.asked(request, input)?;
        match printed.is_success() {
            true => Ok(printed),
            false => Err(printed.stderr.trim().to_owned()),
        }
    }
}

/// Where the tools over files of a box are made.
pub(super) struct OfBox(pub Boxes);

impl OnFiles for OfBox {
    fn on_files<I, F>(&self, name: &str, description: &str, run: F) -> Tool
    where
        I: DeserializeOwned + JsonSchema + Send + 'static,
        F: Fn(&dyn Files, &Step, I) -> Result<String, String> + Send + Sync + 'static,
    {
        let (boxes, run) = (self.0.clone(), Arc::new(run));
        let run = Arc::new(move |step, placed, arguments| {
            let (boxes, run) = (boxes.clone(), run.clone());
            async move {
                let input: I = serde_json::from_value(arguments).map_err(|error| {
                    Failure::fatal(crate::tool::BAD_ARGUMENTS, error.to_string())
                })?;
                enter(&boxes, step, placed, move |inside, step| run(inside, step, input)).await
            }
            .boxed()
        });
        let (name, description) = (name.to_owned(), description.replace("workspace", "box"));
        let spec = ToolSpec { name, description, schema: schema_of::<I>() };
        Tool { spec, policy: Policy::default(), run: Run::Placed(run) }
    }
}

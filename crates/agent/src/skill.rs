//! Skills: folders with a `SKILL.md`, in the Agent Skills format. An agent is told
//! their names and what they are for, and reads one when it needs it, a file at a
//! time. Knows no model and no process but for the tool.

mod read;
#[cfg(test)]
mod tests;

pub use read::{BadSkill, FILE_MAX_BYTES, Skill};

use crate::own_files::SKILLS;
use crate::root::Root;
use crate::tool::Tool;
use greenroom_model::Failure;
use greenroom_runtime::Step;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// A failure's kind: there is no such skill, or no such file of it.
pub const NO_SKILL: &str = "no_skill";

/// The skills of a project, by name.
#[derive(Clone, Default)]
pub struct Skills {
    known: BTreeMap<String, (Skill, Root)>,
}

impl std::fmt::Debug for Skills {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.known.keys()).finish()
    }
}

impl Skills {
    /// Finds `skills/NAME/SKILL.md` in a project's folder. Without `skills/` there are
    /// none.
    ///
    /// Errors: the first file that cannot be one, with its line and what is expected.
    pub fn find(project: &Path) -> Result<Skills, BadSkill> {
        Ok(Skills { known: read::find(&project.join(SKILLS))? })
    }

    /// Only these. Errors: a name that there is not.
    pub fn only<S: AsRef<str>>(&self, names: &[S]) -> Result<Skills, Failure> {
        let one = |name: &S| {
            let (skill, root) = self.get(name.as_ref())?;
            Ok((skill.name.clone(), (skill.clone(), root.clone())))
        };
        Ok(Skills { known: names.iter().map(one).collect::<Result<_, Failure>>()? })
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Skill> {
        self.known.values().map(|(skill, _)| skill)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// What goes into a system prompt: a line for each, and how to read one. Nothing if
    /// there is none.
    pub fn prompt(&self) -> String {
        if self.is_empty() {
            return String::new();
        }
        let line = |skill: &Skill| {
            let description = skill.description.split_whitespace().collect::<Vec<_>>().join(" ");
            format!("- {}: {description}\n", skill.name)
        };
        let lines: String = self.iter().map(line).collect();
        format!(
            "You have these skills. When one fits what you are asked, read it with the tool \
             `skill` before you begin, and the files it names when you need them.\n{lines}"
        )
    }

    /// A skill's body (without `file`) or a file of its folder.
    ///
    /// Errors: `no_skill`, in words for a model: no such skill or file, a path that
    /// leaves the folder, a file over [`FILE_MAX_BYTES`] or that is no text.
    pub fn load(&self, name: &str, file: Option<&str>) -> Result<String, Failure> {
        let (skill, root) = self.get(name)?;
        let file = file.filter(|file| !file.trim().is_empty());
        let path = file.unwrap_or(read::FILE);
        let of_skill = |why: String| {
            let files = read::files(root).join("`, `");
            let words = format!("skill `{}`: {why}; its files are `{files}`", skill.name);
            Failure::fatal(NO_SKILL, words)
        };
        let bytes = root.read(path, FILE_MAX_BYTES).map_err(of_skill)?;
        let text = String::from_utf8(bytes)
            .map_err(|_| of_skill(format!("`{path}` is no text, so it cannot be shown")))?;
        if file.is_some() {
            return Ok(text);
        }
        let body = read::parse(&text).map_err(|error| of_skill(error.to_string()))?.1;
        let others: Vec<String> =
            read::files(root).into_iter().filter(|path| path != read::FILE).collect();
        let body = body.trim();
        if others.is_empty() {
            return Ok(body.to_owned());
        }
        Ok(format!("{body}\n\nFiles of this skill: `{}`", others.join("`, `")))
    }

    /// The tool `skill`: read-only, a step.
    pub fn tool(&self) -> Tool {
        let skills = Arc::new(self.clone());
        let words = "Reads a skill: its instructions, or, with `file`, a file of its folder.";
        let tool = Tool::function("skill", words, move |_: Step, wanted: Wanted| {
            let skills = skills.clone();
            async move { skills.load(&wanted.name, wanted.file.as_deref()) }
        });
        tool.read_only()
    }

    fn get(&self, name: &str) -> Result<&(Skill, Root), Failure> {
        self.known.get(name).ok_or_else(|| {
            let names: Vec<&str> = self.known.keys().map(String::as_str).collect();
            let there = match names.as_slice() {
                [] => "there is none in `skills/`".to_owned(),
                names => format!("there are `{}`", names.join("`, `")),
            };
            Failure::fatal(NO_SKILL, format!("there is no skill `{name}`; {there}"))
        })
    }
}

#[derive(Deserialize, JsonSchema)]
struct Wanted {
    /// The skill's name.
    name: String,
    /// A file of its folder, such as `references/forms.md`. Without it: its
    /// instructions.
    file: Option<String>,
}

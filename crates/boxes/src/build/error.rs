//! Why a box was not built, where its own commands are to blame.

use crate::LevelName;

/// A step of a box that did not come to its end. What was built before it stays.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// A setup command that failed. Correct it, or what it works on.
    #[error("`{name}`: setup `{command}` {how}{}", tail(output))]
    Setup {
        /// The box.
        name: String,
        /// The command.
        command: String,
        /// How it ended.
        how: String,
        /// The last lines of what it wrote.
        output: Vec<String>,
    },
    /// A box that asks for other walls than the ones its setup would run in.
    #[error(
        "`{name}` is for the level `{wants}`, and its setup would run in `{has}`; build it with a \
         level that is as hard"
    )]
    Level {
        /// The box.
        name: String,
        /// What it asks for.
        wants: LevelName,
        /// What there is.
        has: LevelName,
    },
}

fn tail(output: &[String]) -> String {
    match output.is_empty() {
        true => "; it wrote nothing".to_owned(),
        false => format!("; the end of what it wrote:\n  {}", output.join("\n  ")),
    }
}

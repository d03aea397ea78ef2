//! What this program must know of its command line before Greenroom reads it:
//! the command, the directory, and an option of its own. Knows no meaning.

#[cfg(test)]
mod tests;

use anyhow::Context;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// Options with a value that may stand before the command.
const VALUED: &[&str] = &["--dir", "--store", "--orders"];

/// The words after the program's name.
pub struct CommandLine {
    program: String,
    words: Vec<String>,
}

impl CommandLine {
    /// The command line this process was started with.
    pub fn of_this_process() -> CommandLine {
        let mut words = std::env::args_os().map(|word| word.to_string_lossy().into_owned());
        CommandLine { program: words.next().unwrap_or_default(), words: words.collect() }
    }

    /// The first word that is neither an option nor an option's value.
    pub fn command(&self) -> Option<&str> {
        self.command_place().map(|place| &*self.words[place])
    }

    /// The words after the command.
    pub fn after_command(&self) -> &[String] {
        self.command_place().map_or(&[], |place| &self.words[place + 1..])
    }

    fn command_place(&self) -> Option<usize> {
        let mut place = 0;
        while self.words.get(place)?.starts_with('-') {
            let valued = VALUED.contains(&self.words[place].as_str());
            place += if valued { 2 } else { 1 };
        }
        Some(place)
    }

    /// The value of `--name VALUE` or `--name=VALUE`.
    pub fn option(&self, name: &str) -> Option<String> {
        let (place, own) = self.find(name)?;
        match own {
            Some(value) => Some(value),
            None => self.words.get(place + 1).cloned(),
        }
    }

    /// Where it stands, and its value if that is in the same word.
    fn find(&self, name: &str) -> Option<(usize, Option<String>)> {
        self.words.iter().enumerate().take_while(|(_, word)| *word != "--").find_map(
            |(place, word)| match word.strip_prefix(name) {
                Some("") => Some((place, None)),
                Some(rest) => rest.strip_prefix('=').map(|value| (place, Some(value.to_owned()))),
                None => None,
            },
        )
    }

    /// Whether only help is wanted.
    pub fn asks_for_help(&self) -> bool {
        self.words.iter().any(|word| matches!(word.as_str(), "-h" | "--help"))
    }

    fn without(&self, name: &str) -> Vec<String> {
        let mut words = self.words.clone();
        if let Some((place, own)) = self.find(name) {
            let end = if own.is_some() { place + 1 } else { place + 2 };
            words.drain(place..end.min(words.len()));
        }
        words
    }

    /// Runs this program anew in this process, with an option moved to the
    /// environment. Returns only what kept it from that.
    pub fn again_without(&self, name: &str, variable: &str, value: &str) -> anyhow::Error {
        let program = match std::env::current_exe().context("cannot find this program's file") {
            Ok(program) => program,
            Err(error) => return error,
        };
        let mut command = Command::new(program);
        command.arg0(&self.program).args(self.without(name)).env(variable, value);
        anyhow::Error::new(command.exec()).context("cannot run this program anew")
    }
}

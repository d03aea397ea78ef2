//! `new`: asks five questions and writes the smallest project that fits.

use crate::app::{App, Done};
use crate::exit::Code;
use crate::out;
use crate::problem::Problem;
use crate::program::in_its_name;
use crate::scaffold::files::{Template, template};
use crate::scaffold::questions::{QUESTIONS, Question, answers};
use greenroom_agent::architecture::choice::{Choice, choose};
use serde_json::json;
use std::io::{BufRead, ErrorKind, IsTerminal, Write};
use std::path::{Path, PathBuf};

/// Write a new project.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  greenroom new\n  greenroom new desk --answers unknown,cheap,one,seconds,few\n  \
    greenroom new desk --steps known --error costly --systems one --runs seconds --capabilities few"
)]
pub struct Args {
    /// The folder, which must not be there or be empty [default: the architecture's name]
    #[arg(value_name = "NAME")]
    name: Option<PathBuf>,
    /// The answers to all five questions, in the order below
    #[arg(
        long,
        value_name = "STEPS,ERROR,SYSTEMS,RUNS,CAPABILITIES",
        conflicts_with_all = ["steps", "error", "systems", "runs", "capabilities"]
    )]
    answers: Option<String>,
    /// Are the steps known?
    #[arg(long, value_parser = ["known", "unknown"])]
    steps: Option<String>,
    /// What does an error cost?
    #[arg(long, value_parser = ["cheap", "costly"])]
    error: Option<String>,
    /// How many systems does it touch?
    #[arg(long, value_parser = ["one", "several"])]
    systems: Option<String>,
    /// How long does it run?
    #[arg(long, value_parser = ["seconds", "hours", "days"])]
    runs: Option<String>,
    /// How many capabilities does it need?
    #[arg(long, value_parser = ["few", "many"])]
    capabilities: Option<String>,
}

pub fn run(app: &App, args: Args) -> Done {
    let given = given(&args)?;
    let choice = choose(answers(complete(given, app.json())?));
    let word = choice.architecture.word();
    let dir = args.name.unwrap_or_else(|| PathBuf::from(word));
    let template = template(choice.architecture, &name_of(&dir)?);
    write(&dir, &template)?;
    tell(app, &choice, &dir, &template)
}

/// The answers that the command line gives.
fn given(args: &Args) -> Result<[Option<usize>; 5], Problem> {
    if let Some(all) = &args.answers {
        let words: Vec<&str> = all.split(',').collect();
        if words.len() != QUESTIONS.len() {
            let names: Vec<String> = QUESTIONS.iter().map(Question::options).collect();
            let words = format!("--answers has {} answers, and there are 5 questions", words.len());
            return Err(Problem::usage(words).next(format!("give {}", names.join(","))));
        }
        let mut given = [None; 5];
        for (place, (question, word)) in QUESTIONS.iter().zip(words).enumerate() {
            let read = question.read(word);
            given[place] = Some(read.ok_or_else(|| not_an_answer(question, word))?);
        }
        return Ok(given);
    }
    let words = [&args.steps, &args.error, &args.systems, &args.runs, &args.capabilities];
    let mut given = [None; 5];
    for (place, (question, word)) in QUESTIONS.iter().zip(words).enumerate() {
        given[place] = word.as_deref().and_then(|word| question.read(word));
    }
    Ok(given)
}

fn not_an_answer(question: &Question, word: &str) -> Problem {
    let words = format!("`{word}` is no answer to: {}", question.words);
    Problem::usage(words).next(format!("--{} is one of {}", question.flag, question.options()))
}

/// The answers with those that a person gives now.
fn complete(given: [Option<usize>; 5], json: bool) -> Result<[usize; 5], Problem> {
    let open = || QUESTIONS.iter().zip(given).filter(|(_, given)| given.is_none());
    let can_ask = std::io::stdin().is_terminal() && std::io::stderr().is_terminal() && !json;
    if !can_ask && open().next().is_some() {
        let flags: Vec<String> = open()
            .map(|(question, _)| format!("--{} {}", question.flag, question.options()))
            .collect();
        let words = format!("{} of 5 questions have no answer, and nobody can be asked here", {
            flags.len()
        });
        return Err(Problem::usage(words).next(format!("add {}", flags.join(" "))));
    }
    let mut answers = [0; 5];
    for (place, (question, given)) in QUESTIONS.iter().zip(given).enumerate() {
        answers[place] = match given {
            Some(given) => given,
            None => ask(question)?,
        };
    }
    Ok(answers)
}

fn ask(question: &Question) -> Result<usize, Problem> {
    let mut text = format!("{}\n", question.words);
    for (place, (word, meaning)) in question.options.iter().enumerate() {
        text.push_str(&format!("  {} {word}: {meaning}\n", place + 1));
    }
    out::say(&text);
    loop {
        out::say("> ");
        let mut line = String::new();
        let read = std::io::stdin().lock().read_line(&mut line);
        if read.map_or(true, |bytes| bytes == 0) {
            return Err(Problem::usage("it ended before all questions were answered"));
        }
        match question.read(&line) {
            Some(answer) => return Ok(answer),
            None => out::say(&format!("one of {}, or its number\n", question.options())),
        }
    }
}

/// What the project is called: its folder's name, which must be one for a package too.
fn name_of(dir: &Path) -> Result<String, Problem> {
    let name = dir.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    if name.starts_with(|c: char| c.is_ascii_lowercase()) && name.chars().all(is_plain) {
        return Ok(name);
    }
    let words = format!("`{}` cannot be a project's name", dir.display());
    Err(Problem::usage(words).next("small letters, digits, - and _, a letter first"))
}

/// Writes the files; never over others.
fn write(dir: &Path, template: &Template) -> Result<(), Problem> {
    let bad = |path: &Path, error: std::io::Error| {
        Problem::new("io", format!("{}: {error}", path.display()))
    };
    match std::fs::read_dir(dir).map(|mut entries| entries.next()) {
        Ok(None) => {}
        Ok(Some(_)) => {
            let words = format!("{} is there and not empty", dir.display());
            let next = "name another folder: nothing is ever overwritten";
            return Err(Problem::new("exists", words).next(next));
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(bad(dir, error)),
    }
    for file in &template.files {
        let path = dir.join(file.path);
        let folder = path.parent().unwrap_or(dir);
        std::fs::create_dir_all(folder).map_err(|error| bad(folder, error))?;
        let new = std::fs::OpenOptions::new().write(true).create_new(true).open(&path);
        new.and_then(|mut new| new.write_all(file.text.as_bytes()))
            .map_err(|error| bad(&path, error))?;
    }
    Ok(())
}

fn tell(app: &App, choice: &Choice, dir: &Path, template: &Template) -> Done {
    let next: Vec<String> = template
        .next
        .iter()
        .map(|line| format!("`{line}`"))
        .map(|line| in_its_name(&line).trim_matches('`').to_owned())
        .collect();
    if app.json() {
        let files: Vec<&str> = template.files.iter().map(|file| file.path).collect();
        let Choice { architecture, why, larger } = choice;
        let next: Vec<String> =
            [format!("cd {}", in_quotes(dir))].into_iter().chain(next).collect();
        out::json(&json!({
            "architecture": architecture, "why": why, "larger": larger,
            "dir": dir, "files": files, "next": next, "recorded": true,
        }))?;
        return Ok(Code::Done);
    }
    let mut text = format!("{}: {}\n{}\n\n", choice.architecture.word(), choice.why, choice.larger);
    for file in &template.files {
        text.push_str(&format!("  {}\n", dir.join(file.path).display()));
    }
    text.push_str(&format!("\n  cd {}\n", in_quotes(dir)));
    for line in &next {
        text.push_str(&format!("  {line}\n"));
    }
    text.push_str(RECORDED);
    out::print(&text)?;
    Ok(Code::Done)
}

/// A folder as a shell takes it.
fn in_quotes(dir: &Path) -> String {
    let text = dir.display().to_string();
    let is_plain = |c: char| c.is_alphanumeric() || "/._-+,:@%".contains(c);
    match text.chars().all(is_plain) {
        true => text,
        false => format!("'{}'", text.replace('\'', "'\\''")),
    }
}

const RECORDED: &str = "\nWithout a key this is a recorded run: no model is asked. Set ANTHROPIC_API_KEY, \
    OPENAI_API_KEY or\nGEMINI_API_KEY and it is the live thing.\n";

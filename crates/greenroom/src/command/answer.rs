//! `answer`: the answer to a question.

use crate::app::{App, Done};
use crate::exit::Code;
use crate::input;
use crate::out;
use crate::problem::Problem;
use greenroom_api::Client;
use greenroom_api::wire::{Ask, Given};
use greenroom_model::{AskId, ProcessId};

/// Answer a question.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  greenroom answer refund/1017 approve\n  \
    greenroom answer refund/1017#4 '{\"ok\":true}'")]
pub struct Args {
    /// The question, or its process if it has only one
    #[arg(value_name = "ASK|ID")]
    ask: String,
    /// The answer: JSON, or a word taken as a string
    value: String,
}

pub async fn run(app: &App, args: Args) -> Done {
    let (process, op) = match args.ask.contains('#') {
        true => {
            let ask: AskId = args.ask.parse()?;
            (ask.process, Some(ask.op))
        }
        false => (ProcessId::parse(&args.ask)?, None),
    };
    let client = app.client()?;
    let open = client.asks(Some(&process)).await?;
    let ask = match op {
        None => only(&client, &process, open).await?,
        Some(op) => open.into_iter().find(|ask| ask.op == op).ok_or_else(|| not_open(&args.ask))?,
    };
    let value = value(&ask, &args.value)?;
    client.answer(&AskId { process, op: ask.op }, value.clone()).await?;
    if app.json() {
        out::json(&serde_json::json!({ "ask": ask.id, "value": value }))?;
    } else {
        out::line(&format!("answered {}: {}", ask.id, crate::view::short(value.text(), 60)))?;
    }
    Ok(Code::Done)
}

/// A choice is a string, even one that could be read as JSON (`true`, `10`).
fn value(ask: &Ask, text: &str) -> anyhow::Result<Given> {
    if ask.choices.iter().any(|choice| choice == text) {
        return Ok(Given::string(text));
    }
    input::json_or_word(text)
}

async fn only(client: &Client, process: &ProcessId, mut open: Vec<Ask>) -> anyhow::Result<Ask> {
    match (open.pop(), open.len()) {
        (Some(ask), 0) => Ok(ask),
        (None, _) => {
            // A process that does not exist deserves its own words.
            let status = client.process(process).await?.status;
            let words = format!("{process} asks nothing, it is {status}");
            Err(Problem::new("not_open", words).exit(Code::Missing).into())
        }
        (Some(last), _) => {
            open.push(last);
            let asks: Vec<_> =
                open.iter().map(|ask| format!("{} ({})", ask.id, ask.name)).collect();
            let words = format!("{process} asks several things");
            Err(Problem::usage(words).next(format!("name one: {}", asks.join(", "))).into())
        }
    }
}

fn not_open(ask: &str) -> Problem {
    let words = format!("there is no open ask {ask}; it may have been answered or have timed out");
    Problem::new("not_open", words).next("`greenroom asks` lists the open ones").exit(Code::Missing)
}

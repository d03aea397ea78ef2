//! What is asked for on the command line, as the line that goes to the hub.

use crate::json;
use std::io::Read;
use std::time::Duration;

pub const HELP: &str = "\
greenroom-hub: messages between this box, processes and other boxes

  greenroom-hub send TO TOPIC JSON      a message to one: owner, KIND/KEY or box:NAME
  greenroom-hub publish TOPIC JSON      an event to all who listen
  greenroom-hub events TOPIC...         prints what comes, a line of JSON each, and
                                        acknowledges it; `*` is any segment, `>` the rest
  greenroom-hub unsubscribe TOPIC...    no longer hears what is published under it

  --key KEY       of send and publish: sent again under the same key, it is one message
  --once          of events: ends after the first
  --wait SECONDS  how long to try while the hub is away or the quota is used up (30;
                  events listens for ever)
  JSON may be `-`: it is read from the standard input. Ends with 0, with 1 when it was
  refused, with 2 when it was asked wrongly, with 3 when the hub was not reached: a message
  may then have been sent all the same, and repeating it under its key is safe.
";

/// What to do.
pub enum Command {
    /// One line, one answer.
    Request { line: String, wait: Duration },
    /// A line, and what comes after it.
    Events { line: String, once: bool, wait: Duration },
}

struct Options {
    key: Option<String>,
    once: bool,
    wait: Duration,
    rest: Vec<String>,
}

/// `None`: help is wanted.
pub fn parse(words: &[String]) -> Result<Option<Command>, String> {
    let Some((verb, words)) = words.split_first() else { return Ok(None) };
    let Some(options) = options(words)? else { return Ok(None) };
    let rest: Vec<&str> = options.rest.iter().map(String::as_str).collect();
    let wait = options.wait;
    let of_events = options.once && verb != "events";
    if of_events || options.key.is_some() && verb != "send" && verb != "publish" {
        return Err(format!("`{verb}` has no such option"));
    }
    let command = match (verb.as_str(), rest.as_slice()) {
        ("send", [to, topic, body]) => {
            let to = json::quoted(to);
            let line = message("send", &format!("\"to\":{to},"), topic, &options, body)?;
            Command::Request { line, wait }
        }
        ("publish", [topic, body]) => {
            Command::Request { line: message("publish", "", topic, &options, body)?, wait }
        }
        ("events", topics @ [_, ..]) => {
            Command::Events { line: about("subscribe", topics), once: options.once, wait }
        }
        ("unsubscribe", topics @ [_, ..]) => {
            Command::Request { line: about("unsubscribe", topics), wait }
        }
        ("help" | "--help" | "-h", _) => return Ok(None),
        ("send", _) => return Err("send needs three words: TO TOPIC JSON".to_owned()),
        ("publish", _) => return Err("publish needs two words: TOPIC JSON".to_owned()),
        ("events" | "unsubscribe", _) => return Err(format!("{verb} needs a TOPIC")),
        _ => return Err(format!("`{verb}` is no command")),
    };
    Ok(Some(command))
}

fn options(words: &[String]) -> Result<Option<Options>, String> {
    let mut options =
        Options { key: None, once: false, wait: Duration::from_secs(30), rest: Vec::new() };
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let mut value = || words.next().cloned().ok_or_else(|| format!("{word} needs a value"));
        match word.as_str() {
            "--key" => options.key = Some(value()?),
            "--once" => options.once = true,
            "--wait" => {
                let seconds = value()?.parse().map_err(|_| "--wait takes seconds")?;
                options.wait = Duration::from_secs(seconds);
            }
            "--help" | "-h" => return Ok(None),
            "--" => options.rest.extend(words.by_ref().cloned()),
            option if option.starts_with("--") => return Err(format!("{option} is no option")),
            _ => options.rest.push(word.clone()),
        }
    }
    Ok(Some(options))
}

fn message(
    op: &str,
    to: &str,
    topic: &str,
    options: &Options,
    body: &str,
) -> Result<String, String> {
    let body = match body {
        "-" => {
            let mut body = String::new();
            let read = std::io::stdin().read_to_string(&mut body);
            read.map_err(|error| format!("the standard input: {error}"))?;
            body
        }
        body => body.to_owned(),
    };
    // Between tokens a line's end is like a space; within a string JSON has none.
    let body = body.replace(['\n', '\r'], " ");
    let topic = json::quoted(topic);
    let key = json::quoted(&options.key.clone().map_or_else(random_key, Ok)?);
    Ok(format!("{{\"op\":\"{op}\",{to}\"topic\":{topic},\"key\":{key},\"body\":{body}}}\n"))
}

fn about(op: &str, topics: &[&str]) -> String {
    let topics: Vec<String> = topics.iter().map(|topic| json::quoted(topic)).collect();
    format!("{{\"op\":\"{op}\",\"topics\":[{}]}}\n", topics.join(","))
}

/// A key of its own for each message, so that trying again sends none twice.
fn random_key() -> Result<String, String> {
    let mut bytes = [0; 16];
    let read = std::fs::File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut bytes));
    read.map_err(|error| format!("/dev/urandom: {error}; give a --key"))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

//! The way to the hub and back, tried again while it is away.

use crate::json;
use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::os::unix::net::UnixStream;
use std::sync::mpsc;
use std::time::{Duration, Instant};

const PATH: &str = "/run/greenroom/hub.sock";
/// `0` there: no node has served this box since it was started.
const NODE: &str = "/run/greenroom-node";
/// A node that has not answered after this is told of, and waited for on.
const SOON: Duration = Duration::from_secs(3);
/// The wait before it is tried again, where the hub does not say.
const AGAIN: Duration = Duration::from_millis(200);

/// Why it was not done.
pub enum Problem {
    /// The hub says no.
    Refused { code: String, words: String },
    /// It was not reached, or did not answer in time.
    Unreachable(String),
    /// What came could not be printed.
    Output(String),
}

struct Talk {
    stream: BufReader<UnixStream>,
    /// Events that came while another one was acknowledged; few, as the hub gives no more.
    waiting: Vec<String>,
}

impl Talk {
    fn begin(limit: Duration) -> Result<Talk, Trouble> {
        if std::fs::read(NODE).is_ok_and(|word| word.starts_with(b"0")) {
            return Err(Trouble::NoNode);
        }
        let stream = connect(limit).map_err(Trouble::Way)?;
        Ok(Talk { stream: BufReader::new(stream), waiting: Vec::new() })
    }

    fn say(&mut self, line: &str) -> std::io::Result<()> {
        self.stream.get_mut().write_all(line.as_bytes())
    }

    /// The next line; waits at most so long.
    fn hear(&mut self, limit: Option<Duration>) -> std::io::Result<String> {
        let mut line = String::new();
        self.hear_more(&mut line, limit).map(|()| line)
    }

    fn hear_more(&mut self, line: &mut String, limit: Option<Duration>) -> std::io::Result<()> {
        self.stream.get_ref().set_read_timeout(limit)?;
        match self.stream.read_line(line) {
            Ok(_) if line.ends_with('\n') => Ok(()),
            Ok(_) => Err(ErrorKind::ConnectionReset.into()),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Err(ErrorKind::TimedOut.into()),
            Err(error) => Err(error),
        }
    }

    fn ask(&mut self, line: &str, limit: Duration) -> Result<String, Trouble> {
        self.say(line).map_err(Trouble::Way)?;
        let mut answer = String::new();
        let (soon, late) = (limit.min(SOON), limit.saturating_sub(SOON));
        match self.hear_more(&mut answer, Some(soon)) {
            Err(error) if error.kind() == ErrorKind::TimedOut && !late.is_zero() => {
                let seconds = late.as_secs();
                eprintln!("greenroom-hub: no answer yet: {AWAY} Trying for {seconds} s more");
                self.hear_more(&mut answer, Some(late)).map_err(Trouble::Way)?;
            }
            heard => heard.map_err(Trouble::Way)?,
        }
        match answer.starts_with("{\"error\":") {
            true => Err(Trouble::Said(answer)),
            false => Ok(answer),
        }
    }
}

/// So long a connection may take at least, whatever the limit: it takes no time where nobody
/// waits before it, but the thread that makes it has to come to the processor.
const CONNECT_MIN: Duration = Duration::from_millis(500);

/// Connects; where many wait already for a node that is away, this would wait for ever.
#[expect(clippy::disallowed_methods, reason = "a program in a box, which is no process of ours")]
fn connect(limit: Duration) -> std::io::Result<UnixStream> {
    let (into, connected) = mpsc::channel();
    let connect = move || drop(into.send(UnixStream::connect(PATH)));
    std::thread::Builder::new().spawn(connect)?;
    connected
        .recv_timeout(limit.max(CONNECT_MIN))
        .unwrap_or_else(|_| Err(ErrorKind::TimedOut.into()))
}

const AWAY: &str = "is the node that serves this box running? `greenroom up` starts it.";

enum Trouble {
    /// Nobody is there to be waited for.
    NoNode,
    /// Of the connection.
    Way(std::io::Error),
    /// The hub's own words.
    Said(String),
}

/// Tries again what can be tried again, until its time is over.
struct Patience {
    until: Instant,
}

impl Patience {
    #[expect(clippy::disallowed_methods, reason = "a program in a box, in real time")]
    fn new(wait: Duration) -> Patience {
        Patience { until: Instant::now() + wait }
    }

    #[expect(clippy::disallowed_methods, reason = "a program in a box, in real time")]
    fn left(&self) -> Duration {
        // A limit of nothing would be one of for ever.
        self.until.saturating_duration_since(Instant::now()).max(Duration::from_millis(1))
    }

    #[expect(clippy::disallowed_methods, reason = "a program in a box, in real time")]
    fn wait(&self, trouble: Trouble) -> Result<(), Problem> {
        let (pause, problem) = match trouble {
            Trouble::NoNode => return Err(no_node()),
            Trouble::Way(error) => (AGAIN, unreachable(&error)),
            Trouble::Said(line) => {
                let refused = refused(&line);
                match json::number(&line, "retry_after_ms") {
                    Some(ms) => (Duration::from_millis(ms), refused),
                    None => return Err(refused),
                }
            }
        };
        if pause >= self.left() {
            return Err(problem);
        }
        std::thread::sleep(pause);
        Ok(())
    }
}

fn no_node() -> Problem {
    let words = "no node has served this box since it was started, so nobody takes its messages; \
                 start one beside the box's folder with `greenroom up`, and try again";
    Problem::Unreachable(words.to_owned())
}

fn unreachable(error: &std::io::Error) -> Problem {
    let next = match error.kind() {
        ErrorKind::NotFound => "this box has no hub",
        ErrorKind::TimedOut => &format!("nobody answers: {AWAY}"),
        _ => "the hub went away",
    };
    Problem::Unreachable(format!("{PATH}: {error}; {next}"))
}

fn refused(line: &str) -> Problem {
    let field = |name| json::text(line, name);
    let mut words = field("message").unwrap_or_else(|| line.trim().to_owned());
    if let Some(next) = field("next") {
        words = format!("{words}; {next}");
    }
    Problem::Refused { code: field("code").unwrap_or_default(), words }
}

/// One request. The same line again is the same request: it has a key.
pub fn ask(line: &str, wait: Duration) -> Result<String, Problem> {
    let patience = Patience::new(wait);
    loop {
        let asked = Talk::begin(patience.left());
        match asked.and_then(|mut talk| talk.ask(line, patience.left())) {
            Ok(answer) => return Ok(answer.trim_end().to_owned()),
            Err(trouble) => patience.wait(trouble).map_err(|problem| unknown(problem, line))?,
        }
    }
}

/// What was said may have arrived, though nobody has answered.
fn unknown(problem: Problem, line: &str) -> Problem {
    match (problem, json::text(line, "key")) {
        (Problem::Unreachable(why), Some(key)) => Problem::Unreachable(format!(
            "{why} It may arrive all the same: with `--key {key}` the same again is no second one"
        )),
        (problem, _) => problem,
    }
}

/// Prints events as they come. Each is acknowledged when it is printed, so that one that nobody
/// has seen comes again.
pub fn listen(subscribe: &str, once: bool, wait: Duration) -> Result<(), Problem> {
    loop {
        let mut talk = subscribed(subscribe, &Patience::new(wait))?;
        let mut printed = None;
        let lost = loop {
            match hear_one(&mut talk, once, &mut printed) {
                Ok(()) if once && printed.is_none() => return Ok(()),
                Ok(()) => {}
                Err(Stop::Problem(problem)) => return Err(problem),
                Err(Stop::Lost(trouble)) => break trouble,
            }
        };
        Patience::new(wait.max(AGAIN * 2)).wait(lost)?;
        // What was printed does not come again, whether the hub had heard so or not.
        if let Some(seq) = printed {
            ask(&acknowledged(seq), wait)?;
            if once {
                return Ok(());
            }
        }
    }
}

fn subscribed(line: &str, patience: &Patience) -> Result<Talk, Problem> {
    loop {
        let begun = Talk::begin(patience.left()).and_then(|mut talk| {
            let answer = talk.ask(line, patience.left())?;
            Ok((talk, answer))
        });
        match begun {
            Ok((talk, answer)) => {
                if let Some(warning) = json::text(&answer, "warning") {
                    eprintln!("greenroom-hub: {warning}");
                }
                return Ok(talk);
            }
            Err(trouble) => patience.wait(trouble)?,
        }
    }
}

enum Stop {
    Problem(Problem),
    Lost(Trouble),
}

impl From<std::io::Error> for Stop {
    fn from(error: std::io::Error) -> Stop {
        Stop::Lost(Trouble::Way(error))
    }
}

/// One event, until the hub knows that it was printed. Those that come meanwhile wait for their
/// turn: the hub gives again what is not acknowledged, in another connection.
fn hear_one(talk: &mut Talk, once: bool, printed: &mut Option<u64>) -> Result<(), Stop> {
    let mut waiting = std::mem::take(&mut talk.waiting);
    let event = match waiting.is_empty() {
        false => waiting.remove(0),
        true => talk.hear(None)?,
    };
    talk.waiting = waiting;
    let Some(seq) = seq(&event) else { return Err(Stop::Lost(Trouble::Said(event))) };
    print(&event)?;
    *printed = Some(seq);
    talk.say(&acknowledged(seq))?;
    loop {
        let line = talk.hear(None)?;
        if self::seq(&line).is_some() {
            if !once {
                talk.waiting.push(line);
            }
        } else if line.starts_with("{\"ok\":") {
            *printed = None;
            return Ok(());
        } else {
            return Err(Stop::Lost(Trouble::Said(line)));
        }
    }
}

fn seq(line: &str) -> Option<u64> {
    line.starts_with("{\"seq\":").then(|| json::number(line, "seq"))?
}

fn acknowledged(seq: u64) -> String {
    format!("{{\"op\":\"ack\",\"seq\":{seq}}}\n")
}

fn print(line: &str) -> Result<(), Stop> {
    let mut out = std::io::stdout().lock();
    let written = out.write_all(line.as_bytes()).and_then(|()| out.flush());
    written.map_err(|error| Stop::Problem(Problem::Output(format!("standard output: {error}"))))
}

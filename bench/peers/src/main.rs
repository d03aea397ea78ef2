//! One bench of one peer: `greenroom-peers PEER BENCH COUNT`, one JSON object; or
//! `greenroom-peers table`, all of them. `run` beside this builds what it needs.
//! Written as each library's own documentation does it, mailboxes as they come
//! by default, without logging.

mod kameo_peer;
mod measure;
mod ractor_peer;
mod table;
mod tokio_peer;

use measure::Bench;

/// As Greenroom's own binary, so that the allocator makes no difference.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<(), String> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let [first, greenroom, erlang, rest @ ..] = &words[..]
        && first == "table"
    {
        return table::run(&table_options(greenroom, erlang, rest)?);
    }
    let [peer, bench, count] = &words[..] else {
        return Err("usage: greenroom-peers tokio|ractor|kameo BENCH COUNT".to_owned());
    };
    let count = count.parse().map_err(|error| format!("{count}: {error}"))?;
    let bench = Bench::parse(bench)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let peer_name = peer.clone();
    // On a worker of the runtime: the thread of `main` is none.
    let run = runtime.spawn(async move {
        match peer_name.as_str() {
            "tokio" => Ok(tokio_peer::run(bench, count).await),
            "ractor" => Ok(ractor_peer::run(bench, count).await),
            "kameo" => Ok(kameo_peer::run(bench, count).await),
            other => Err(format!("no peer `{other}`")),
        }
    });
    let figures = runtime.block_on(run).map_err(|error| error.to_string())??;
    println!("{}", figures.json(peer, bench));
    // A million actors need not be ended one by one.
    std::process::exit(0)
}

/// `table GREENROOM ERLANG_DIRECTORY [--json] [--rounds N]`
fn table_options(greenroom: &str, erlang: &str, rest: &[String]) -> Result<table::Options, String> {
    let (greenroom, erlang) = (greenroom.to_owned(), erlang.to_owned());
    let mut options = table::Options { greenroom, erlang, rounds: 3, json: false };
    let mut rest = rest.iter();
    while let Some(word) = rest.next() {
        match (word.as_str(), rest.len()) {
            ("--json", _) => options.json = true,
            ("--rounds", 1..) => {
                let rounds = rest.next().and_then(|rounds| rounds.parse().ok());
                options.rounds = rounds.ok_or("--rounds needs a number")?;
            }
            _ => return Err(format!("no option `{word}`: --json, --rounds N")),
        }
    }
    Ok(options)
}

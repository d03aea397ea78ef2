//! All peers and Greenroom, bench by bench in turn, several rounds: noise of the
//! machine then meets all of them. Prints the medians.

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::process::Command;

/// What runs: the bench, how many operations, and who cannot in sensible time.
const RUNS: &[(&str, u64, &[&str])] = &[
    ("spawn", 1_000_000, &[]),
    ("pingpong", 1_000_000, &[]),
    ("fanin", 2_000_000, &[]),
    ("ring", 2_000_000, &[]),
    ("restarts", 1_000, &[]),
    ("restarts", 4_000, &[]),
    ("restarts", 16_000, &[]),
    ("restarts", 100_000, &["otp"]),
];

const PEERS: &[&str] = &["greenroom", "otp", "tokio", "ractor", "kameo"];

/// A run that takes longer is not repeated.
const REPEATED_BELOW_S: f64 = 8.0;

/// How everything is found and shown.
pub struct Options {
    pub greenroom: String,
    pub erlang: String,
    pub rounds: usize,
    pub json: bool,
}

type Found = BTreeMap<(usize, usize), Vec<Value>>;

pub fn run(options: &Options) -> Result<(), String> {
    let mut found = Found::new();
    for _ in 0..options.rounds {
        for (row, (bench, count, without)) in RUNS.iter().enumerate() {
            for (column, peer) in PEERS.iter().enumerate() {
                let before = found.entry((row, column)).or_default();
                let slow = before.iter().any(|one| number(one, "seconds") > REPEATED_BELOW_S);
                if !slow && !without.contains(peer) {
                    before.push(one(options, peer, bench, *count)?);
                }
            }
        }
    }
    if options.json {
        print_json(&found);
    } else {
        print_table(&found);
    }
    Ok(())
}

fn one(options: &Options, peer: &str, bench: &str, count: u64) -> Result<Value, String> {
    let count = count.to_string();
    let mut command = match peer {
        "greenroom" => {
            let mut command = Command::new(&options.greenroom);
            let flag = match bench {
                "spawn" => "--processes",
                "restarts" => "--children",
                _ => "--messages",
            };
            command.args(["bench", bench, flag, &count, "--json"]);
            command
        }
        "otp" => {
            let mut command = Command::new("erl");
            command.args(["+P", "2000000", "-noshell", "-pa", &options.erlang]);
            command.args(["-s", "greenroom_peer", "main", bench, &count]);
            command
        }
        _ => {
            let own = std::env::current_exe().map_err(|error| error.to_string())?;
            let mut command = Command::new(own);
            command.args([peer, bench, &count]);
            command
        }
    };
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = text.lines().rev().find(|line| line.starts_with('{'));
    let Some(line) = line else {
        let words = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{command:?} measured nothing: {text}{words}"));
    };
    serde_json::from_str(line).map_err(|error| format!("{command:?}: {error}: {line}"))
}

/// Greenroom's keys have the operation's name in them.
fn number(figures: &Value, key: &str) -> f64 {
    let names: &[&str] = match key {
        "per_s" => &["per_s", "spawns_per_s", "restarts_per_s"],
        "cpu_ns" => &["cpu_ns_per_op", "cpu_ns_per_spawn", "cpu_ns_per_restart"],
        "bytes" => &["bytes_per_process"],
        _ => &["seconds"],
    };
    names.iter().find_map(|name| figures[*name].as_f64()).unwrap_or(f64::NAN)
}

fn median(runs: &[Value], key: &str) -> Option<f64> {
    let mut values: Vec<f64> = runs.iter().map(|one| number(one, key)).collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().filter(|value| !value.is_nan())
}

fn print_json(found: &Found) {
    for ((row, column), runs) in found.iter().filter(|(_, runs)| !runs.is_empty()) {
        let (bench, count, _) = RUNS[*row];
        println!(
            "{}",
            json!({
                "peer": PEERS[*column],
                "bench": bench,
                "count": count,
                "runs": runs.len(),
                "per_s": median(runs, "per_s"),
                "cpu_ns_per_op": median(runs, "cpu_ns"),
                "bytes_per_process": median(runs, "bytes"),
            })
        );
    }
}

fn print_table(found: &Found) {
    println!("CPU ns per operation (operations per second, wall)");
    print!("{:<24}", "");
    PEERS.iter().for_each(|peer| print!("{peer:>20}"));
    println!();
    for (row, (bench, count, _)) in RUNS.iter().enumerate() {
        print!("{:<24}", format!("{bench} {count}"));
        for column in 0..PEERS.len() {
            let runs = found.get(&(row, column)).map_or(&[][..], Vec::as_slice);
            let cell = match (median(runs, "cpu_ns"), median(runs, "per_s")) {
                (Some(cpu), Some(rate)) => format!("{cpu:.0} ({})", short(rate)),
                _ => "–".to_owned(),
            };
            print!("{cell:>20}");
        }
        println!();
        if *bench == "spawn" {
            print!("{:<24}", "  bytes per process");
            for column in 0..PEERS.len() {
                let runs = found.get(&(row, column)).map_or(&[][..], Vec::as_slice);
                print!(
                    "{:>20}",
                    median(runs, "bytes").map_or("–".to_owned(), |b| format!("{b:.0}"))
                );
            }
            println!();
        }
    }
}

fn short(rate: f64) -> String {
    match rate {
        rate if rate >= 1e6 => format!("{:.1}M/s", rate / 1e6),
        rate if rate >= 1e4 => format!("{:.0}k/s", rate / 1e3),
        rate if rate >= 1e3 => format!("{:.1}k/s", rate / 1e3),
        rate => format!("{rate:.0}/s"),
    }
}

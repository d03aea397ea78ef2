//! What must be true after a campaign: facts in, verdict out.

#[cfg(test)]
mod tests;

use super::orders::Order;
use super::payments::Counts;
use super::program::Caller;
use anyhow::{Context, bail, ensure};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;

/// What a campaign came to.
#[derive(Default)]
pub struct Summary {
    pub kills: u32,
    /// Kills of a node that was not up yet.
    pub early: u32,
    pub payment_deaths: u32,
    paid: u32,
    rejected: u32,
    repeats: u64,
    events: usize,
    /// Attempts whose outcome a crash left unknown.
    unknown: usize,
    retries: usize,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Summary { kills, early, payment_deaths, paid, rejected, .. } = self;
        let Summary { repeats, events, unknown, retries, .. } = self;
        write!(
            f,
            "{kills} kills ({early} before the node was up), {paid} refunds paid once, \
             {rejected} rejected, 0 wrong; {events} events, {unknown} StepUnknown, \
             {retries} retries; payment service: {payment_deaths} deaths, {repeats} repeats seen"
        )
    }
}

/// Holds every process and its history against what the payment service says.
pub fn judge(caller: &Caller, orders: &[Order], counts: &Counts) -> anyhow::Result<Summary> {
    let limit = orders.len().saturating_mul(2).to_string();
    let listed = caller.ask(&["ps", "--all", "--kind", "refund", "--limit", &limit])?;
    let listed = listed.as_array().context("ps prints a list")?;
    let by_id: BTreeMap<_, _> = listed.iter().map(|row| (row["id"].as_str(), row)).collect();
    let mut summary = Summary { repeats: counts.repeats(), ..Summary::default() };
    let mut wrong = Vec::new();
    for order in orders {
        let id = order.process();
        let process = *by_id.get(&Some(id.as_str())).unwrap_or(&&Value::Null);
        let history = caller.ask(&["history", &id])?;
        let verdict = judge_result(order, process, counts)
            .and_then(|()| judge_history(order, &history, counts, &mut summary));
        if let Err(error) = verdict {
            eprintln!("soak: {id}: {error:#}\n{}", lines(&history));
            wrong.push(id);
        } else if order.is_paid() {
            summary.paid += 1;
        } else {
            summary.rejected += 1;
        }
    }
    ensure!(wrong.is_empty(), "{} refunds are wrong: {}", wrong.len(), wrong.join(", "));
    let (made, meant) = (counts.accepted(), u64::from(summary.paid));
    ensure!(made == meant, "the payment service made {made} refunds in all, not {meant}");
    Ok(summary)
}

fn judge_result(order: &Order, process: &Value, counts: &Counts) -> anyhow::Result<()> {
    ensure!(process["status"] == "completed", "it is {}", process["status"]);
    let receipt = &process["exit"]["normal"];
    ensure!(
        receipt["refunded"] == order.is_paid(),
        "refunded must be {}: {receipt}",
        order.is_paid()
    );
    let accepted = counts.of(order);
    let meant = u64::from(order.is_paid());
    ensure!(accepted == meant, "the payment service made {accepted} refunds, not {meant}");
    if order.is_paid() {
        let payment = counts.payment_id(order);
        ensure!(receipt["payment_id"] == *payment, "the payment is {payment}, not {receipt}");
    }
    Ok(())
}

fn judge_history(
    order: &Order,
    history: &Value,
    counts: &Counts,
    summary: &mut Summary,
) -> anyhow::Result<()> {
    let rows = history.as_array().context("history prints a list")?;
    let names: Vec<&str> = rows.iter().map(name).collect();
    let count = |wanted: &str| names.iter().filter(|name| **name == wanted).count();
    let (first, last) = (names.first().copied(), names.last().copied());
    ensure!(first == Some("WorkflowStarted"), "it begins with {first:?}");
    ensure!(count("WorkflowStarted") == 1, "it starts {} times", count("WorkflowStarted"));
    ensure!(last == Some("WorkflowCompleted"), "it ends with {last:?}");
    let ends = count("WorkflowCompleted") + count("WorkflowFailed");
    ensure!(ends == 1, "it ends {ends} times");
    let from = rows[0]["seq"].as_u64().unwrap_or(0);
    for (row, seq) in rows.iter().zip(from..) {
        ensure!(row["seq"] == seq, "event {seq} is {row}");
    }
    let answers = count("MessageReceived");
    ensure!(answers == usize::from(order.is_large()), "it was answered {answers} times");
    judge_steps(order, rows, counts)?;
    summary.events += rows.len();
    summary.unknown += count("StepUnknown");
    summary.retries += count("StepRetrying");
    Ok(())
}

/// Each step's result stands there once, and that of the payment is the payment.
fn judge_steps(order: &Order, rows: &[Value], counts: &Counts) -> anyhow::Result<()> {
    let mut done = BTreeMap::new();
    for row in rows.iter().filter(|row| name(row) == "StepCompleted") {
        let step = &row["event"]["StepCompleted"];
        if done.insert(step["op"].as_u64(), &step["result"]).is_some() {
            bail!("a step has two results: {row}");
        }
    }
    let paid: Vec<_> = done.values().filter_map(|result| result.get("payment_id")).collect();
    let meant = usize::from(order.is_paid());
    ensure!(paid.len() == meant, "{} steps of it paid, not {meant}", paid.len());
    ensure!(paid.iter().all(|id| *id == counts.payment_id(order)), "it recorded {paid:?}");
    Ok(())
}

fn name(row: &Value) -> &str {
    let event = row["event"].as_object().and_then(|event| event.keys().next());
    event.map_or("", String::as_str)
}

fn lines(history: &Value) -> String {
    let rows = history.as_array().into_iter().flatten();
    rows.map(|row| format!("    {row}\n")).collect()
}

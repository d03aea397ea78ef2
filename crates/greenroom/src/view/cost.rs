//! What processes have paid for, beside messages: each payment, and the sum of a tree.

use crate::paint::{Paint, Tone};
use crate::table::{Align, Table};
use greenroom_api::wire::Turn;
use greenroom_model::budget::{Resource, Spend};
use greenroom_model::{Event, Op, ProcessId, Seq};
use serde::Serialize;
use std::collections::BTreeMap;

/// One payment: for an agent, a call of its model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Payment {
    /// Where it stands in the history.
    pub seq: Seq,
    /// The step that it was for, if it was for one.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub step: String,
    /// So much.
    #[serde(flatten)]
    pub spent: Spend,
    /// It is set aside: what it comes to is not known yet.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub open: bool,
}

/// What one process has paid for.
#[derive(Clone, Debug, Serialize)]
pub struct Cost {
    /// Who.
    pub process: ProcessId,
    /// Each, in its order. What a restart has taken back was paid for all the same.
    pub payments: Vec<Payment>,
    /// All of them.
    pub total: Spend,
}

impl Cost {
    /// What a history tells.
    pub fn of(process: ProcessId, turns: &[Turn]) -> Cost {
        let mut payments: Vec<Payment> = Vec::new();
        let mut made: BTreeMap<Op, usize> = BTreeMap::new();
        for (seq, event) in turns.iter().flat_map(Turn::numbered) {
            match event {
                Event::BudgetSpent { op, spent, back, open, settles } => {
                    let settled = settles.as_ref().and_then(|settles| made.remove(&settles.of));
                    if let Some(payment) = settled.and_then(|at| payments.get_mut(at)) {
                        payment.spent = payment.spent.plus(*spent).minus(*back);
                        payment.open = false;
                        continue;
                    }
                    if *open {
                        made.insert(*op, payments.len());
                    }
                    let (spent, step) = (spent.minus(*back), String::new());
                    payments.push(Payment { seq, step, spent, open: *open });
                }
                // The step that follows is what was paid for.
                Event::StepStarted { name, .. } => {
                    if let Some(last) = payments.last_mut()
                        && last.open
                        && last.step.is_empty()
                    {
                        last.step.clone_from(name);
                    }
                }
                _ => {}
            }
        }
        let total = payments.iter().fold(Spend::default(), |sum, one| sum.plus(one.spent));
        Cost { process, payments, total }
    }
}

/// A line for each process that has paid for something, and their sum.
pub fn costs(costs: &[Cost], paint: Paint) -> String {
    let paid: Vec<&Cost> = costs.iter().filter(|cost| !cost.payments.is_empty()).collect();
    if paid.is_empty() {
        return "nothing was paid for: no model was called\n".to_owned();
    }
    let mut table = Table::new(&[
        ("PROCESS", Align::Left),
        ("PAID", Align::Right),
        ("TOKENS", Align::Right),
        ("MONEY", Align::Right),
    ]);
    let mut line = |name: String, times: usize, spent: &Spend, tone| {
        let [tokens, money] = amounts(spent);
        table.row(vec![(name, tone), (format!("{times}x"), tone), (tokens, tone), (money, tone)]);
    };
    for cost in &paid {
        line(cost.process.to_string(), cost.payments.len(), &cost.total, Tone::Plain);
    }
    let total = paid.iter().fold(Spend::default(), |sum, cost| sum.plus(cost.total));
    let times = paid.iter().map(|cost| cost.payments.len()).sum();
    line("all".to_owned(), times, &total, Tone::Strong);
    table.render(paint)
}

/// A line for each payment.
pub fn payments(costs: &[Cost], paint: Paint) -> String {
    let mut table = Table::new(&[
        ("PROCESS", Align::Left),
        ("#", Align::Right),
        ("TOKENS", Align::Right),
        ("MONEY", Align::Right),
        ("FOR", Align::Left),
    ]);
    for cost in costs {
        for payment in &cost.payments {
            let [tokens, money] = amounts(&payment.spent);
            let open = if payment.open { " (set aside)" } else { "" };
            table.row(vec![
                (cost.process.to_string(), Tone::Plain),
                (payment.seq.to_string(), Tone::Quiet),
                (tokens, Tone::Plain),
                (money, Tone::Plain),
                (format!("{}{open}", super::plain(&payment.step)), Tone::Plain),
            ]);
        }
    }
    table.render(paint)
}

fn amounts(spent: &Spend) -> [String; 2] {
    [Resource::Tokens, Resource::Money].map(|one| one.shown(spent.of(one)))
}

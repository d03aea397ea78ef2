//! Budgets, for people: what was given, what is used up, what is left.

use crate::paint::{Paint, Tone};
use crate::table::{Align, Table};
use greenroom_model::budget::{Account, Resource, Spend};
use greenroom_runtime::BudgetReport;

/// The account that pays for a process and those above it, a line for each
/// resource.
pub fn budget(report: &BudgetReport, paint: Paint) -> String {
    if report.accounts.is_empty() {
        return format!("{} has no budget: what it does is not limited\n", report.process);
    }
    let mut table = Table::new(&[
        ("BUDGET OF", Align::Left),
        ("", Align::Left),
        ("LIMIT", Align::Right),
        ("USED UP", Align::Right),
        ("SET ASIDE", Align::Right),
        ("LEFT", Align::Right),
    ]);
    for account in &report.accounts {
        for resource in Resource::ALL {
            line(&mut table, account, resource);
        }
    }
    let waiting = match report.waiting {
        0 => String::new(),
        1 => "1 operation waits for more; --add gives it\n".to_owned(),
        many => format!("{many} operations wait for more; --add gives it\n"),
    };
    format!("{}{waiting}", table.render(paint))
}

fn line(table: &mut Table, account: &Account, resource: Resource) {
    let (limit, spent) = (account.limits.of(resource), account.spent.of(resource));
    if limit.is_none() && spent == 0 {
        return;
    }
    let shown = |amount: Option<u64>| amount.map(|amount| resource.shown(amount));
    let none = || "-".to_owned();
    let left = account.left(resource).filter(|_| !account.closed);
    let tone = if left == Some(0) { Tone::Warn } else { Tone::Plain };
    let name = match account.closed {
        true => format!("{} (ended)", account.id),
        false => account.id.to_string(),
    };
    table.row(vec![
        (name, Tone::Plain),
        (resource.to_string(), Tone::Plain),
        (shown(limit).unwrap_or_else(none), Tone::Plain),
        (resource.shown(spent), Tone::Plain),
        (resource.shown(account.reserved.of(resource)), Tone::Quiet),
        (shown(left).unwrap_or_else(none), tone),
    ]);
}

/// So much of each, in words.
pub fn amounts(spend: &Spend) -> String {
    let some = Resource::ALL.into_iter().filter(|one| spend.of(*one) > 0);
    let words: Vec<String> = some.map(|one| one.counted(spend.of(one))).collect();
    words.join(", ")
}

/// A budget that is used up, in a few words.
pub fn used_up(account: &Account, waiting: usize) -> String {
    let short = Resource::ALL.into_iter().filter(|one| account.left(*one) == Some(0));
    let short: Vec<String> = short
        .map(|one| format!("all {} {one}", one.shown(account.limits.of(one).unwrap_or_default())))
        .collect();
    let what = if short.is_empty() { "too little left".to_owned() } else { short.join(", ") };
    let wait = match waiting {
        1 => "1 operation waits".to_owned(),
        many => format!("{many} operations wait"),
    };
    format!("{} ({what}; {wait})", account.id)
}

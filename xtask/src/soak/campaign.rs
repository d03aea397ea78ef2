//! The campaign: one thread kills the node, one starts refunds, one answers,
//! one plays tricks with the payment service; then all settles and is judged.

use super::chance::Chance;
use super::clock::{self, Moment, pause_ms};
use super::judge::{Summary, judge};
use super::options::Options;
use super::orders::{self, Order};
use super::payments::Payments;
use super::program::{Caller, Program};
use super::running::Running;
use super::waiting::{is_absence, joined};
use anyhow::{Context, bail, ensure};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};

pub struct Campaign<'a> {
    options: &'a Options,
    orders: Vec<Order>,
    payments: Option<Payments>,
    caller: Caller,
    began: Moment,
    kills: AtomicU32,
    /// Starts that were begun, and those that were confirmed.
    starting: AtomicU32,
    started: AtomicU32,
    /// The killing is over.
    calm: AtomicBool,
    /// Everything is over: threads end.
    over: AtomicBool,
}

impl<'a> Campaign<'a> {
    pub fn new(options: &'a Options, program: &'a Program) -> anyhow::Result<Campaign<'a>> {
        let orders = orders::draw(options.seed, options.refunds);
        let file = program.dir().join("orders.csv");
        std::fs::write(&file, orders::csv(&orders))?;
        let payments = Payments::start(program)?;
        let caller = program.caller(vec![
            ("REFUND_ORDERS", file.display().to_string()),
            ("REFUND_PAYMENTS", payments.url()),
            // A stall shall outlast some nodes, and not the soak.
            ("REFUND_TIMEOUT_MS", "700".to_owned()),
        ]);
        Ok(Campaign {
            options,
            orders,
            payments: Some(payments),
            caller,
            began: clock::now(),
            kills: AtomicU32::new(0),
            starting: AtomicU32::new(0),
            started: AtomicU32::new(0),
            calm: AtomicBool::new(false),
            over: AtomicBool::new(false),
        })
    }

    pub fn run(mut self) -> anyhow::Result<Summary> {
        let payments = self.payments.take().context("a campaign runs once")?;
        let shared = &self;
        let (early, mut node, payments) = std::thread::scope(|scope| {
            let starter = scope.spawn(|| shared.start_refunds());
            let answerer = scope.spawn(|| shared.answer());
            let tricks = scope.spawn(|| shared.play_tricks(payments));
            let killed = shared.kill_and_settle();
            shared.over.store(true, SeqCst);
            // The first to fail is why the others wait in vain.
            let results = (joined(tricks), joined(starter), joined(answerer), killed);
            let ((), ()) = (results.1?, results.2?);
            let (early, node) = results.3?;
            anyhow::Ok((early, node, results.0?))
        })?;
        let status = node.stop()?;
        ensure!(status.success(), "the node stopped with {status}");
        let mut summary = judge(&self.caller, &self.orders, &payments.counts()?)?;
        summary.kills = self.kills.load(SeqCst);
        summary.early = early;
        summary.payment_deaths = payments.deaths;
        Ok(summary)
    }

    /// Returns how often the node was killed before it was up, and the last node.
    fn kill_and_settle(&self) -> anyhow::Result<(u32, Running)> {
        let mut chance = Chance::new(self.options.seed, 2);
        let mut early = 0;
        for kill in 1..=self.options.kills {
            let mut node = self.caller.start("node", &["up"])?;
            match chance.between(0, 10) {
                0..2 => {
                    pause_ms(chance.between(0, 25));
                    early += u32::from(!self.caller.is_up());
                }
                2..6 => {
                    self.wait_until_up(&mut node)?;
                    self.wait_for_a_start();
                    pause_ms(chance.between(0, 25));
                }
                _ => {
                    self.wait_until_up(&mut node)?;
                    pause_ms(chance.between(20, 400));
                }
            }
            self.check_alive(&mut node)?;
            node.kill()?;
            self.kills.store(kill, SeqCst);
            if kill % (self.options.kills / 10).max(1) == 0 {
                self.tell();
            }
            self.check_time()?;
        }
        self.calm.store(true, SeqCst);
        let mut node = self.caller.start("node", &["up"])?;
        self.wait_until_up(&mut node)?;
        self.settle(&mut node)?;
        Ok((early, node))
    }

    /// A refund takes some milliseconds: a kill that shall hit it must wait for it.
    fn wait_for_a_start(&self) {
        let before = self.starting.load(SeqCst);
        for _ in 0..400 {
            if self.starting.load(SeqCst) != before {
                return;
            }
            pause_ms(1);
        }
    }

    fn settle(&self, node: &mut Running) -> anyhow::Result<()> {
        loop {
            self.check_alive(node)?;
            let limit = self.orders.len().saturating_mul(2).to_string();
            let alive = self.caller.ask(&["ps", "--kind", "refund", "--limit", &limit])?;
            let alive: Vec<_> = alive.as_array().context("ps prints a list")?.iter().collect();
            let of_ours = |process: &&&serde_json::Value| {
                self.orders.iter().any(|order| process["id"] == order.process())
            };
            let waiting = alive.iter().filter(of_ours).count();
            if waiting == 0 && self.started.load(SeqCst) == self.options.refunds {
                return Ok(());
            }
            self.check_time().with_context(|| format!("{waiting} refunds do not end"))?;
            pause_ms(200);
        }
    }

    fn tell(&self) {
        let (kills, started) = (self.kills.load(SeqCst), self.started.load(SeqCst));
        let seconds = self.began.elapsed_s();
        println!("soak: {kills} kills, {started} refunds started, {seconds} s");
    }

    fn wait_until_up(&self, node: &mut Running) -> anyhow::Result<()> {
        while !self.caller.is_up() {
            self.check_alive(node)?;
            self.check_time().context("the node does not come up")?;
            pause_ms(5);
        }
        Ok(())
    }

    /// Only we may end a node.
    fn check_alive(&self, node: &mut Running) -> anyhow::Result<()> {
        let Some(status) = node.ended()? else {
            return Ok(());
        };
        let printed = std::fs::read_to_string(self.caller.output("node")).unwrap_or_default();
        let tail: Vec<_> = printed.lines().rev().take(15).collect();
        let tail: Vec<_> = tail.into_iter().rev().collect();
        bail!("the node ended by itself with {status}:\n{}", tail.join("\n"));
    }

    fn check_time(&self) -> anyhow::Result<()> {
        let seconds_max = self.options.seconds_max;
        ensure!(self.began.elapsed_s() < seconds_max, "it takes longer than {seconds_max} s");
        Ok(())
    }

    fn is_over(&self) -> bool {
        self.over.load(SeqCst)
    }

    /// Starts refunds at the pace of the kills. A start whose answer was lost
    /// is made again: it is the same refund.
    fn start_refunds(&self) -> anyhow::Result<()> {
        for (index, order) in self.orders.iter().enumerate() {
            while !self.is_due(index) && !self.is_over() {
                pause_ms(10);
            }
            self.starting.fetch_add(1, SeqCst);
            while !self.is_over() {
                match self.caller.ask(&["run", &order.process(), "--detach"]) {
                    Ok(_) => break,
                    Err(error) if error.to_string().contains("\"exists\"") => break,
                    Err(error) if is_absence(&error) => pause_ms(20),
                    Err(error) => return Err(error),
                }
            }
            if self.is_over() {
                return Ok(());
            }
            self.started.fetch_add(1, SeqCst);
        }
        Ok(())
    }

    fn is_due(&self, index: usize) -> bool {
        let done = u64::from(self.kills.load(SeqCst)) + 1;
        let share = u64::from(self.options.refunds) * done / u64::from(self.options.kills.max(1));
        self.calm.load(SeqCst) || (index as u64) < share
    }

    /// Answers what is asked, each at a random time.
    fn answer(&self) -> anyhow::Result<()> {
        let mut chance = Chance::new(self.options.seed, 3);
        while !self.is_over() {
            pause_ms(chance.between(20, 200));
            let asks = match self.caller.ask(&["asks"]) {
                Ok(asks) => asks,
                Err(error) if is_absence(&error) => continue,
                Err(error) => return Err(error),
            };
            for ask in asks.as_array().context("asks prints a list")? {
                let asker = self.orders.iter().find(|order| ask["process"] == order.process());
                let Some(order) = asker else { continue };
                if self.is_over() || chance.percent(60) {
                    continue;
                }
                let verdict = if order.approve { "approve" } else { "reject" };
                // A node that dies now may have taken it; else it is asked again.
                let _ =
                    self.caller.ask(&["answer", ask["id"].as_str().unwrap_or_default(), verdict]);
            }
        }
        Ok(())
    }

    fn play_tricks(&self, mut payments: Payments) -> anyhow::Result<Payments> {
        let mut chance = Chance::new(self.options.seed, 4);
        while !self.is_over() {
            pause_ms(chance.between(20, 300));
            payments.keep_alive()?;
            if !self.calm.load(SeqCst) {
                payments.mischief(&mut chance);
            }
        }
        payments.keep_alive()?;
        Ok(payments)
    }
}

//! What the code does is paid from the budget of what it acts for: its own, or
//! that of the message in hand.

use super::core::{Core, Outcome, Waits};
use super::recorded::Recorded;
use crate::accounts::{Hold, Unpaid};
use greenroom_journal::PUBLISH_MAX;
use greenroom_model::budget::Spend;
use greenroom_model::{Event, Failure, Need, Op, ProcessId, failure};

/// So many messages a process that was cancelled may send beyond its budget.
const CLEANING_MAX: u64 = 100;

/// The first part of a publish under a budget reaches so many at most, each
/// further one as many as all before it: what it might cost is held until it is
/// known what it did.
const PART_MIN: u64 = 8;

/// Whether an operation is paid for.
pub(super) enum Pay {
    Paid,
    /// It waits for more.
    Waits(Box<Need>),
    /// It is another's budget, whose end must not stop this process.
    Refused(Box<Need>, Failure),
}

impl Core {
    /// Whose budget pays for what the code does now.
    pub(super) fn account(&self) -> Option<&ProcessId> {
        self.envelope_in_hand()?.account.as_ref()
    }

    /// Takes what `op` costs out of the budget.
    pub(super) fn pay(&mut self, op: Op, spend: Spend) -> Pay {
        self.pay_at_least(op, spend, spend)
    }

    /// The same, of which this much is enough to go on.
    fn pay_at_least(&mut self, op: Op, spend: Spend, least: Spend) -> Pay {
        let Some(account) = self.account().cloned() else { return Pay::Paid };
        let need = self.need(&account, least);
        // It cleans up: that must not wait for anybody. Counted in replay as well.
        let cleans = self.cancelled.is_some() && self.cleans(least);
        match self.recorded() {
            Some(Recorded::NotPaid { op: other, waits }) if *other == op => match waits {
                true => Pay::Waits(need),
                false => Pay::Refused(need, used_up(&account)),
            },
            Some(_) => Pay::Paid,
            None if self.replaying => Pay::Paid,
            None => match self.identity.accounts.hold((self.identity.no, op), &account, spend) {
                Ok(hold) => {
                    self.paid = Some(hold);
                    Pay::Paid
                }
                Err(_) if cleans => Pay::Paid,
                Err(Unpaid::Unknown) => Pay::Waits(need),
                Err(Unpaid::Short) => match self.own_account() == Some(&account) {
                    true if self.cancelled.is_none() => Pay::Waits(need),
                    _ => Pay::Refused(need, used_up(&account)),
                },
            },
        }
    }

    /// Whether it may do so, whatever is left of the budget.
    fn cleans(&mut self, spend: Spend) -> bool {
        let only_messages = spend == Spend::messages(spend.messages);
        let cleaned = self.cleaned.saturating_add(spend.messages.max(1));
        let cleans = only_messages && cleaned <= CLEANING_MAX;
        if cleans {
            self.cleaned = cleaned;
        }
        cleans
    }

    fn need(&self, account: &ProcessId, spend: Spend) -> Box<Need> {
        Box::new(Need { account: account.clone(), spend })
    }

    fn own_account(&self) -> Option<&ProcessId> {
        self.segment.carried.as_ref()?.account.as_ref()
    }

    /// Takes it out of the budget now.
    ///
    /// # Errors
    /// `budget` if there is not so much left.
    pub(super) fn pay_now(&mut self, op: Op, spend: Spend) -> Result<(), Failure> {
        let (need, failure) = match self.pay(op, spend) {
            Pay::Paid => return Ok(()),
            Pay::Waits(need) => {
                let failure = used_up(&need.account);
                (need, failure)
            }
            Pay::Refused(need, failure) => (need, failure),
        };
        self.ask(Event::SpendRefused { op, need });
        Err(failure)
    }

    /// Does something that costs as operation `op`, or waits until it is paid for.
    /// The first of the commands is what costs.
    pub(super) fn do_paid(&mut self, op: Op, mut commands: Vec<Event>) -> Result<(), Failure> {
        match self.pay_first(op, &mut commands) {
            Pay::Paid => {
                self.wait(op, true);
                self.paid_for(op, commands);
                Ok(())
            }
            Pay::Waits(need) => {
                self.ask(Event::SpendBlocked { op, need });
                self.wait(op, true);
                self.put_off(op, Waits::ToDo(commands));
                Ok(())
            }
            Pay::Refused(need, failure) => {
                self.ask(Event::SpendRefused { op, need });
                Err(failure)
            }
        }
    }

    /// It has been waited for, and is tried again.
    pub(super) fn pay_again(&mut self, op: Op, mut commands: Vec<Event>) {
        match self.pay_first(op, &mut commands) {
            Pay::Paid => self.paid_for(op, commands),
            Pay::Waits(need) => {
                self.ask(Event::SpendBlocked { op, need });
                self.put_off(op, Waits::ToDo(commands));
            }
            Pay::Refused(need, failure) => {
                self.ask(Event::SpendRefused { op, need });
                self.resolve(op, Outcome::Value(Err(failure)));
            }
        }
    }

    fn pay_first(&mut self, op: Op, commands: &mut [Event]) -> Pay {
        let Some(command) = commands.first_mut() else { return Pay::Paid };
        let one = matches!(command, Event::Published { .. }).then(|| Spend::messages(1));
        if let (Err(Unpaid::Unknown), Some(account)) = (self.fit(command), self.account()) {
            return Pay::Waits(self.need(account, Spend::messages(1)));
        }
        let cost = command.cost().unwrap_or_default();
        // One that a publish reaches is enough to go on.
        self.pay_at_least(op, cost, one.unwrap_or(cost))
    }

    /// A publish under a budget reaches as many as can be paid for, part by part.
    ///
    /// # Errors
    /// The store could not be read.
    fn fit(&self, command: &mut Event) -> Result<(), Unpaid> {
        let Event::Published { at_most, .. } = command else { return Ok(()) };
        let told = at_most.take().map_or(0, u64::from);
        if let (Some(account), true) = (self.account(), self.is_new()) {
            let left = self.identity.accounts.messages_left(self.identity.no, account)?;
            let part = told.clamp(PART_MIN, PUBLISH_MAX as u64);
            let most = left.map(|left| left.clamp(1, part));
            *at_most = most.and_then(|most| u32::try_from(most).ok());
        }
        Ok(())
    }

    fn paid_for(&mut self, op: Op, commands: Vec<Event>) {
        let answered = matches!(commands.first(), Some(Event::Published { .. }));
        commands.into_iter().for_each(|command| self.ask(command));
        if !answered {
            self.no_record(op);
            self.resolve(op, Outcome::Fired);
        }
    }

    /// What this command costs is on its way from here on.
    pub(super) fn hold(&mut self, command: &Event) {
        let payer = match command {
            Event::BudgetSpent { settles: Some(settles), .. } => settles.account.as_ref(),
            _ => self.account(),
        };
        let Some(account) = payer.cloned() else { return };
        let Some(spend) = command.cost().filter(|_| self.is_new()) else { return };
        let hold = match self.paid.take() {
            Some(hold) => hold,
            None => {
                let amounts = (spend, command.gives_back());
                self.identity.accounts.hold_anyway(self.identity.no, &account, amounts)
            }
        };
        self.holds.push(hold);
    }

    /// What has been set aside for commands since this was asked last.
    pub fn take_holds(&mut self) -> Vec<Hold> {
        self.paid = None;
        std::mem::take(&mut self.holds)
    }
}

/// Without amounts: replay must give the same words.
pub(super) fn used_up(account: &ProcessId) -> Failure {
    let words = format!(
        "the budget of {account} is used up; `greenroom budget {account}` shows it, with --add it \
         is raised"
    );
    Failure::fatal(failure::BUDGET, words)
}

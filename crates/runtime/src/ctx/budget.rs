//! What the code uses up beside messages: tokens, money.

use super::core::{Outcome, Shared, lock};
use super::handle::Ctx;
use super::operation::{Operation, unexpected};
use crate::accounts::Accounts;
use greenroom_model::budget::{Resource, Spend};
use greenroom_model::{Event, Failure, Op, ProcessId, Settles, failure};
use std::fmt;
use std::sync::Arc;

/// Something that the budget has paid for in advance.
#[must_use = "what is not settled stays paid for"]
pub struct Reserved {
    core: Shared,
    amount: Spend,
    settles: Settles,
}

impl fmt::Debug for Reserved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Reserved").field(&self.amount).finish()
    }
}

impl Reserved {
    /// How much.
    pub fn amount(&self) -> Spend {
        self.amount
    }

    /// Says what it has come to: the rest goes back to the budget that has paid, and
    /// what is more it pays as well, whether there is so much left or not. It goes
    /// back once: after a restart that takes this back, and in a fork, nothing is
    /// left of what was reserved, and all that it comes to then is paid.
    pub fn settle(self, actual: Spend) {
        let mut core = lock(&self.core);
        let op = core.number();
        let amount = match core.identity.used_up.contains(&self.settles.of) {
            true => Spend::default(),
            false => self.amount,
        };
        let (spent, back) = (actual.minus(amount), amount.minus(actual));
        let settles = Some(Box::new(self.settles));
        core.ask(Event::BudgetSpent { op, spent, back, open: false, settles });
    }
}

/// What the budget limits that pays for what the code does. It is not journaled: ask it in a
/// step, whose result is.
#[derive(Clone)]
pub struct Limited(Option<(Arc<Accounts>, ProcessId)>);

impl fmt::Debug for Limited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Limited").field(&self.0.as_ref().map(|(_, account)| account)).finish()
    }
}

impl Limited {
    /// Whether it limits this, itself or by a budget that it was taken from.
    ///
    /// # Errors
    /// The store could not be read just now. Retryable.
    pub fn is_of(&self, resource: Resource) -> Result<bool, Failure> {
        let Some((accounts, account)) = &self.0 else { return Ok(false) };
        accounts.limits(account, resource).ok_or_else(|| {
            let words = format!("the store could not be read for the budget of {account}");
            Failure::new(failure::ERROR, words)
        })
    }
}

/// Something that is paid for in advance.
fn in_advance(op: Op, spent: Spend) -> Event {
    Event::BudgetSpent { op, spent, back: Spend::default(), open: true, settles: None }
}

impl Ctx {
    /// Notes that so much was used up: of the budget of what the code acts for,
    /// if that has one, and in the history. What is more than is left is noted
    /// all the same; whatever is to be paid next then waits until there is more.
    ///
    /// # Errors
    /// `needs_journal` in an ephemeral process.
    pub fn charge(&self, spent: Spend) -> Result<(), Failure> {
        let mut core = lock(self.core("`charge`")?);
        let op = core.number();
        let (back, open, settles) = (Spend::default(), false, None);
        core.ask(Event::BudgetSpent { op, spent, back, open, settles });
        Ok(())
    }

    /// What the budget limits that pays for what the code does now. Of an ephemeral process
    /// nothing.
    pub fn limited(&self) -> Limited {
        let core = self.core("`limited`").map(lock);
        Limited(
            core.ok()
                .and_then(|core| Some((core.identity.accounts.clone(), core.account()?.clone()))),
        )
    }

    /// Takes so much out of the budget before it is used up, so that a call of a
    /// model is not made that nobody can pay for. If the process's own budget has
    /// not so much left, this waits, durably, until it is raised or something
    /// comes back. What is not [settled](Reserved::settle), after a failure say,
    /// stays used up.
    ///
    /// Fails as `budget` if it is not the process's own budget that is used up,
    /// but that of the message in hand.
    pub fn reserve(
        &self,
        amount: Spend,
    ) -> impl Future<Output = Result<Reserved, Failure>> + use<> {
        let core = self.core("`reserve`").cloned();
        async move {
            let core = core?;
            let (number, account) = {
                let mut core = lock(&core);
                (core.number(), core.account().cloned())
            };
            let paid: Operation<()> = Operation::new(
                &core,
                move |core| {
                    core.do_paid(number, vec![in_advance(number, amount)])?;
                    Ok(number)
                },
                |outcome| match outcome {
                    Outcome::Fired => Ok(()),
                    Outcome::Value(Err(failure)) => Err(failure),
                    other => Err(unexpected(&other)),
                },
            );
            paid.await?;
            Ok(Reserved { core, amount, settles: Settles { of: number, account } })
        }
    }

    /// The same, but it never waits: fails as `budget` if there is not so much
    /// left.
    ///
    /// # Errors
    /// `budget`.
    pub fn try_reserve(&self, amount: Spend) -> Result<Reserved, Failure> {
        let shared = self.core("`try_reserve`")?;
        let mut core = lock(shared);
        let op = core.number();
        core.pay_now(op, amount)?;
        let settles = Settles { of: op, account: core.account().cloned() };
        core.ask(in_advance(op, amount));
        drop(core);
        Ok(Reserved { core: shared.clone(), amount, settles })
    }
}

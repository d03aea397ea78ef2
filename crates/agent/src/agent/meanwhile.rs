//! What is heard while calls of tools are prepared and run: that tools are taken away,
//! and that the time is over. Both end what they are about, at once.

use super::clock::{Clock, Ended, Ends};
use super::inbox::Inbox;
use super::run::Run;
use super::state::REVOKED;
use super::team;
use greenroom_model::Failure;
use greenroom_runtime::{Either, select};
use std::pin::pin;

impl Run {
    /// The time that it still has.
    pub fn clock(&self) -> Clock {
        let limits = &self.setup.definition.limits;
        let left = self.thread.watch.left(limits, self.ctx.now());
        let is_over = left.is_some_and(|left| left.is_zero());
        Clock { left: left.map(|left| self.ctx.sleep(left)), is_over }
    }

    /// Why a call of this tool was ended.
    pub fn ended<'a>(&self, name: &'a str) -> Ended<'a> {
        match self.tools.is_revoked(name) {
            true => Ended::Revoked(name),
            false => Ended::TimeIsOver,
        }
    }

    /// Waits for what is done, and ends what may not go on.
    pub async fn hearing<T>(
        &self,
        inbox: &mut Inbox,
        clock: &mut Clock,
        ends: &Ends,
        work: impl Future<Output = T>,
    ) -> Result<T, Failure> {
        if clock.is_over {
            ends.end(|_| true);
        }
        let mut work = pin!(work);
        loop {
            let heard = {
                let (revoked, over) = (pin!(inbox.revoked()), pin!(clock.over()));
                match select(select(revoked, over), &mut work).await {
                    Either::Left(heard) => heard,
                    Either::Right(done) => return Ok(done),
                }
            };
            match heard {
                Either::Left(names) => {
                    self.revoke(&names?).await?;
                    ends.end(|name| self.tools.is_revoked(name));
                }
                Either::Right(over) => {
                    over?;
                    clock.is_over = true;
                    ends.end(|_| true);
                }
            }
        }
    }

    /// Agents whose result was waited for when the time was over are stopped.
    pub async fn stop_others(&self) -> Result<(), Failure> {
        let (agents, team) = (&self.setup.agents, &self.thread.team);
        team::stop_others(&self.ctx, agents, team, "the time of its lead is over").await
    }

    /// Takes tools away, from those it has started as well.
    pub async fn revoke(&self, names: &[String]) -> Result<(), Failure> {
        if !self.tools.revoke(names) {
            return Ok(());
        }
        self.ctx.set(REVOKED, &self.tools.revoked())?;
        team::revoke_below(&self.ctx, &self.setup.agents, names).await
    }
}

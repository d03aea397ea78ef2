//! Where a process is found: registered names, groups, and the process's own
//! children. What is asked is answered by the store with the commit that asks,
//! and recorded.

use super::core::{Core, lock};
use super::handle::Ctx;
use super::operation::{Operation, read_value};
use greenroom_model::{Event, Failure, Lookup, Place, ProcessId, failure};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::future::Future;

impl Ctx {
    /// Takes a name, which no other process may have. It is free again when
    /// this process ends for good, or with [`unregister`](Ctx::unregister).
    ///
    /// # Errors
    /// `already_registered`, saying who has it; `bad_name`.
    pub fn register(&self, name: &str) -> Operation<()> {
        let place = Place::Name(name.to_owned());
        self.journaled(
            "a name",
            move |core| {
                check(&place)?;
                let op = core.number();
                core.ask(Event::PlaceTaken { op, place });
                core.wait(op, true);
                Ok(op)
            },
            |outcome| read_value::<bool>(outcome).map(drop),
        )
    }

    /// Gives a name back.
    pub fn unregister(&self, name: &str) {
        self.leave(Place::Name(name.to_owned()));
    }

    /// Who has this name.
    pub fn whereis(&self, name: &str) -> Operation<Option<ProcessId>> {
        self.look_up(Lookup::Name(name.to_owned()))
    }

    /// Sends a message to whoever has this name, and says who that was.
    ///
    /// # Errors
    /// `no_process` if nobody has it.
    pub fn send_to_name<T: Serialize + ?Sized>(
        &self,
        name: &str,
        topic: &str,
        body: &T,
    ) -> impl Future<Output = Result<ProcessId, Failure>> + use<T> {
        let (ctx, found) = (self.clone(), self.whereis(name));
        let missing = format!("no process has the name {name}");
        let (topic, body) = (topic.to_owned(), super::operation::payload(body));
        async move {
            let missing = || Failure::fatal(failure::NO_PROCESS, missing);
            let to = found.await?.ok_or_else(missing)?;
            ctx.send(&to, &topic, &body?).await?;
            Ok(to)
        }
    }

    /// Joins a group (OTP's `pg`); it leaves it when it ends for good.
    ///
    /// # Errors
    /// `bad_name`.
    pub fn join_group(&self, group: &str) -> Result<(), Failure> {
        self.join(Place::Group(group.to_owned()))
    }

    /// Leaves a group.
    pub fn leave_group(&self, group: &str) {
        self.leave(Place::Group(group.to_owned()));
    }

    /// Who is in a group, in the order they were started; the first 10,000.
    pub fn members(&self, group: &str) -> Operation<Vec<ProcessId>> {
        self.look_up(Lookup::Group(group.to_owned()))
    }

    /// Which of the processes it has spawned have not ended, in the order they
    /// were started; the first 10,000.
    pub fn children(&self) -> Operation<Vec<ProcessId>> {
        self.look_up(Lookup::Children)
    }

    pub(super) fn join(&self, place: Place) -> Result<(), Failure> {
        check(&place)?;
        let mut core = lock(self.core("a group or a subscription")?);
        let op = core.number();
        core.ask(Event::PlaceTaken { op, place });
        Ok(())
    }

    pub(super) fn leave(&self, place: Place) {
        // An ephemeral process has none to leave.
        let Ok(core) = self.core("a name") else { return };
        let mut core = lock(core);
        let op = core.number();
        core.ask(Event::PlaceLeft { op, place });
    }

    fn look_up<T: DeserializeOwned + 'static>(&self, lookup: Lookup) -> Operation<T> {
        let ask = move |core: &mut Core| {
            let op = core.number();
            core.ask(Event::LookupStarted { op, lookup });
            core.wait(op, true);
            Ok(op)
        };
        self.journaled("a name, a group or a list of children", ask, read_value)
    }
}

fn check(place: &Place) -> Result<(), Failure> {
    place.check().map_err(|why| Failure::fatal(failure::BAD_NAME, why))
}

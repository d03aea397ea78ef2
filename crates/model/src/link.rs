//! What the end of one process means to those linked to it. Pure.

use crate::{Exit, Failure, ProcessId, failure};

/// How a process ends that is linked to `id`, which ended so, if it does not
/// trap exits. `None`: it does not end, as the other ended normally.
///
/// As in OTP the reason is passed on: along a chain of links all end with the
/// words of the first.
pub fn linked_exit(id: &ProcessId, exit: &Exit) -> Option<Exit> {
    let words = match exit {
        Exit::Normal(_) => return None,
        Exit::Shutdown(_) | Exit::Cancelled(_) => return Some(exit.clone()),
        Exit::Error(failure) if failure.is(failure::LINKED) => return Some(exit.clone()),
        Exit::NoProcess => {
            let words = format!("linked to {id}, which has ended or never was");
            return Some(Exit::Error(Failure::fatal(failure::NO_PROCESS, words)));
        }
        Exit::Error(_) | Exit::Killed(_) => format!("{id} ended: {exit}"),
    };
    Some(Exit::Error(Failure::fatal(failure::LINKED, words)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Payload;

    fn of(id: &str, exit: Exit) -> Option<Exit> {
        linked_exit(&ProcessId::parse(id).unwrap(), &exit)
    }

    #[test]
    fn any_reason_but_normal_is_passed_on() {
        assert_eq!(of("a/1", Exit::Normal(Payload::null())), None);
        let shutdown = Exit::Shutdown("bye".into());
        assert_eq!(of("a/1", shutdown.clone()), Some(shutdown));
        let first = of("a/1", Exit::Error(Failure::msg("broken"))).unwrap();
        assert_eq!(first.to_string(), "error: linked: a/1 ended: error: broken");
        assert_eq!(of("a/2", first.clone()), Some(first), "the words of the first");
        let killed = of("a/1", Exit::Killed("enough".into())).unwrap();
        assert_eq!(killed.to_string(), "error: linked: a/1 ended: killed: enough");
        let nobody = of("a/1", Exit::NoProcess).unwrap();
        assert!(nobody.to_string().starts_with("error: no_process: "), "{nobody}");
    }
}

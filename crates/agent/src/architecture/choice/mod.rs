//! Which architecture is the smallest that fits: five answers in, one out, with why.
//! Pure.

#[cfg(test)]
mod tests;

use serde::Serialize;

/// How agents are put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Architecture {
    /// One agent with tools.
    Single,
    /// Known steps, each checked.
    Pipeline,
    /// A lead that has others work.
    Hierarchical,
    /// Peers without a lead.
    Swarm,
}

impl Architecture {
    /// All of them, the smallest first.
    pub const ALL: [Architecture; 4] = [
        Architecture::Single,
        Architecture::Pipeline,
        Architecture::Hierarchical,
        Architecture::Swarm,
    ];

    /// Its name.
    pub fn word(self) -> &'static str {
        match self {
            Architecture::Single => "single",
            Architecture::Pipeline => "pipeline",
            Architecture::Hierarchical => "hierarchical",
            Architecture::Swarm => "swarm",
        }
    }
}

/// Are the steps known?
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Steps {
    /// They could be written down.
    Known,
    /// They depend on what is found.
    Unknown,
}

/// What does an error cost?
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ErrorCost {
    /// It is seen and done again.
    Cheap,
    /// Money, data or trust.
    Costly,
}

/// How many systems does it touch?
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Systems {
    /// One.
    One,
    /// More.
    Several,
}

/// How long does it run?
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Runs {
    /// Somebody waits for it.
    Seconds,
    /// Over a coffee, or lunch.
    Hours,
    /// Over nights.
    Days,
}

/// How many capabilities does it need?
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Capabilities {
    /// About as many as one prompt can explain: ten tools or fewer.
    Few,
    /// More.
    Many,
}

/// The five answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Answers {
    /// Are the steps known?
    pub steps: Steps,
    /// What does an error cost?
    pub error: ErrorCost,
    /// How many systems?
    pub systems: Systems,
    /// How long does it run?
    pub runs: Runs,
    /// How many capabilities?
    pub capabilities: Capabilities,
}

/// What fits, why, and what the next larger one would be for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Choice {
    /// The smallest that fits.
    pub architecture: Architecture,
    /// Why, in a sentence.
    pub why: &'static str,
    /// What the next larger one would be for, in a sentence.
    pub larger: &'static str,
}

/// Which one fits.
pub fn choose(answers: Answers) -> Choice {
    let Answers { steps, error, systems, runs, capabilities } = answers;
    let is_wide = capabilities == Capabilities::Many;
    // One run after another over several systems fills one conversation with all of them.
    let is_long = systems == Systems::Several && runs > Runs::Seconds;
    match steps {
        Steps::Known if error == ErrorCost::Costly => pipeline(
            "The steps are known and an error is costly, so each step's output is checked before \
             the next one begins, and a step that fails has a fallback.",
        ),
        Steps::Known if is_wide || is_long => pipeline(
            "The steps are known and too much for one conversation, so each is done by itself \
             and hands on only what the next one needs.",
        ),
        Steps::Known => single(
            "The steps are known, few and cheap to repeat: one agent that is told them is enough.",
        ),
        // Peers check each other, but nobody answers for what they do.
        Steps::Unknown
            if is_wide
                && systems == Systems::Several
                && runs == Runs::Days
                && error == ErrorCost::Cheap =>
        {
            Choice {
                architecture: Architecture::Swarm,
                why: "The steps are unknown, it goes on for days over several systems with many \
                      capabilities, and an error is cheap: peers can follow what they find without \
                      one that plans for all.",
                larger: "There is no larger one; if an error becomes costly, go back to \
                         hierarchical, where one answers for the result.",
            }
        }
        Steps::Unknown if is_wide || is_long => Choice {
            architecture: Architecture::Hierarchical,
            why: "The steps are unknown and too much for one conversation, so a lead splits the \
                  work among agents with few tools each, and answers for the result.",
            larger: "The next larger one, a swarm, is for open-ended search over days in which an \
                     error is cheap and no single plan holds.",
        },
        Steps::Unknown => single(
            "The steps are unknown but the capabilities are few: one agent in a loop finds them, \
             and is the easiest to follow and to limit.",
        ),
    }
}

fn single(why: &'static str) -> Choice {
    let larger = "The next larger one, a pipeline, is for known steps whose results have to be \
                  checked one by one; a lead with helpers is for more than one conversation holds.";
    Choice { architecture: Architecture::Single, why, larger }
}

fn pipeline(why: &'static str) -> Choice {
    let larger = "The next larger one, hierarchical, is for work whose steps only show while it \
                  is done.";
    Choice { architecture: Architecture::Pipeline, why, larger }
}

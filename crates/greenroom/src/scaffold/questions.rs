//! The five questions of `new`: what is asked, what may be answered, and what the
//! answers mean. Knows no terminal.

use greenroom_agent::architecture::choice::{
    Answers, Capabilities, ErrorCost, Runs, Steps, Systems,
};

/// A question.
pub struct Question {
    /// The flag that answers it.
    pub flag: &'static str,
    /// In words.
    pub words: &'static str,
    /// What may be answered, and what that means.
    pub options: &'static [(&'static str, &'static str)],
}

/// All of them, in the order of `--answers`.
pub const QUESTIONS: [Question; 5] = [
    Question {
        flag: "steps",
        words: "Are the steps known?",
        options: &[
            ("known", "they could be written down"),
            ("unknown", "they depend on what is found"),
        ],
    },
    Question {
        flag: "error",
        words: "What does an error cost?",
        options: &[("cheap", "it is seen and done again"), ("costly", "money, data or trust")],
    },
    Question {
        flag: "systems",
        words: "How many systems does it touch?",
        options: &[("one", "or none but its own files"), ("several", "it moves between them")],
    },
    Question {
        flag: "runs",
        words: "How long does it run?",
        options: &[
            ("seconds", "somebody waits for it"),
            ("hours", "or minutes"),
            ("days", "over nights"),
        ],
    },
    Question {
        flag: "capabilities",
        words: "How many capabilities does it need?",
        options: &[("few", "ten tools or fewer"), ("many", "more than one prompt can explain")],
    },
];

impl Question {
    /// The answer that these words are: its word, the beginning of it, or its number.
    pub fn read(&self, words: &str) -> Option<usize> {
        let words = words.trim().to_lowercase();
        let number = words.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
        let by_word = || {
            let fits = |(word, _): &(&str, &str)| !words.is_empty() && word.starts_with(&words);
            self.options.iter().position(fits)
        };
        number.filter(|number| *number < self.options.len()).or_else(by_word)
    }

    /// What may be answered, in a line.
    pub fn options(&self) -> String {
        let words: Vec<&str> = self.options.iter().map(|(word, _)| *word).collect();
        words.join("|")
    }
}

/// What the places of the answers mean.
pub fn answers([steps, error, systems, runs, capabilities]: [usize; 5]) -> Answers {
    Answers {
        steps: if steps == 0 { Steps::Known } else { Steps::Unknown },
        error: if error == 0 { ErrorCost::Cheap } else { ErrorCost::Costly },
        systems: if systems == 0 { Systems::One } else { Systems::Several },
        runs: [Runs::Seconds, Runs::Hours, Runs::Days][runs.min(2)],
        capabilities: if capabilities == 0 { Capabilities::Few } else { Capabilities::Many },
    }
}

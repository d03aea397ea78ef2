//! Questions to people.

use super::Given;
use greenroom_model::{AskId, Millis, Op, Payload, ProcessId};
use greenroom_runtime::journal::AskRow;
use serde::{Deserialize, Serialize};

/// Open questions, oldest first.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Asks {
    /// The questions.
    pub asks: Vec<Ask>,
}

/// An open question.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Ask {
    /// `KIND/KEY#NUMBER`.
    pub id: String,
    /// Who asks.
    pub process: ProcessId,
    /// The operation that waits.
    pub op: Op,
    /// What the answer is called.
    pub name: String,
    /// The question.
    pub question: String,
    /// The answers allowed; empty allows any.
    pub choices: Vec<String>,
    /// When the default is taken, or it fails.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Millis>,
    /// The answer if nobody gives one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Payload>,
    /// Since when.
    pub opened_at: Millis,
}

impl From<AskRow> for Ask {
    fn from(row: AskRow) -> Ask {
        let id = AskId { process: row.process.clone(), op: row.op };
        Ask {
            id: id.to_string(),
            process: row.process,
            op: row.op,
            name: row.spec.name,
            question: row.spec.question,
            choices: row.spec.choices,
            deadline: row.spec.deadline,
            default: row.spec.default,
            opened_at: row.opened_at,
        }
    }
}

/// `POST /v1/asks/{kind}/{key}/{op}`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AnswerRequest {
    /// The answer.
    pub value: Given,
}

//! Budgets: what is left, and giving more.

use crate::extract::{Body, Change, Target};
use crate::refusal::Refusal;
use crate::wire::RaiseRequest;
use axum::Json;
use axum::extract::State;
use greenroom_runtime::{BudgetReport, Node};

/// What pays for what a process does on its own account.
pub async fn get(
    State(node): State<Node>,
    Target(id): Target,
) -> Result<Json<BudgetReport>, Refusal> {
    Ok(Json(node.budget(&id).await?))
}

/// Gives more: the budget as it is then.
pub async fn raise(
    Change(node): Change,
    Target(id): Target,
    Body(request): Body<RaiseRequest>,
) -> Result<Json<BudgetReport>, Refusal> {
    Ok(Json(node.raise_budget(&id, request.add).await?))
}

//! What a run begins with, journaled: a definition or a tool that changes later
//! changes no run that has begun.

use super::parts::Parts;
use crate::definition::Definition;
use crate::tool::{Approval, Pattern, Policy, Tool};
use greenroom_model::Failure;
use greenroom_runtime::Ctx;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What a run begins with.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Setup {
    /// The definition.
    pub definition: Definition,
    /// The names of the tools it has, in order.
    pub tools: Vec<String>,
}

/// The tools of a run, as the node has them now.
pub(super) struct Tools {
    tools: Vec<Arc<Tool>>,
    approve: Vec<(Pattern, Approval)>,
}

impl Setup {
    pub async fn read(ctx: &Ctx, parts: &Parts) -> Result<Setup, Failure> {
        let parts = parts.clone();
        ctx.step("definition", move |_| {
            let setup = Setup::of(&parts);
            async move { setup }
        })
        .await
    }

    fn of(parts: &Parts) -> Result<Setup, Failure> {
        if let Some(problem) = &parts.problem {
            return Err(Failure::fatal(BAD_DEFINITION, problem.to_string()));
        }
        let definition = parts.definition.clone();
        let allowed = definition.tools.as_deref().map(patterns).transpose()?;
        let barred = patterns(&definition.disallowed_tools)?;
        let any = |list: &[Pattern], name: &str| list.iter().any(|one| one.is_met_by(name));
        let has = |name: &&str| {
            allowed.as_deref().is_none_or(|list| any(list, name)) && !any(&barred, name)
        };
        let names = parts.tools.iter().map(|tool| tool.spec.name.as_str());
        let tools = names.filter(has).map(str::to_owned).collect();
        Ok(Setup { definition, tools })
    }
}

fn patterns(names: &[String]) -> Result<Vec<Pattern>, Failure> {
    names.iter().map(|name| pattern(name)).collect()
}

fn pattern(name: &str) -> Result<Pattern, Failure> {
    Pattern::new(name).map_err(|words| Failure::fatal(BAD_DEFINITION, words))
}

/// The kind of failure of an agent whose definition cannot be.
pub const BAD_DEFINITION: &str = "bad_definition";

impl Tools {
    /// Those that the run began with, as far as the node still has them.
    pub fn of(setup: &Setup, parts: &Parts) -> Result<Tools, Failure> {
        let approve = setup.definition.approve.iter();
        let approve = approve.map(|(name, approval)| Ok((pattern(name)?, approval.clone())));
        let find = |name: &String| parts.tools.get(name).cloned().map(Arc::new);
        Ok(Tools {
            tools: setup.tools.iter().filter_map(find).collect(),
            approve: approve.collect::<Result<_, Failure>>()?,
        })
    }

    /// Takes tools away.
    pub fn revoke(&mut self, names: &[String]) -> Result<(), Failure> {
        let revoked = patterns(names)?;
        self.tools.retain(|tool| !revoked.iter().any(|one| one.is_met_by(&tool.spec.name)));
        Ok(())
    }

    pub fn all(&self) -> &[Arc<Tool>] {
        &self.tools
    }

    pub fn find(&self, name: &str) -> Option<&Arc<Tool>> {
        self.tools.iter().find(|tool| tool.spec.name == name)
    }

    /// Whether a person is asked: what the definition says goes before what the
    /// tool says itself, and of several patterns the longest.
    pub fn approval<'a>(&'a self, name: &str, policy: &'a Policy) -> &'a Approval {
        let fitting = self.approve.iter().filter(|(pattern, _)| pattern.is_met_by(name));
        let longest = fitting.max_by_key(|(pattern, _)| pattern.as_str().len());
        longest.map_or(&policy.approval, |(_, approval)| approval)
    }
}

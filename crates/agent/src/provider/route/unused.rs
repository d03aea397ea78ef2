//! Prices that no model has. Pure.

use super::builtin;
use super::config::{ModelsConfig, OneOrMore};
use crate::provider::price::undated;
use std::collections::BTreeSet;

impl ModelsConfig {
    /// Prices that nothing costs: of no model that this, or one of these names, or a role that
    /// is always there stands for. A mistyped one, say.
    pub fn unused_prices<'a>(&'a self, names: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
        let listed = self.models.values().flat_map(OneOrMore::iter);
        let mut models = BTreeSet::new();
        for name in listed.chain(names).chain(builtin::ROLES) {
            if name.contains('/') {
                models.insert(name.to_owned());
            } else if let Some(provider) = builtin::provider_of(name) {
                models.insert(format!("{provider}/{name}"));
            } else {
                let of_role = builtin::role(name).into_iter().flatten();
                models.extend(of_role.map(|(provider, model)| format!("{provider}/{model}")));
            }
        }
        let is_unused = |price: &&str| match price.split_once('/') {
            Some((provider, "*")) => {
                !self.providers.contains_key(provider) && !builtin::has_provider(provider)
            }
            _ => !models.iter().any(|name| name == price || undated(name) == Some(price)),
        };
        self.prices.keys().map(String::as_str).filter(is_unused).collect()
    }
}

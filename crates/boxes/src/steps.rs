//! Who is told before each thing that a crash could fall between. A test ends the
//! process there.

use std::fmt;
use std::sync::Arc;

/// Told of each step by its name; by default nobody is.
#[derive(Clone, Default)]
pub struct Steps(Option<Arc<dyn Fn(&'static str) + Send + Sync>>);

impl Steps {
    /// Tells this function.
    pub fn told_to(listener: impl Fn(&'static str) + Send + Sync + 'static) -> Steps {
        Steps(Some(Arc::new(listener)))
    }

    /// What comes next.
    pub(crate) fn at(&self, step: &'static str) {
        if let Some(listener) = &self.0 {
            listener(step);
        }
    }
}

impl fmt::Debug for Steps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Steps(told)" } else { "Steps" })
    }
}

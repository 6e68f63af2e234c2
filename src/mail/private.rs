//! A value that came out of somebody's mail: it can be used, it cannot be printed.

use serde::{Deserialize, Serialize};

/// Content of a message. It has no `Debug` and no `Display`, so that a log line or an error text that
/// would carry it does not compile. It crosses the wire between the cage and `watch`, hence `Serialize`.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Private<T>(T);

impl<T> Private<T> {
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// The content itself. Whoever calls this answers for where it goes.
    pub fn expose(&self) -> &T {
        &self.0
    }

    pub fn into_inner(self) -> T {
        self.0
    }
}

//! How much one rule may hold before it is taken to be wrong (D8).

/// A rule that exceeds both bounds on one day flags from then on, until it is another version.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HoldLimit {
    /// In cases a day.
    pub cases: u64,
    /// Of the messages that were scanned that day; 0 to 1.
    pub share: f64,
}

impl Default for HoldLimit {
    fn default() -> Self {
        Self { cases: 25, share: 0.01 }
    }
}

impl HoldLimit {
    /// Whether so many cases of so many messages are too many.
    #[allow(clippy::cast_precision_loss, reason = "no school has 2^52 messages a day")]
    pub fn is_exceeded_by(&self, cases: u64, scanned: u64) -> bool {
        cases > self.cases && cases as f64 > self.share * scanned as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_holds_too_much_when_it_is_both_many_and_a_large_share() {
        let limit = HoldLimit { cases: 5, share: 0.01 };
        assert!(!limit.is_exceeded_by(5, 10), "a few on a quiet day");
        assert!(!limit.is_exceeded_by(6, 600), "many, and few of all");
        assert!(limit.is_exceeded_by(6, 599));
    }
}

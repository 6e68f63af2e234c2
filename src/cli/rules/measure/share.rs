//! How many of how many, and between which bounds the truth lies.

use std::fmt;

/// Of the standard normal distribution: 95 % lie within so many deviations.
const Z: f64 = 1.959_964;

/// So many of so many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Share {
    pub of: u64,
    pub hits: u64,
}

impl Share {
    pub fn count(&mut self, hit: bool) {
        self.of += 1;
        self.hits += u64::from(hit);
    }

    pub fn add(&mut self, other: Self) {
        self.of += other.of;
        self.hits += other.hits;
    }

    /// 0 to 1; 0 of nothing.
    #[allow(clippy::cast_precision_loss, reason = "nobody has 2^52 samples")]
    pub fn rate(self) -> f64 {
        if self.of == 0 { 0.0 } else { self.hits as f64 / self.of as f64 }
    }

    /// Where the rate lies with 95 % confidence. Source: E. B. Wilson, "Probable inference, the law of succession, and
    /// statistical inference", Journal of the American Statistical Association 22 (1927).
    #[allow(clippy::cast_precision_loss, reason = "nobody has 2^52 samples")]
    pub fn interval(self) -> (f64, f64) {
        if self.of == 0 {
            return (0.0, 1.0);
        }
        let (n, p) = (self.of as f64, self.rate());
        let middle = p + Z * Z / (2.0 * n);
        let reach = Z * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
        let whole = 1.0 + Z * Z / n;
        (((middle - reach) / whole).max(0.0), ((middle + reach) / whole).min(1.0))
    }

    /// A rate and its interval in units of which `per` make the whole: 100 for per cent.
    pub fn per(self, per: f64) -> Per {
        Per { share: self, per }
    }
}

/// `93.3 [78.7-98.2] of 30`; a dash of nothing.
pub struct Per {
    share: Share,
    per: f64,
}

impl fmt::Display for Per {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { share, per } = self;
        if share.of == 0 {
            return f.write_str("-");
        }
        let (low, high) = share.interval();
        write!(f, "{:.1} [{:.1}-{:.1}] of {}", share.rate() * per, low * per, high * per, share.of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_is_the_one_of_the_textbook() {
        for (share, expected) in [
            (Share { of: 10, hits: 0 }, "0.0 [0.0-27.8] of 10"),
            (Share { of: 30, hits: 28 }, "93.3 [78.7-98.2] of 30"),
            (Share { of: 263, hits: 81 }, "30.8 [25.5-36.6] of 263"),
            (Share::default(), "-"),
        ] {
            assert_eq!(share.per(100.0).to_string(), expected);
        }
    }
}

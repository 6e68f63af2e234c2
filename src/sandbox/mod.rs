//! The cage around whatever reads hostile bytes.

/// Proof that this process is caged. Whoever examines a message has to show it.
pub struct Caged(());

#[cfg(test)]
impl Caged {
    /// Tests examine benign messages that they made themselves.
    pub fn for_tests() -> Self {
        Self(())
    }
}

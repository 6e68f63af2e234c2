//! What of a rule is not needed to match it, and is to explain it: names and reasons, as they are written.

use super::form::RuleForm;

#[derive(Clone, Default)]
pub struct Wording {
    /// Of the signals, in their order.
    pub signals: Vec<String>,
    pub fire: String,
    /// When each adjustment applies, and because of what.
    pub adjustments: Vec<(String, String)>,
}

impl Wording {
    pub fn of(form: &RuleForm) -> Self {
        Self {
            signals: form.signal.iter().map(|signal| signal.name.get_ref().clone()).collect(),
            fire: form.decide.fire.get_ref().clone(),
            adjustments: form.adjust.iter().map(|adjust| (adjust.when.get_ref().clone(), adjust.because.get_ref().clone())).collect(),
        }
    }
}

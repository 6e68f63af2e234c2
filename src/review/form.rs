//! The fields of a form or of the part of an address behind its `?`.

/// In the order in which they came; of a name that comes twice the first counts.
#[derive(Clone, Debug, Default)]
pub struct Form(Vec<(String, String)>);

impl Form {
    pub fn parse(octets: &[u8]) -> Self {
        Self(form_urlencoded::parse(octets).into_owned().collect())
    }

    /// Empty where it is absent; without blanks at its ends.
    pub fn text(&self, name: &str) -> &str {
        self.0.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value.trim())
    }

    /// As it was typed: for what may begin or end with a blank.
    pub fn secret(&self, name: &str) -> &str {
        self.0.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// Every value of a name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

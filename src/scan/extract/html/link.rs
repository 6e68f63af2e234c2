//! Where a link says that it leads, and where it does.

/// The last labels of hosts that people write without more.
const ENDS: [&str; 9] = ["com", "edu", "eu", "example", "gov", "info", "net", "org", "uk"];

/// Whether the text of a link is an address of another place than the one it leads to.
pub fn deceives(text: &str, target: &str) -> bool {
    let (Some(shown), Some(real)) = (host(text), host(target)) else { return false };
    let is_below = |one: &str, other: &str| one.strip_suffix(other).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    // Gateways put their own address in front and carry the real one along.
    let target = target.to_ascii_lowercase();
    let carries_along = target.split_once(&real).is_some_and(|(_, path)| path.contains(&shown));
    !is_below(&shown, &real) && !is_below(&real, &shown) && !carries_along
}

/// The host of an address, in small letters and without `www.`; `None` for other words.
fn host(text: &str) -> Option<String> {
    let text = text.trim().to_ascii_lowercase();
    let behind = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).unwrap_or(&text);
    let host = behind.split(['/', '?', '#', ':']).next()?.trim_end_matches('.');
    let host = host.strip_prefix("www.").unwrap_or(host);
    let is_name = |label: &str| !label.is_empty() && label.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b'-');
    let (rest, last) = host.rsplit_once('.')?;
    // `minutes.docx` is the name of a file.
    let is_address = behind.len() < text.len() || behind.starts_with("www.") || ENDS.contains(&last);
    let is_host = is_address && last.bytes().all(|octet| octet.is_ascii_alphabetic()) && rest.split('.').all(is_name);
    (is_host && !text.contains(char::is_whitespace)).then(|| host.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_leads_elsewhere_deceives() {
        for (text, target) in
            [("www.bank.example", "https://heron.example/a"), ("https://school.example/login", "http://school.example.heron.example/")]
        {
            assert!(deceives(text, target), "{text}");
        }
        for (text, target) in [
            ("our page", "https://heron.example"),
            ("school.example", "https://www.school.example/a"),
            ("https://school.example/a", "https://mail.school.example/b"),
            ("school.example", "https://gateway.example/?u=https%3a%2f%2fschool.example"),
            ("page.html and more", "https://heron.example"),
            ("minutes.docx", "https://heron.example"),
            ("3.14", "https://heron.example"),
            ("school.example", "mailto:a@b.example"),
        ] {
            assert!(!deceives(text, target), "{text}");
        }
    }
}

//! Which charset a page is in, where its mail does not say.

use std::borrow::Cow;

use html5gum::emitters::callback::{CallbackEmitter, CallbackEvent};
use html5gum::{Span, Tokenizer};

use super::lenient::Lenient;
use super::text_of;

/// How far a browser looks for what the page says of it (HTML, 13.2.3.2), in octets.
const PRESCAN: usize = 1024;

/// Its label: a byte order mark is above what the mail declares, and that above what the page says of itself. `None` where only the
/// octets can tell.
pub fn of<'t>(octets: &'t [u8], declared: Option<&'t str>) -> Option<Cow<'t, str>> {
    match octets {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => None,
        [0xef, 0xbb, 0xbf, ..] => Some("utf-8".into()),
        _ => declared.filter(|label| !label.eq_ignore_ascii_case("us-ascii")).map(Cow::Borrowed).or_else(|| named(octets)),
    }
}

/// What the first `<meta>` says that names one, or the declaration of XML, which is a comment to HTML. A page in which that can be read
/// octet by octet is in neither UTF-16 nor UTF-7, whatever it says.
fn named(octets: &[u8]) -> Option<Cow<'_, str>> {
    let head = String::from_utf8_lossy(&octets[..octets.len().min(PRESCAN)]);
    let (mut is_meta, mut attribute) = (false, String::new());
    let emitter = CallbackEmitter::new(|event: CallbackEvent<'_>, _: Span<()>| match event {
        CallbackEvent::OpenStartTag { name } => {
            is_meta = name == b"meta";
            None
        }
        CallbackEvent::AttributeName { name } => {
            attribute = text_of(name).into_owned();
            None
        }
        CallbackEvent::AttributeValue { value } if is_meta && attribute == "charset" => Some(text_of(value).trim_ascii().to_owned()),
        CallbackEvent::AttributeValue { value } if is_meta && attribute == "content" => value_of(&text_of(value), "charset"),
        CallbackEvent::Comment { value } if value.starts_with(b"?xml") => value_of(&text_of(value), "encoding"),
        _ => None,
    });
    let label = Tokenizer::new_with_emitter(head.as_ref(), Lenient(emitter)).find_map(Result::ok)?.to_ascii_lowercase();
    (!label.starts_with("utf-16") && !label.starts_with("utf-7")).then_some(Cow::Owned(label))
}

/// The value in `name = value`, in quotes or bare, wherever it stands.
fn value_of(text: &str, name: &str) -> Option<String> {
    let at = text.to_ascii_lowercase().find(name)? + name.len();
    let value = text[at..].trim_ascii_start().strip_prefix('=')?.trim_ascii_start();
    let ends = |letter: char| letter == '"' || letter == '\'' || letter == ';' || letter.is_ascii_whitespace();
    value.split(ends).find(|word| !word.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_may_name_its_charset() {
        for page in [
            "<meta charset=koi8-r>",
            "<html><head><title>a</title><META\n CHARSET = 'KOI8-R'>",
            "<meta http-equiv=Content-Type content=\"text/html; charset=koi8-r\">",
            "<!-- <meta charset=utf-8> --><meta charset=\"koi8-r\"/>",
            "<?xml version='1.0' encoding='koi8-r'?><svg>",
        ] {
            assert_eq!(of(page.as_bytes(), None).as_deref(), Some("koi8-r"), "{page}");
            assert_eq!(of(page.as_bytes(), Some("us-ascii")).as_deref(), Some("koi8-r"), "{page}");
            assert_eq!(of(page.as_bytes(), Some("utf-8")).as_deref(), Some("utf-8"), "{page}");
        }
    }

    #[test]
    fn what_no_browser_believes_is_not_believed() {
        let late = format!("{}<meta charset=koi8-r>", " ".repeat(PRESCAN));
        for page in ["<meta charset=utf-16>", "<meta charset=utf-7>", "<meta name=charset>", "<p>charset=koi8-r", late.as_str()] {
            assert_eq!(of(page.as_bytes(), None), None, "{page}");
        }
    }

    #[test]
    fn a_byte_order_mark_is_above_all_else() {
        assert_eq!(of(b"\xff\xfe<\0", Some("iso-8859-1")), None);
        assert_eq!(of(b"\xef\xbb\xbf<meta charset=koi8-r>", Some("koi8-r")).as_deref(), Some("utf-8"));
    }
}

//! The one order and layout of a rule file. Comments stay beside what they stand beside.

use toml_edit::{Array, DocumentMut, Item, RawString, Table, TomlError, Value};

/// In characters; a longer array is wrapped.
const WIDTH: usize = 120;
const INDENT: &str = "    ";

/// The keys of every table, in their order; what is not named keeps its place behind them.
const ORDER: [(&str, &[&str]); 14] = [
    (
        "",
        &[
            "schema",
            "id",
            "title",
            "category",
            "level",
            "stage",
            "evasion",
            "fields",
            "review",
            "who",
            "when",
            "with",
            "signal",
            "decide",
            "adjust",
            "except_phrase",
            "exception",
            "example",
            "history",
        ],
    ),
    ("who", &["sender", "recipient", "pairs", "direction", "group", "first_contact"]),
    ("when", &["hours", "max_age", "sender", "recipient", "sender_domain", "recipient_domain", "group"]),
    ("with", &["picture"]),
    ("signal", &["name", "terms", "lists", "regex", "check", "near", "count", "needs_literal"]),
    ("near", &["a", "b", "words", "ordered", "same_sentence"]),
    ("count", &["of", "at_least"]),
    ("decide", &["fire", "score"]),
    ("adjust", &["when", "add", "because"]),
    ("except_phrase", &["terms", "lists", "reason", "until"]),
    ("exception", &["when", "reason", "by", "until"]),
    ("example", &["expect", "subject", "field", "text", "sender", "recipient", "why"]),
    ("history", &["date", "by", "note"]),
    ("exception.when", &["sender", "recipient", "sender_domain", "recipient_domain", "group"]),
];

/// The text, laid out. Laid out again, it stays as it is.
///
/// # Errors
/// When it is not TOML.
pub fn laid_out(text: &str) -> Result<String, TomlError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n");
    let mut document: DocumentMut = text.parse()?;
    let end = comments(document.trailing());
    let mut position = 0;
    lay_out(document.as_table_mut(), "", &mut position);
    document.set_trailing(if end.is_empty() { String::new() } else { format!("\n{}", lines(&end, "")) });
    Ok(document.to_string().trim_start_matches('\n').to_owned())
}

fn lay_out(table: &mut Table, name: &str, position: &mut isize) {
    table.sort_values_by(|one, _, other, _| rank(name, one.get()).cmp(&rank(name, other.get())));
    let mut keys: Vec<_> = table.iter().map(|(key, _)| key.to_owned()).collect();
    keys.sort_by_key(|key| rank(name, key));
    // Values stand before tables, whatever their rank: else they would belong to these.
    for key in &keys {
        if let Some(Item::Value(value)) = table.get_mut(key) {
            lay_out_value(value, key, key.chars().count() + " = ".len());
            if let Some(mut key) = table.key_mut(key) {
                let above = comments_of(key.leaf_decor_mut().prefix());
                key.leaf_decor_mut().set_prefix(lines(&above, ""));
                key.leaf_decor_mut().set_suffix(" ");
            }
        }
    }
    for key in &keys {
        match table.get_mut(key) {
            Some(Item::Table(inner)) => lay_out_table(inner, key, position),
            Some(Item::ArrayOfTables(all)) => all.iter_mut().for_each(|inner| lay_out_table(inner, key, position)),
            _ => {}
        }
    }
}

/// A table with a header of its own: an empty line above it, then its comments.
fn lay_out_table(table: &mut Table, name: &str, position: &mut isize) {
    *position += 1;
    table.set_position(Some(*position));
    let above = comments_of(table.decor().prefix());
    let beside = comments_of(table.decor().suffix());
    table.decor_mut().set_prefix(format!("\n{}", lines(&above, "")));
    table.decor_mut().set_suffix(beside.first().map(|comment| format!(" {comment}")).unwrap_or_default());
    lay_out(table, name, position);
}

/// `column` is where the value begins.
fn lay_out_value(value: &mut Value, name: &str, column: usize) {
    let beside = value.decor().suffix().and_then(RawString::as_str).unwrap_or_default().trim_end().to_owned();
    match value {
        Value::Array(array) => lay_out_array(array, column),
        Value::InlineTable(table) => {
            table.sort_values_by(|one, _, other, _| rank(name, one.get()).cmp(&rank(name, other.get())));
            // A table with comments in it is left as somebody laid it out.
            if !table.to_string().contains('#') {
                table.iter_mut().for_each(|(_, value)| lay_out_flat(value));
                table.fmt();
            }
        }
        _ => {}
    }
    value.decor_mut().set_prefix(" ");
    value.decor_mut().set_suffix(beside);
}

/// Within another value, where there is no room to wrap.
fn lay_out_flat(value: &mut Value) {
    match value {
        Value::Array(array) => {
            array.iter_mut().for_each(lay_out_flat);
            array.set_trailing("");
            array.set_trailing_comma(false);
            array.fmt();
        }
        Value::InlineTable(table) => {
            table.iter_mut().for_each(|(_, value)| lay_out_flat(value));
            table.fmt();
        }
        _ => {}
    }
}

/// On one line where it fits; else as many items a line as fit, each comment on a line of its own or where it stood.
fn lay_out_array(array: &mut Array, column: usize) {
    let said = |text: Option<&RawString>| text.and_then(RawString::as_str).unwrap_or_default().to_owned();
    // What stands between two items, in one piece; the last is what stands before the bracket.
    let mut between: Vec<String> = Vec::new();
    let mut behind = String::new();
    for item in array.iter() {
        between.push(behind + &said(item.decor().prefix()));
        behind = said(item.decor().suffix());
    }
    between.push(behind + &said(Some(array.trailing())));
    for item in array.iter_mut() {
        if !item.to_string().contains('#') {
            lay_out_flat(item);
        }
        item.decor_mut().clear();
    }
    let items: Vec<String> = array.iter().map(|item| item.to_string().trim().to_owned()).collect();
    let has_comments = between.iter().any(|text| text.contains('#'));
    let length: usize = items.iter().map(|item| item.chars().count() + 2).sum();
    if !has_comments && column + length <= WIDTH && !items.iter().any(|item| item.contains('\n')) {
        array.iter_mut().enumerate().for_each(|(place, item)| item.decor_mut().set_prefix(if place == 0 { "" } else { " " }));
        array.set_trailing("");
        array.set_trailing_comma(false);
        return;
    }
    let mut reached = WIDTH;
    for ((place, item), (text, between)) in array.iter_mut().enumerate().zip(items.iter().zip(&between)) {
        let length = text.chars().count() + ",".len();
        let gap = gap(between, place == 0);
        let prefix = match &gap {
            Some(gap) => gap.clone(),
            None if reached + 1 + length > WIDTH => format!("\n{INDENT}"),
            None => " ".to_owned(),
        };
        reached = if prefix == " " { reached + 1 + length } else { INDENT.len() + length };
        if let Some((_, last)) = text.rsplit_once('\n') {
            reached = last.chars().count() + 1;
        }
        item.decor_mut().set_prefix(prefix);
    }
    let end = gap(between.last().map_or("", String::as_str), false);
    array.set_trailing(end.map_or_else(|| "\n".to_owned(), |end| format!("{}\n", end.trim_end())));
    array.set_trailing_comma(!items.is_empty());
}

/// The comments between two items, and the line that follows them; `None` where there are none.
fn gap(between: &str, is_first: bool) -> Option<String> {
    let (beside, below) = between.split_once('\n').unwrap_or((between, ""));
    let beside = Some(beside.trim()).filter(|text| text.starts_with('#'));
    let below = below.lines().map(str::trim).filter(|line| line.starts_with('#'));
    let own: Vec<_> = beside.filter(|_| is_first).into_iter().chain(below).collect();
    let beside = beside.filter(|_| !is_first).map(|comment| format!(" {comment}")).unwrap_or_default();
    (!own.is_empty() || !beside.is_empty()).then(|| format!("{beside}\n{INDENT}{}", lines(&own, INDENT)))
}

fn comments(text: &RawString) -> Vec<String> {
    comments_of(Some(text))
}

fn comments_of(text: Option<&RawString>) -> Vec<String> {
    let text = text.and_then(RawString::as_str).unwrap_or_default();
    text.lines().map(str::trim).filter(|line| line.starts_with('#')).map(str::to_owned).collect()
}

/// A line each, and what the next line begins with.
fn lines(comments: &[impl AsRef<str>], indent: &str) -> String {
    comments.iter().flat_map(|comment| [comment.as_ref(), "\n", indent]).collect()
}

fn rank(table: &str, key: &str) -> usize {
    let order = ORDER.iter().find(|(name, _)| *name == table).map_or(&[][..], |(_, keys)| keys);
    order.iter().position(|known| *known == key).unwrap_or(order.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Laid out, and again: nothing may change the second time, and nothing may mean something else.
    fn laid_out(text: &str) -> String {
        let once = super::laid_out(text).unwrap();
        assert_eq!(super::laid_out(&once).unwrap(), once, "again");
        assert_eq!(once.parse::<toml::Table>().unwrap(), text.parse().unwrap(), "{once}");
        once
    }

    #[test]
    fn keys_and_tables_come_in_one_order() {
        let text =
            "title='t'\n[[history]]\nby = 'a'\ndate=2026-11-22\n\n\n[decide]\nscore=5\nfire='a'\n[[signal]]\nterms=[ 'x' ]\nname='a'\n";
        let expected = "title = 't'\n\n[[signal]]\nname = 'a'\nterms = ['x']\n\n[decide]\nfire = 'a'\nscore = 5\n\n[[history]]\ndate = 2026-11-22\nby = 'a'\n";
        assert_eq!(laid_out(text), expected);
        assert_eq!(laid_out("id=1\r\nschema=1\r\n"), "schema = 1\nid = 1\n");
        assert_eq!(laid_out("when = { b = 1, hours = 'x' , max_age=[1,2 ,] }"), "when = { hours = 'x', max_age = [1, 2], b = 1 }\n");
    }

    #[test]
    fn a_comment_stays_where_it_belongs() {
        let text = "# head\n\nid = 1   # the id\n# of schema\nschema = 1\n\n# of a\n[[signal]] # beside\n  # of terms\nterms = [\n 'x', # of x\n # of y\n 'y',\n # end\n]\n# foot\n";
        let expected = "# of schema\nschema = 1\n# head\nid = 1   # the id\n\n# of a\n[[signal]] # beside\n# of terms\nterms = [\n    'x', # of x\n    # of y\n    'y',\n    # end\n]\n\n# foot\n";
        assert_eq!(laid_out(text), expected);
    }

    #[test]
    fn a_long_array_is_wrapped_and_a_short_one_is_not() {
        let terms: Vec<_> = (0..30).map(|number| format!("\"term {number}\"")).collect();
        let wrapped = laid_out(&format!("terms = [{}]", terms.join(",")));
        assert!(wrapped.lines().all(|line| line.chars().count() <= WIDTH) && wrapped.lines().count() == 5, "{wrapped}");
        assert_eq!(laid_out("terms = [\n  'a',\n  'b',\n]\n"), "terms = ['a', 'b']\n");
        assert_eq!(laid_out("regex = ['''\na\n''', 'b']\n"), "regex = [\n    '''\na\n''', 'b',\n]\n");
        assert_eq!(laid_out("pairs = [['a','b'],[ 'c', 'd' ]]"), "pairs = [['a', 'b'], ['c', 'd']]\n");
    }

    #[test]
    fn every_shipped_rule_keeps_its_meaning_and_its_comments() {
        let mut tried = 0;
        for folder in std::fs::read_dir("rules").unwrap().flatten().filter(|entry| entry.path().is_dir()) {
            for file in std::fs::read_dir(folder.path()).unwrap().flatten() {
                let Ok(text) = std::fs::read_to_string(file.path()) else { continue };
                if file.path().extension().is_some_and(|extension| extension == "toml") {
                    let out = laid_out(&text);
                    let comments = |text: &str| text.lines().filter(|line| line.trim_start().starts_with('#')).count();
                    assert_eq!(comments(&out), comments(&text), "{}", file.path().display());
                    tried += 1;
                }
            }
        }
        assert!(tried >= 50, "only {tried}");
    }
}

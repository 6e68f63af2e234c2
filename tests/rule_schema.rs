//! The published schema of the rule format says what the compiler says.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::collections::BTreeSet;
use std::path::Path;

use mailwarden::config;
use mailwarden::finding::{Category, Field, Party, Stage};
use mailwarden::scan::detect::check;
use mailwarden::wire::{Bundle, SourceFile};
use serde_json::{Value, json};

fn schema() -> Value {
    serde_json::from_str(&std::fs::read_to_string("rules/rule.schema.json").unwrap()).unwrap()
}

/// Every table of the format: where its keys stand in the schema, and a piece of a rule with the key `zzz` in it.
const TABLES: [(&str, &str); 14] = [
    ("/properties", "zzz = 1"),
    ("/$defs/who/properties", "who = { zzz = 1 }"),
    ("/$defs/when/properties", "when = { zzz = 1 }"),
    ("/$defs/with/properties", "with = { zzz = 1 }"),
    ("/$defs/signal/properties", "signal = [{ zzz = 1 }]"),
    ("/$defs/signal/properties/near/properties", "signal = [{ name = \"a\", near = { zzz = 1 } }]"),
    ("/$defs/signal/properties/count/properties", "signal = [{ name = \"a\", count = { zzz = 1 } }]"),
    ("/$defs/decide/properties", "decide = { zzz = 1 }"),
    ("/$defs/adjust/properties", "adjust = [{ zzz = 1 }]"),
    ("/$defs/except_phrase/properties", "except_phrase = [{ zzz = 1 }]"),
    ("/$defs/exception/properties", "exception = [{ zzz = 1 }]"),
    ("/$defs/exception/properties/when/properties", "exception = [{ when = { zzz = 1 } }]"),
    ("/$defs/example/properties", "example = [{ zzz = 1 }]"),
    ("/$defs/history/properties", "history = [{ zzz = 1 }]"),
];

#[test]
fn every_key_of_the_format_is_in_the_schema_and_no_other() {
    let schema = schema();
    for (place, piece) in TABLES {
        let file = SourceFile { path: "rules/scam/test.toml".into(), octets: piece.as_bytes().to_vec() };
        let faults = check(&Bundle { rules: vec![file], ..Bundle::default() }).err().unwrap();
        let known = faults.iter().find_map(|fault| fault.why.strip_prefix("unknown field `zzz`, expected"));
        let known = known.unwrap_or_else(|| panic!("{piece}: {}", faults[0].why));
        let known: BTreeSet<_> = known.split('`').skip(1).step_by(2).collect();
        let published: BTreeSet<_> = schema.pointer(place).unwrap().as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(published, known, "{place}");
    }
}

#[test]
fn every_word_of_the_format_is_in_the_schema_and_no_other() {
    let schema = schema();
    let published = |place: &str| schema.pointer(place).unwrap().clone();
    assert_eq!(published("/properties/category/enum"), json!(Category::ALL));
    assert_eq!(published("/properties/stage/enum"), json!(Stage::ALL));
    assert_eq!(published("/$defs/field/enum"), json!(Field::OF_WORDS));
    assert_eq!(published("/$defs/party/enum"), json!(Party::all().collect::<Vec<_>>()));
}

#[test]
fn every_shipped_rule_is_as_the_schema_says() {
    let schema = schema();
    let bundle = config::bundle(None, &["rules".into()], None, None).unwrap_or_else(|faults| panic!("{}", faults[0]));
    for file in &bundle.rules {
        let wrong = wrong(&schema, &schema, &rule(&file.path, &file.octets));
        assert_eq!(wrong, None, "{}", file.path.display());
    }
    assert!(bundle.rules.len() >= 50);
}

#[test]
fn what_the_compiler_refuses_the_schema_refuses_as_far_as_a_schema_can() {
    let schema = schema();
    let mut refused = Vec::new();
    for entry in std::fs::read_dir("tests/faults/rules").unwrap() {
        let path = entry.unwrap().path();
        let octets = std::fs::read(&path).unwrap();
        let is_toml = path.extension().is_some_and(|extension| extension == "toml");
        let readable = is_toml && std::str::from_utf8(&octets).is_ok_and(|text| text.parse::<toml::Table>().is_ok());
        if readable && wrong(&schema, &schema, &rule(&path, &octets)).is_some() {
            refused.push(path.file_stem().unwrap().to_string_lossy().into_owned());
        }
    }
    for name in [
        "bad-field",
        "bad-score",
        "bad-stage",
        "bad-who",
        "empty-terms",
        "empty-who",
        "no-examples",
        "two-kinds",
        "unknown-category",
        "unknown-key",
    ] {
        assert!(refused.iter().any(|other| other == name), "{name} passes; these do not: {refused:?}");
    }
}

fn rule(path: &Path, octets: &[u8]) -> Value {
    let text = std::str::from_utf8(octets).unwrap();
    as_json(&toml::Value::Table(text.parse().unwrap_or_else(|error| panic!("{}: {error}", path.display()))))
}

/// As an editor hands it to a validator.
fn as_json(value: &toml::Value) -> Value {
    match value {
        toml::Value::Datetime(date) => json!(date.to_string()),
        toml::Value::Array(items) => items.iter().map(as_json).collect(),
        toml::Value::Table(table) => table.iter().map(|(key, value)| (key.clone(), as_json(value))).collect(),
        plain => json!(plain),
    }
}

/// What is wrong with an instance, by as much of JSON Schema 2020-12 as the schema uses; a keyword that is not known here
/// fails.
fn wrong(root: &Value, schema: &Value, instance: &Value) -> Option<String> {
    let count = |length: usize| i64::try_from(length).unwrap();
    for (keyword, wanted) in schema.as_object().unwrap() {
        let any = || wanted.as_array().unwrap().iter();
        let fits = |schema: &&Value| wrong(root, schema, instance).is_none();
        let right = match keyword.as_str() {
            "$ref" => wrong(root, root.pointer(&wanted.as_str().unwrap()[1..]).unwrap(), instance).is_none(),
            "$schema" | "$defs" | "title" | "description" | "default" | "format" => true,
            "additionalProperties" => {
                let known = schema["properties"].as_object().unwrap();
                instance.as_object().is_none_or(|object| object.keys().all(|key| known.contains_key(key)))
            }
            "anyOf" => any().any(|schema| fits(&schema)),
            "oneOf" => any().filter(fits).count() == 1,
            "not" => !fits(&wanted),
            "const" => instance == wanted,
            "enum" => any().any(|word| word == instance),
            "items" => instance.as_array().is_none_or(|items| items.iter().all(|item| wrong(root, wanted, item).is_none())),
            "properties" => {
                let each = |(key, schema): (&String, &Value)| instance.get(key).is_none_or(|value| wrong(root, schema, value).is_none());
                wanted.as_object().unwrap().iter().all(each)
            }
            "required" => instance.as_object().is_none_or(|object| any().all(|key| object.contains_key(key.as_str().unwrap()))),
            "minItems" => instance.as_array().is_none_or(|items| Some(count(items.len())) >= wanted.as_i64()),
            "maxItems" => instance.as_array().is_none_or(|items| Some(count(items.len())) <= wanted.as_i64()),
            "minProperties" => instance.as_object().is_none_or(|object| Some(count(object.len())) >= wanted.as_i64()),
            "minLength" => instance.as_str().is_none_or(|text| Some(count(text.chars().count())) >= wanted.as_i64()),
            "maxLength" => instance.as_str().is_none_or(|text| Some(count(text.chars().count())) <= wanted.as_i64()),
            "minimum" => instance.as_i64().is_none_or(|number| Some(number) >= wanted.as_i64()),
            "maximum" => instance.as_i64().is_none_or(|number| Some(number) <= wanted.as_i64()),
            "pattern" => {
                instance.as_str().is_none_or(|text| regex_automata::meta::Regex::new(wanted.as_str().unwrap()).unwrap().is_match(text))
            }
            "type" => match wanted.as_str().unwrap() {
                "array" => instance.is_array(),
                "boolean" => instance.is_boolean(),
                "integer" => instance.is_i64(),
                "object" => instance.is_object(),
                "string" => instance.is_string(),
                other => panic!("`{other}` is no type that this test knows"),
            },
            other => panic!("this test does not know `{other}`"),
        };
        if !right {
            return Some(format!("{keyword}: {wanted}"));
        }
    }
    None
}

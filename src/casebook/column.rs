//! How words of the lower floors stand in a column.

use std::str::FromStr;

use jiff::Timestamp;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSqlOutput, Value, ValueRef};
use rusqlite::{Row, ToSql};
use serde::Serialize;
use serde::de::{DeserializeOwned, IntoDeserializer};

/// A value as its JSON: a bare word or number where it is one, an array where it is a list.
pub struct Json<T>(pub T);

impl<T: Serialize> ToSql for Json<T> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let json = serde_json::to_value(&self.0).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
        Ok(ToSqlOutput::Owned(match json {
            serde_json::Value::String(word) => Value::Text(word),
            serde_json::Value::Number(number) => Value::Integer(number.as_i64().unwrap_or(i64::MAX)),
            other => Value::Text(other.to_string()),
        }))
    }
}

impl<T: DeserializeOwned> FromSql for Json<T> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        // Straight from what lies there: a list of ten thousand cases has forty thousand of them.
        let word = |read: Result<T, serde::de::value::Error>| read.map(Self).map_err(FromSqlError::other);
        match value {
            ValueRef::Integer(number) => word(T::deserialize(number.into_deserializer())),
            other => match other.as_str()? {
                text if text.starts_with('[') => serde_json::from_str(text).map(Self).map_err(FromSqlError::other),
                text => word(T::deserialize(text.into_deserializer())),
            },
        }
    }
}

/// A moment in whole seconds since 1970 UTC.
pub struct Moment(pub Timestamp);

impl ToSql for Moment {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.0.as_second().into())
    }
}

impl FromSql for Moment {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Timestamp::from_second(value.as_i64()?).map(Self).map_err(FromSqlError::other)
    }
}

/// A column that is read by the `FromStr` of its type.
pub fn parsed<T: FromStr>(row: &Row<'_>, column: &str) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    text.parse().map_err(|_| rusqlite::Error::InvalidColumnType(0, column.to_owned(), rusqlite::types::Type::Text))
}

/// A column that holds the JSON or the bare word of its type.
pub fn word<T: DeserializeOwned>(row: &Row<'_>, column: &str) -> rusqlite::Result<T> {
    row.get(column).map(|Json(value)| value)
}

pub fn word_if_any<T: DeserializeOwned>(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<T>> {
    row.get::<_, Option<Json<T>>>(column).map(|word| word.map(|Json(value)| value))
}

pub fn moment(row: &Row<'_>, column: &str) -> rusqlite::Result<Timestamp> {
    row.get(column).map(|Moment(at)| at)
}

pub fn moment_if_any(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<Timestamp>> {
    row.get::<_, Option<Moment>>(column).map(|at| at.map(|Moment(at)| at))
}

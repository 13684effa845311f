//! Scalars of ours, described in French.

use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, Value};
use chrono::{Datelike, SecondsFormat, SubsecRound, Utc};

/// A moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DateTime(pub(crate) chrono::DateTime<Utc>);

/// Un instant, en texte RFC 3339. En sortie toujours en temps universel, par exemple 2026-11-02T08:00:00.000000Z.
#[Scalar(name = "DateTime", specified_by_url = "https://datatracker.ietf.org/doc/html/rfc3339")]
impl ScalarType for DateTime {
    fn parse(value: Value) -> InputValueResult<Self> {
        let Value::String(text) = &value else { return Err(InputValueError::expected_type(value)) };
        // Databases keep microseconds, and sort their years as four digits.
        chrono::DateTime::parse_from_rfc3339(text)
            .ok()
            .map(|at| at.with_timezone(&Utc).trunc_subsecs(6))
            .filter(|at| (1..=9999).contains(&at.year()))
            .map(Self)
            .ok_or_else(|| InputValueError::custom("un instant s'écrit comme 2026-11-02T08:00:00Z (RFC 3339)"))
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_rfc3339_opts(SecondsFormat::Micros, true))
    }
}

impl From<chrono::DateTime<Utc>> for DateTime {
    fn from(at: chrono::DateTime<Utc>) -> Self {
        Self(at)
    }
}

/// A day.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Date(pub(crate) chrono::NaiveDate);

impl Date {
    /// As services write it.
    pub(crate) fn read(text: &str) -> Option<Self> {
        text.parse().ok().map(Self)
    }
}

/// Un jour, en texte : année, mois, jour, par exemple 2026-11-25.
#[Scalar(name = "Date", specified_by_url = "https://datatracker.ietf.org/doc/html/rfc3339#section-5.6")]
impl ScalarType for Date {
    fn parse(value: Value) -> InputValueResult<Self> {
        let Value::String(text) = &value else { return Err(InputValueError::expected_type(value)) };
        // Databases sort years as four digits.
        Self::read(text)
            .filter(|day| text.len() == 10 && (1..=9999).contains(&day.0.year()))
            .ok_or_else(|| InputValueError::custom("un jour s'écrit comme 2026-11-25"))
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_string())
    }
}

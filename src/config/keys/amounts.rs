//! Times, sizes and rates.

use std::time::Duration;

use toml::Value;

use super::Raw;
use super::kind::{SettingKind, number, whole_number};
use crate::config::{LowSpeed, Rate, pace, units};

/// A time that may be 0.
pub(super) struct Time;

impl SettingKind for Time {
    type Value = Duration;

    fn read(raw: Raw<'_>) -> Result<Duration, String> {
        units::parse_time(number(raw)?)
    }

    fn write(value: &Duration) -> Value {
        Value::from(units::show_time(*value))
    }
}

/// A time that may not be 0: nothing could ever be in time.
pub(super) struct PositiveTime;

impl SettingKind for PositiveTime {
    type Value = Duration;

    fn read(raw: Raw<'_>) -> Result<Duration, String> {
        let time = Time::read(raw)?;
        if time.is_zero() { Err("is 0; write a time of at least 1ms".to_owned()) } else { Ok(time) }
    }

    fn write(value: &Duration) -> Value {
        Time::write(value)
    }

    fn read_or_none(raw: Raw<'_>) -> Result<Option<Duration>, String> {
        Ok(Some(Time::read(raw)?).filter(|time| !time.is_zero()))
    }
}

/// A number of things.
pub(super) struct Count;

impl SettingKind for Count {
    type Value = u64;

    fn read(raw: Raw<'_>) -> Result<u64, String> {
        // The largest number of TOML.
        whole_number(raw, i64::MAX as u64)
    }

    fn write(value: &u64) -> Value {
        Value::from(i64::try_from(*value).unwrap_or(i64::MAX))
    }

    fn read_or_none(raw: Raw<'_>) -> Result<Option<u64>, String> {
        Ok(Some(Count::read(raw)?).filter(|count| *count > 0))
    }
}

/// A number of bytes.
pub(super) struct Size;

impl SettingKind for Size {
    type Value = u64;

    fn read(raw: Raw<'_>) -> Result<u64, String> {
        units::parse_size(number(raw)?)
    }

    fn write(value: &u64) -> Value {
        Value::from(units::show_size(*value))
    }

    fn read_or_none(raw: Raw<'_>) -> Result<Option<u64>, String> {
        Ok(Some(Size::read(raw)?).filter(|bytes| *bytes > 0))
    }
}

/// A number of bytes a second.
pub(super) struct Speed;

impl SettingKind for Speed {
    type Value = u64;

    fn read(raw: Raw<'_>) -> Result<u64, String> {
        pace::parse_speed(number(raw)?)
    }

    fn write(value: &u64) -> Value {
        Value::from(units::show_size(*value))
    }

    fn read_or_none(raw: Raw<'_>) -> Result<Option<u64>, String> {
        Ok(Some(Speed::read(raw)?).filter(|bytes| *bytes > 0))
    }
}

impl SettingKind for Rate {
    type Value = Self;

    fn read(raw: Raw<'_>) -> Result<Self, String> {
        Self::read_or_none(raw)?.ok_or_else(|| "is 0; write a rate of at least 1/h".to_owned())
    }

    fn write(value: &Self) -> Value {
        Value::from(value.show())
    }

    fn read_or_none(raw: Raw<'_>) -> Result<Option<Self>, String> {
        Rate::parse(number(raw)?)
    }
}

impl SettingKind for LowSpeed {
    type Value = Self;

    fn read(raw: Raw<'_>) -> Result<Self, String> {
        Self::read_or_none(raw)?.ok_or_else(|| "is 0; write a rate of at least 1/1s".to_owned())
    }

    fn write(value: &Self) -> Value {
        Value::from(units::show_low_speed(*value))
    }

    fn read_or_none(raw: Raw<'_>) -> Result<Option<Self>, String> {
        units::parse_low_speed(number(raw)?)
    }
}

//! The serialised forms of the values of the `http` crate, which has none.

use http::{HeaderName, HeaderValue, Version};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A request field; `None` removes a default field.
#[derive(Serialize, Deserialize)]
struct SerializedField {
    name: String,
    value: Option<Vec<u8>>,
    /// Whether the value is not to be shown, nor to be indexed by HTTP/2.
    is_sensitive: bool,
}

impl SerializedField {
    fn new(name: &HeaderName, value: Option<&HeaderValue>) -> Self {
        Self {
            name: name.as_str().to_owned(),
            value: value.map(|value| value.as_bytes().to_vec()),
            is_sensitive: value.is_some_and(HeaderValue::is_sensitive),
        }
    }

    fn parse(self) -> Result<(HeaderName, Option<HeaderValue>), http::Error> {
        let mut value = self.value.map(HeaderValue::try_from).transpose()?;
        value.iter_mut().for_each(|value| value.set_sensitive(self.is_sensitive));
        Ok((HeaderName::from_bytes(self.name.as_bytes())?, value))
    }
}

/// Request fields, for `#[serde(with)]`.
pub(crate) mod fields {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(
        fields: &[(HeaderName, HeaderValue)],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(fields.iter().map(|(name, value)| SerializedField::new(name, Some(value))))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<(HeaderName, HeaderValue)>, D::Error> {
        let fields = optional_fields::deserialize(deserializer)?.into_iter();
        let present = fields.map(|(name, value)| value.map(|value| (name, value)));
        present.collect::<Option<_>>().ok_or_else(|| D::Error::custom("a field without a value"))
    }
}

/// Request fields that may remove default fields, for `#[serde(with)]`.
pub(crate) mod optional_fields {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(
        fields: &[(HeaderName, Option<HeaderValue>)],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(fields.iter().map(|(name, value)| SerializedField::new(name, value.as_ref())))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<(HeaderName, Option<HeaderValue>)>, D::Error> {
        let fields = Vec::<SerializedField>::deserialize(deserializer)?.into_iter();
        fields.map(SerializedField::parse).collect::<Result<_, _>>().map_err(D::Error::custom)
    }
}

/// A version of HTTP, for `#[serde(with)]`.
pub(crate) mod version {
    use super::*;

    /// The versions in the order of their serialised numbers.
    const ALL: [Version; 5] = [Version::HTTP_09, Version::HTTP_10, Version::HTTP_11, Version::HTTP_2, Version::HTTP_3];

    pub(crate) fn serialize<S: Serializer>(version: &Option<Version>, serializer: S) -> Result<S::Ok, S::Error> {
        version.and_then(|version| ALL.iter().position(|known| *known == version)).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Version>, D::Error> {
        let Some(number) = Option::<usize>::deserialize(deserializer)? else { return Ok(None) };
        let version = ALL.get(number).copied();
        version.map(Some).ok_or_else(|| D::Error::custom("no version of HTTP"))
    }
}

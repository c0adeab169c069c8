//! Bytes in a JSON document: as text where they are text, which people can read, and in base64 where they are not.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::de::{Error, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// Some bytes. `"text"`, or `{"base64": "..."}`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Blob(pub Vec<u8>);

impl From<&[u8]> for Blob {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }
}

impl From<&str> for Blob {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().to_vec())
    }
}

impl Serialize for Blob {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        bytes::serialize(&self.0, serializer)
    }
}

impl<'de> Deserialize<'de> for Blob {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Blob;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text, or an object with `base64`")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Blob, E> {
        Ok(Blob(text.as_bytes().to_vec()))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Blob, E> {
        Ok(Blob(text.into_bytes()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Blob, A::Error> {
        let alone = || A::Error::custom("expected an object with `base64` alone");
        let (key, text) = map.next_entry::<String, String>()?.ok_or_else(alone)?;
        if key != "base64" {
            return Err(alone());
        }
        let bytes = STANDARD.decode(text).map_err(|error| A::Error::custom(format!("not base64: {error}")))?;
        if map.next_key::<String>()?.is_some() {
            return Err(alone());
        }
        Ok(Blob(bytes))
    }
}

/// `#[serde(with = "bytes")]` for a `Vec<u8>`.
pub(crate) mod bytes {
    use super::{Blob, Deserialize, Deserializer, Engine, STANDARD, SerializeMap, Serializer};

    pub(crate) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        match std::str::from_utf8(bytes) {
            Ok(text) => serializer.serialize_str(text),
            Err(_) => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry("base64", &STANDARD.encode(bytes))?;
                map.end()
            }
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        Blob::deserialize(deserializer).map(|blob| blob.0)
    }
}

/// `#[serde(with = "maybe_bytes")]` for an `Option<Vec<u8>>`.
pub(crate) mod maybe_bytes {
    use super::{Blob, Deserialize, Deserializer, Serialize, Serializer};

    pub(crate) fn serialize<S: Serializer>(bytes: &Option<Vec<u8>>, serializer: S) -> Result<S::Ok, S::Error> {
        bytes.as_ref().map(|bytes| Blob(bytes.clone())).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<u8>>, D::Error> {
        Ok(Option::<Blob>::deserialize(deserializer)?.map(|blob| blob.0))
    }
}

#[cfg(test)]
mod tests {
    use super::Blob;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn bytes_come_back_as_they_were(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let text = serde_json::to_string(&Blob(bytes.clone())).unwrap();
            prop_assert_eq!(serde_json::from_str::<Blob>(&text).unwrap().0, bytes.clone());
            let value = serde_json::to_value(Blob(bytes.clone())).unwrap();
            prop_assert_eq!(serde_json::from_value::<Blob>(value).unwrap().0, bytes);
        }
    }

    #[test]
    fn text_stays_readable_and_other_bytes_are_base64() {
        assert_eq!(serde_json::to_string(&Blob::from("grüße\n")).unwrap(), r#""grüße\n""#);
        assert_eq!(serde_json::to_string(&Blob(vec![0xff, 0])).unwrap(), r#"{"base64":"/wA="}"#);
        for bad in [r#"{"base64":"%"}"#, r#"{"text":"a"}"#, r#"{"base64":"AA==","more":1}"#, "7"] {
            assert!(serde_json::from_str::<Blob>(bad).is_err(), "{bad}");
        }
    }
}

//! Shapes that values of both kinds of files share. None of them is an untagged enum, whose errors would lose the place.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, IntoDeserializer, MapAccess, SeqAccess, Visitor};

use super::Place;

/// A single value: text, a number, or `true` and `false`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scalar(String);

impl Scalar {
    /// The text as it was written at its place, so that `1.10` does not become `1.1`.
    pub fn at<'s>(&'s self, place: Place<'s>) -> &'s str {
        place.text().unwrap_or(&self.0)
    }
}

struct ScalarVisitor;

impl Visitor<'_> for ScalarVisitor {
    type Value = Scalar;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a single value")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Scalar, E> {
        Ok(Scalar(value.to_string()))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Scalar, E> {
        Ok(Scalar(value.to_string()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Scalar, E> {
        Ok(Scalar(value.to_string()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Scalar, E> {
        Ok(Scalar(value.to_string()))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Scalar, E> {
        Ok(Scalar(value.to_owned()))
    }
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarVisitor)
    }
}

/// A word of a closed list. Whatever single value is written in its place, the error names the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Choice<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Choice<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Scalar(word) = Scalar::deserialize(deserializer)?;
        T::deserialize(word.into_deserializer()).map(Self)
    }
}

/// A single value, or a mapping that says more.
#[derive(Debug, Clone)]
pub enum Either<M> {
    /// The short form.
    Short(Scalar),
    /// The long form.
    Long(M),
}

impl<'de, M: Deserialize<'de>> Deserialize<'de> for Either<M> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct EitherVisitor<M>(PhantomData<M>);

        impl<'de, M: Deserialize<'de>> Visitor<'de> for EitherVisitor<M> {
            type Value = Either<M>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a single value or a mapping")
            }

            fn visit_bool<E: Error>(self, value: bool) -> Result<Either<M>, E> {
                ScalarVisitor.visit_bool(value).map(Either::Short)
            }

            fn visit_i64<E: Error>(self, value: i64) -> Result<Either<M>, E> {
                ScalarVisitor.visit_i64(value).map(Either::Short)
            }

            fn visit_u64<E: Error>(self, value: u64) -> Result<Either<M>, E> {
                ScalarVisitor.visit_u64(value).map(Either::Short)
            }

            fn visit_f64<E: Error>(self, value: f64) -> Result<Either<M>, E> {
                ScalarVisitor.visit_f64(value).map(Either::Short)
            }

            fn visit_str<E: Error>(self, value: &str) -> Result<Either<M>, E> {
                ScalarVisitor.visit_str(value).map(Either::Short)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Either<M>, A::Error> {
                M::deserialize(MapAccessDeserializer::new(map)).map(Either::Long)
            }
        }

        deserializer.deserialize_any(EitherVisitor(PhantomData))
    }
}

/// One value, or a list of them.
#[derive(Debug, Clone)]
pub struct OneOrMany<T> {
    /// The values.
    pub items: Vec<T>,
    /// Written as a list.
    pub list: bool,
}

impl<T> OneOrMany<T> {
    /// The values with their places.
    pub fn at<'s>(&'s self, place: Place<'s>) -> impl Iterator<Item = (Place<'s>, &'s T)> {
        self.items.iter().enumerate().map(move |(index, item)| (place.item(index), item))
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for OneOrMany<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrManyVisitor<T>(PhantomData<T>);

        impl<T> OneOrManyVisitor<T> {
            fn one<'de, E: Error>(self, value: impl IntoDeserializer<'de, E>) -> Result<OneOrMany<T>, E>
            where
                T: Deserialize<'de>,
            {
                Ok(OneOrMany { items: vec![T::deserialize(value.into_deserializer())?], list: false })
            }
        }

        impl<'de, T: Deserialize<'de>> Visitor<'de> for OneOrManyVisitor<T> {
            type Value = OneOrMany<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a single value or a sequence")
            }

            fn visit_bool<E: Error>(self, value: bool) -> Result<Self::Value, E> {
                self.one(value)
            }

            fn visit_i64<E: Error>(self, value: i64) -> Result<Self::Value, E> {
                self.one(value)
            }

            fn visit_u64<E: Error>(self, value: u64) -> Result<Self::Value, E> {
                self.one(value)
            }

            fn visit_f64<E: Error>(self, value: f64) -> Result<Self::Value, E> {
                self.one(value)
            }

            fn visit_str<E: Error>(self, value: &str) -> Result<Self::Value, E> {
                self.one(value)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = list.next_element()? {
                    items.push(item);
                }
                Ok(OneOrMany { items, list: true })
            }
        }

        deserializer.deserialize_any(OneOrManyVisitor(PhantomData))
    }
}

/// A mapping with keys of the writer's choice, in the order of the file.
#[derive(Debug, Clone)]
pub struct Ordered<T>(Vec<(String, T)>);

impl<T> Default for Ordered<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Ordered<T> {
    /// The entries with the places of their values.
    pub fn at<'s>(&'s self, place: Place<'s>) -> impl Iterator<Item = (Place<'s>, &'s str, &'s T)> {
        let written = Some(place.keys()).filter(|keys| keys.len() == self.0.len()).unwrap_or_default();
        self.0.iter().enumerate().map(move |(index, (key, value))| {
            // As with values: a key of `1.10` is to stay one.
            let key = written.get(index).map_or(key.as_str(), String::as_str);
            (place.key(key), key, value)
        })
    }

    /// The keys.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(key, _)| key.as_str())
    }

    /// The values.
    pub fn values(&self) -> impl Iterator<Item = &T> {
        self.0.iter().map(|(_, value)| value)
    }

    /// True where there is no entry.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Ordered<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OrderedVisitor<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for OrderedVisitor<T> {
            type Value = Ordered<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Ordered<T>, A::Error> {
                let mut entries = Vec::new();
                // A key such as `8080` is a number to YAML and a name to everybody else.
                while let Some((Scalar(key), value)) = map.next_entry()? {
                    entries.push((key, value));
                }
                Ok(Ordered(entries))
            }
        }

        deserializer.deserialize_map(OrderedVisitor(PhantomData))
    }
}

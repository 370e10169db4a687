//! From a document's values to typed data, by serde.

use serde::de::{self, DeserializeOwned, DeserializeSeed, IntoDeserializer, MapAccess, SeqAccess, Visitor};

use crate::node::NodeRef;
use crate::pointer;
use crate::tree::Content;

/// The value as a `T`.
///
/// # Errors
/// What does not fit, and the JSON pointer of where. The schema is asked first and finds nearly
/// everything; this is left with what a schema can't say.
pub(crate) fn decode<T: DeserializeOwned>(node: NodeRef<'_>) -> Result<T, (String, String)> {
    T::deserialize(Decoder(node)).map_err(|error| {
        let mut at = String::new();
        error.path.iter().rev().for_each(|token| pointer::push(&mut at, token));
        (at, error.message)
    })
}

struct Decoder<'a>(NodeRef<'a>);

#[derive(Debug)]
struct DecodeError {
    message: String,
    /// The steps to the place, the innermost first.
    path: Vec<String>,
}

impl DecodeError {
    fn below(mut self, token: impl ToString) -> Self {
        self.path.push(token.to_string());
        self
    }
}

impl std::fmt::Display for DecodeError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for DecodeError {}

impl de::Error for DecodeError {
    fn custom<T: std::fmt::Display>(message: T) -> Self {
        Self { message: message.to_string(), path: Vec::new() }
    }
}

/// To a schema `1.0` is a whole number, to a person not.
macro_rules! whole_numbers {
    ($($method:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
            match self.0.number() {
                Some(number) if number.is_f64() => {
                    Err(de::Error::custom("expected a whole number, without a decimal point or an exponent"))
                }
                _ => self.deserialize_any(visitor),
            }
        })*
    };
}

impl<'de> de::Deserializer<'de> for Decoder<'de> {
    type Error = DecodeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.0.content() {
            Content::Null => visitor.visit_unit(),
            Content::Bool(value) => visitor.visit_bool(*value),
            Content::Number(number) => match (number.as_u64(), number.as_i64(), number.as_f64()) {
                (Some(number), ..) => visitor.visit_u64(number),
                (_, Some(number), _) => visitor.visit_i64(number),
                (.., number) => visitor.visit_f64(number.unwrap_or(f64::NAN)),
            },
            Content::Text(text) => visitor.visit_borrowed_str(text),
            Content::Sequence(_) => visitor.visit_seq(Items { index: 0, items: self.0.items() }),
            Content::Mapping(_) => visitor.visit_map(Entries { entries: self.0.entries(), current: None }),
        }
    }

    whole_numbers! {
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.0.content() {
            Content::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        match self.0.text() {
            Some(text) => visitor.visit_enum(text.into_deserializer()),
            None => visitor.visit_enum(de::value::MapAccessDeserializer::new(Entries {
                entries: self.0.entries(),
                current: None,
            })),
        }
    }

    serde::forward_to_deserialize_any! {
        bool i128 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq
        tuple tuple_struct map struct identifier ignored_any
    }
}

struct Items<I> {
    index: usize,
    items: I,
}

impl<'de, I: Iterator<Item = NodeRef<'de>>> SeqAccess<'de> for Items<I> {
    type Error = DecodeError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, DecodeError> {
        let Some(item) = self.items.next() else { return Ok(None) };
        let index = self.index;
        self.index += 1;
        seed.deserialize(Decoder(item)).map(Some).map_err(|error| error.below(index))
    }
}

struct Entries<'de, I> {
    entries: I,
    current: Option<(&'de str, NodeRef<'de>)>,
}

impl<'de, I: Iterator<Item = (&'de str, NodeRef<'de>)>> MapAccess<'de> for Entries<'de, I> {
    type Error = DecodeError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, DecodeError> {
        self.current = self.entries.next();
        let Some((key, _)) = self.current else { return Ok(None) };
        seed.deserialize(de::value::BorrowedStrDeserializer::new(key)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, DecodeError> {
        let (key, value) = self.current.take().ok_or_else(|| de::Error::custom("a value without a key"))?;
        seed.deserialize(Decoder(value)).map_err(|error: DecodeError| error.below(key))
    }
}

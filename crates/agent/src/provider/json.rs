//! JSON as a provider has written it: to be looked into, and to be kept to the letter.
//! Knows no protocol.

#[cfg(test)]
mod tests;

use crate::verbatim::Verbatim;
use serde::de::{Error as _, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;
use std::fmt;
use std::ops::Index;

/// How deep it may be nested, as in serde_json.
const DEPTH_MAX: usize = 128;

/// A value, with the text that it stands as.
#[derive(Clone, Debug)]
pub(crate) struct Json<'a> {
    raw: &'a RawValue,
    kind: Kind<'a>,
}

#[derive(Clone, Debug)]
enum Kind<'a> {
    Object(Vec<(String, Json<'a>)>),
    Array(Vec<Json<'a>>),
    Text(String),
    /// A number, a truth value, null.
    Other,
}

static NULL: Json<'static> = Json { raw: RawValue::NULL, kind: Kind::Other };

impl<'a> Json<'a> {
    /// Reads a text.
    ///
    /// # Errors
    /// It is no JSON, or nested too deep.
    pub fn read(text: &'a str) -> Result<Json<'a>, serde_json::Error> {
        Json::of(serde_json::from_str(text)?, DEPTH_MAX)
    }

    fn of(raw: &'a RawValue, depth: usize) -> Result<Json<'a>, serde_json::Error> {
        let text = raw.get();
        let deeper = |raw| match depth.checked_sub(1) {
            Some(depth) => Json::of(raw, depth),
            None => Err(serde_json::Error::custom("it is nested too deep")),
        };
        let kind = match text.as_bytes().first() {
            Some(b'{') => {
                let Entries(all) = serde_json::from_str(text)?;
                let all = all.into_iter().map(|(name, raw)| Ok((name, deeper(raw)?)));
                Kind::Object(all.collect::<Result<_, serde_json::Error>>()?)
            }
            Some(b'[') => {
                let all: Vec<&RawValue> = serde_json::from_str(text)?;
                Kind::Array(all.into_iter().map(deeper).collect::<Result<_, _>>()?)
            }
            Some(b'"') => Kind::Text(serde_json::from_str(text)?),
            _ => Kind::Other,
        };
        Ok(Json { raw, kind })
    }

    /// Its text.
    pub fn text(&self) -> &'a str {
        self.raw.get()
    }

    /// Itself, to be kept.
    pub fn verbatim(&self) -> Verbatim {
        Verbatim::of(self.raw)
    }

    /// A field; of several of one name, the last.
    pub fn get(&self, name: &str) -> Option<&Json<'a>> {
        self.fields().iter().rev().find(|(is, _)| is == name).map(|(_, value)| value)
    }

    /// An object's fields, as they stand; none, if it is no object.
    pub fn fields(&self) -> &[(String, Json<'a>)] {
        match &self.kind {
            Kind::Object(fields) => fields,
            _ => &[],
        }
    }

    /// A list's values; none, if it is no list.
    pub fn items(&self) -> &[Json<'a>] {
        match &self.kind {
            Kind::Array(items) => items,
            _ => &[],
        }
    }

    pub fn as_str(&self) -> Option<&str> {
        match &self.kind {
            Kind::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The words of a field, if it has some.
    pub fn word(&self, name: &str) -> String {
        self[name].as_str().unwrap_or_default().to_owned()
    }

    pub fn as_u64(&self) -> Option<u64> {
        self.text().parse().ok().filter(|_| matches!(self.kind, Kind::Other))
    }

    pub fn is_true(&self) -> bool {
        self.text() == "true"
    }

    pub fn is_null(&self) -> bool {
        self.text() == "null"
    }

    pub fn is_object(&self) -> bool {
        matches!(self.kind, Kind::Object(_))
    }

    pub fn is_array(&self) -> bool {
        matches!(self.kind, Kind::Array(_))
    }

    /// What it says, for counts and complaints: a number that no machine word holds is
    /// its digits' text.
    pub fn value(&self) -> Value {
        match &self.kind {
            Kind::Object(fields) => {
                fields.iter().map(|(name, value)| (name.clone(), value.value())).collect()
            }
            Kind::Array(items) => items.iter().map(Json::value).collect(),
            Kind::Text(text) => Value::String(text.clone()),
            Kind::Other => serde_json::from_str(self.text())
                .unwrap_or_else(|_| Value::String(self.text().to_owned())),
        }
    }
}

/// What is not there is null.
impl<'a> Index<&str> for Json<'a> {
    type Output = Json<'a>;

    fn index(&self, name: &str) -> &Json<'a> {
        self.get(name).unwrap_or(&NULL)
    }
}

impl<'a> Index<usize> for Json<'a> {
    type Output = Json<'a>;

    fn index(&self, place: usize) -> &Json<'a> {
        self.items().get(place).unwrap_or(&NULL)
    }
}

/// An object's fields, in their order and as often as they stand there.
struct Entries<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Entries<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Entries<'a>, D::Error> {
        struct All;
        impl<'de> Visitor<'de> for All {
            type Value = Vec<(String, &'de RawValue)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
                let mut all = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    all.push(entry);
                }
                Ok(all)
            }
        }
        Ok(Entries(deserializer.deserialize_map(All)?))
    }
}

/// An object that comes in pieces, with its fields in the order in which they came. One
/// that came whole is kept to the letter until it is changed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fields {
    as_came: Option<Verbatim>,
    fields: Vec<(String, Field)>,
}

#[derive(Clone, Debug)]
enum Field {
    Whole(Verbatim),
    Text(String),
    List(Vec<Verbatim>),
}

impl Fields {
    /// Those of this object.
    pub fn of(object: &Json<'_>) -> Fields {
        let all = object.fields().iter();
        let all = all.map(|(name, value)| (name.clone(), Field::Whole(value.verbatim())));
        Fields { as_came: Some(object.verbatim()), fields: all.collect() }
    }

    fn place(&self, name: &str) -> Option<usize> {
        self.fields.iter().rposition(|(is, _)| is == name)
    }

    /// A field, for it to be changed.
    fn change(&mut self, name: &str) -> Option<&mut Field> {
        self.as_came = None;
        self.place(name).map(|place| &mut self.fields[place].1)
    }

    fn put(&mut self, name: &str, field: Field) {
        match self.change(name) {
            Some(old) => *old = field,
            None => self.fields.push((name.to_owned(), field)),
        }
    }

    /// Sets a field: in its place if it has one, else at the end.
    pub fn set(&mut self, name: &str, value: &(impl Serialize + ?Sized)) {
        self.put(name, Field::Whole(Verbatim::of(value)));
    }

    /// Puts what came in the place of what came before.
    pub fn replace(&mut self, name: &str, value: &Json<'_>) {
        self.set(name, value.raw);
    }

    /// Gives a field its place; its value comes later.
    pub fn begin(&mut self, name: &str) {
        if self.place(name).is_none() {
            self.set(name, &Value::Null);
        }
    }

    pub fn remove(&mut self, name: &str) {
        self.as_came = None;
        self.fields.retain(|(is, _)| is != name);
    }

    /// More of a text.
    pub fn add_text(&mut self, name: &str, more: &str) {
        let mut text = match self.change(name) {
            Some(Field::Text(text)) => return text.push_str(more),
            Some(Field::Whole(text)) => text.read().unwrap_or_default(),
            Some(Field::List(_)) | None => String::new(),
        };
        text.push_str(more);
        self.put(name, Field::Text(text));
    }

    /// One more of a list.
    pub fn add_item(&mut self, name: &str, item: &Json<'_>) {
        let mut list = match self.change(name) {
            Some(Field::List(list)) => return list.push(item.verbatim()),
            Some(Field::Whole(list)) => list.read().unwrap_or_default(),
            Some(Field::Text(_)) | None => Vec::new(),
        };
        list.push(item.verbatim());
        self.put(name, Field::List(list));
    }

    /// More of a field: strings and lists come in pieces; of all else, the last counts.
    pub fn add(&mut self, name: &str, value: &Json<'_>) {
        match self.place(name).map(|place| &self.fields[place].1) {
            Some(Field::Text(_)) if value.as_str().is_some() => {}
            Some(Field::List(_)) if value.is_array() => {}
            Some(Field::Whole(old))
                if old.text().starts_with('"') && value.as_str().is_some()
                    || old.text().starts_with('[') && value.is_array() => {}
            _ => return self.replace(name, value),
        }
        match value.as_str() {
            Some(more) => self.add_text(name, more),
            None => value.items().iter().for_each(|item| self.add_item(name, item)),
        }
    }

    /// A text as far as it has come.
    pub fn text(&self, name: &str) -> Option<String> {
        match &self.fields[self.place(name)?].1 {
            Field::Text(text) => Some(text.clone()),
            Field::Whole(value) => value.read().ok(),
            Field::List(_) => None,
        }
    }

    /// A field that has come whole.
    pub fn whole(&self, name: &str) -> Option<&Verbatim> {
        match &self.fields[self.place(name)?].1 {
            Field::Whole(value) => Some(value),
            Field::Text(_) | Field::List(_) => None,
        }
    }

    pub fn verbatim(&self) -> Verbatim {
        Verbatim::of(self)
    }
}

impl Serialize for Fields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if let Some(as_came) = &self.as_came {
            return as_came.serialize(serializer);
        }
        let mut map = serializer.serialize_map(Some(self.fields.len()))?;
        for (name, field) in &self.fields {
            match field {
                Field::Whole(value) => map.serialize_entry(name, value)?,
                Field::Text(text) => map.serialize_entry(name, text)?,
                Field::List(list) => map.serialize_entry(name, list)?,
            }
        }
        map.end()
    }
}

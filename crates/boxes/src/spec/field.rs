//! A table of a TOML file whose fields are asked for by name, each with its place.

use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

#[cfg(test)]
mod tests;

/// What is wrong, and at which bytes of the text.
#[derive(Debug)]
pub struct Wrong {
    pub span: Range<usize>,
    pub message: String,
}

/// A value with its place and its full name, as in `limits.memory`.
#[derive(Clone, Debug)]
pub struct Field<'t, 'i> {
    pub name: String,
    value: &'t Spanned<DeValue<'i>>,
}

/// A table. Only the fields that its reader knows may be in it.
#[derive(Debug)]
pub struct Table<'t, 'i> {
    name: String,
    table: &'t DeTable<'i>,
}

impl<'t, 'i> Table<'t, 'i> {
    /// The whole file.
    pub fn root(table: &'t DeTable<'i>) -> Table<'t, 'i> {
        Table { name: String::new(), table }
    }

    /// Refuses fields that are not among these.
    pub fn knows(&self, names: &[&str]) -> Result<(), Wrong> {
        for key in self.table.keys() {
            if names.contains(&key.get_ref().as_ref()) {
                continue;
            }
            let place = if self.name.is_empty() { "a box" } else { &self.name };
            let hint = match nearest(key.get_ref(), names) {
                Some(name) => format!("did you mean `{name}`?"),
                None => format!("there are {}", names.join(", ")),
            };
            let message = format!("{place} has no field `{}`; {hint}", key.get_ref());
            return Err(Wrong { span: key.span(), message });
        }
        Ok(())
    }

    /// A field, if it is there.
    pub fn get(&self, name: &str) -> Option<Field<'t, 'i>> {
        let (_, value) = self.table.iter().find(|(key, _)| key.get_ref() == name)?;
        Some(Field { name: self.full(name), value })
    }

    /// All fields, for tables whose keys are names of the user's. With the key's place.
    pub fn entries(&self) -> impl Iterator<Item = (&'t str, Range<usize>, Field<'t, 'i>)> + '_ {
        self.table.iter().map(|(key, value)| {
            let name = key.get_ref().as_ref();
            (name, key.span(), Field { name: self.full(name), value })
        })
    }

    fn full(&self, name: &str) -> String {
        if self.name.is_empty() { name.to_owned() } else { format!("{}.{name}", self.name) }
    }
}

impl<'t, 'i> Field<'t, 'i> {
    /// An error at this value.
    pub fn wrong(&self, message: impl std::fmt::Display) -> Wrong {
        Wrong { span: self.value.span(), message: format!("{}: {message}", self.name) }
    }

    fn is_not(&self, wanted: &str) -> Wrong {
        self.wrong(format!("{wanted} is wanted, this is {}", kind(self.value.get_ref())))
    }

    pub fn span(&self) -> Range<usize> {
        self.value.span()
    }

    pub fn value(&self) -> &'t DeValue<'i> {
        self.value.get_ref()
    }

    pub fn text(&self) -> Result<&'t str, Wrong> {
        self.value().as_str().ok_or_else(|| self.is_not("a text"))
    }

    pub fn yes(&self) -> Result<bool, Wrong> {
        self.value().as_bool().ok_or_else(|| self.is_not("true or false"))
    }

    pub fn table(&self) -> Result<Table<'t, 'i>, Wrong> {
        let table = self.value().as_table().ok_or_else(|| self.is_not("a table"))?;
        Ok(Table { name: self.name.clone(), table })
    }

    pub fn list(&self) -> Result<Vec<Field<'t, 'i>>, Wrong> {
        let list = self.value().as_array().ok_or_else(|| self.is_not("a list"))?;
        Ok(list.iter().map(|value| Field { name: self.name.clone(), value }).collect())
    }

    pub fn texts(&self) -> Result<Vec<&'t str>, Wrong> {
        self.list()?.iter().map(Field::text).collect()
    }

    /// A number of at least one, without a fraction.
    pub fn count(&self) -> Result<u32, Wrong> {
        let integer = self.value().as_integer().ok_or_else(|| self.is_not("a whole number"))?;
        let digits = integer.as_str().replace('_', "");
        match u32::from_str_radix(digits.trim_start_matches('+'), integer.radix()) {
            Ok(count @ 1..) => Ok(count),
            _ => Err(self.wrong("a whole number from 1 to 4294967295 is wanted")),
        }
    }

    /// A number, with a fraction or without.
    pub fn number(&self) -> Result<f64, Wrong> {
        let digits = match self.value() {
            DeValue::Integer(integer) if integer.radix() == 10 => integer.as_str(),
            DeValue::Float(float) => float.as_str(),
            _ => return Err(self.is_not("a number")),
        };
        digits.replace('_', "").parse().map_err(|_| self.is_not("a number"))
    }

    /// The value as JSON.
    pub fn json(&self) -> Result<serde_json::Value, Wrong> {
        use serde_json::{Map, Value};
        match self.value() {
            DeValue::String(text) => Ok(Value::String(text.to_string())),
            DeValue::Boolean(yes) => Ok(Value::Bool(*yes)),
            DeValue::Integer(integer) => {
                let digits = integer.as_str().replace('_', "");
                let number = i64::from_str_radix(digits.trim_start_matches('+'), integer.radix());
                number.map(Value::from).map_err(|_| self.wrong("a number too large"))
            }
            DeValue::Float(_) => {
                let number = serde_json::Number::from_f64(self.number()?);
                number.map(Value::Number).ok_or_else(|| self.wrong("JSON has no such number"))
            }
            DeValue::Array(_) => Ok(Value::Array(
                self.list()?.iter().map(Field::json).collect::<Result<Vec<_>, Wrong>>()?,
            )),
            DeValue::Table(_) => {
                let table = self.table()?;
                let entries =
                    table.entries().map(|(key, _, field)| Ok((key.to_owned(), field.json()?)));
                entries.collect::<Result<Map<String, Value>, Wrong>>().map(Value::Object)
            }
            DeValue::Datetime(_) => Err(self.wrong("JSON has no dates; write a text")),
        }
    }
}

/// What a value is, in words.
fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// The name that was probably meant.
fn nearest<'n>(written: &str, names: &[&'n str]) -> Option<&'n str> {
    let distances = names.iter().map(|name| (distance(written, name), *name));
    let (distance, name) = distances.min()?;
    (distance <= written.chars().count().div_ceil(3)).then_some(name)
}

/// How many letters differ (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (above, letter) in one.chars().enumerate() {
        let mut next = vec![above + 1];
        for (column, same) in other.iter().map(|other| *other == letter).enumerate() {
            let steps = row.get(column..column + 2).unwrap_or(&[0, 0]);
            let (diagonal, up) = (steps.first().copied(), steps.last().copied());
            let left = next.last().copied().unwrap_or(0) + 1;
            let replaced = diagonal.unwrap_or(0) + usize::from(!same);
            next.push(left.min(up.unwrap_or(0) + 1).min(replaced));
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

//! Values on their way into and out of SQL. All columns hold 64-bit integers
//! or text, in every dialect.

use crate::Error;

/// A value bound to a statement.
#[derive(Clone, Copy, Debug)]
pub enum Value<'a> {
    /// A number.
    Int(i64),
    /// A text.
    Text(&'a str),
    /// Nothing.
    Null,
}

impl From<Option<i64>> for Value<'_> {
    fn from(number: Option<i64>) -> Self {
        number.map_or(Value::Null, Value::Int)
    }
}

impl<'a> From<Option<&'a str>> for Value<'a> {
    fn from(text: Option<&'a str>) -> Self {
        text.map_or(Value::Null, Value::Text)
    }
}

/// A value read.
#[derive(Clone, Debug)]
pub enum Cell {
    /// A number.
    Int(i64),
    /// A text.
    Text(String),
    /// Nothing.
    Null,
}

/// A row read, taken apart from left to right.
#[derive(Clone, Debug)]
pub struct Row(std::vec::IntoIter<Cell>);

impl Row {
    /// A row of these values.
    pub fn new(cells: Vec<Cell>) -> Row {
        Row(cells.into_iter())
    }

    /// The next value, a number.
    pub fn int(&mut self) -> Result<i64, Error> {
        self.int_or_null()?.ok_or_else(wrong)
    }

    /// The next value, a number or nothing.
    pub fn int_or_null(&mut self) -> Result<Option<i64>, Error> {
        match self.0.next() {
            Some(Cell::Int(number)) => Ok(Some(number)),
            Some(Cell::Null) => Ok(None),
            _ => Err(wrong()),
        }
    }

    /// The next value, a text.
    pub fn text(&mut self) -> Result<String, Error> {
        self.text_or_null()?.ok_or_else(wrong)
    }

    /// The next value, a text or nothing.
    pub fn text_or_null(&mut self) -> Result<Option<String>, Error> {
        match self.0.next() {
            Some(Cell::Text(text)) => Ok(Some(text)),
            Some(Cell::Null) => Ok(None),
            _ => Err(wrong()),
        }
    }
}

fn wrong() -> Error {
    Error::corrupt("a column does not hold what it should")
}

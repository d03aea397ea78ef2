//! The table `dead`: messages that no process took.

use super::dialect::Tx;
use super::list::limit;
use super::mailbox::{decode, encode};
use super::process::read_id;
use super::seal::Seal;
use super::value::{Row, Value};
use crate::{DeadLetter, Error, LetterListing, LetterRules};
use greenroom_model::Millis;

const COLUMNS: &str = "no, target, sender, content, root, at, reason, hops, crashes, sum";

/// The texts of a dead letter.
struct Texts<'a> {
    target: &'a str,
    sender: &'a str,
    content: &'a str,
    root: &'a str,
    reason: &'a str,
    crashes: &'a str,
}

fn seal(no: i64, at: i64, hops: i64, texts: &Texts<'_>) -> i64 {
    let Texts { target, sender, content, root, reason, crashes } = texts;
    let seal = Seal::of("dead").int(no).int(at).int(hops).text(target).text(sender);
    seal.text(content).text(root).text(reason).text(crashes).done()
}

/// Writes dead letters down.
pub(super) fn insert(tx: &mut dyn Tx, letters: &[DeadLetter]) -> Result<(), Error> {
    let parts: Vec<(String, String, String)> = letters
        .iter()
        .map(|letter| {
            Ok((encode(&letter.from)?, encode(&letter.content)?, encode(&letter.crashes)?))
        })
        .collect::<Result<_, Error>>()?;
    let mut values = Vec::with_capacity(letters.len() * 10);
    for (letter, (sender, content, crashes)) in letters.iter().zip(&parts) {
        let (target, root, reason) = (letter.to.as_str(), &letter.root, &letter.reason);
        let (at, hops) = (letter.at.0 as i64, i64::from(letter.hops));
        let texts = Texts { target, sender, content, root, reason, crashes };
        values.extend([
            Value::Int(letter.no),
            Value::Text(target),
            Value::Text(sender),
            Value::Text(content),
            Value::Text(root),
            Value::Int(at),
            Value::Text(reason),
            Value::Int(hops),
            Value::Text(crashes),
            Value::Int(seal(letter.no, at, hops, &texts)),
        ]);
    }
    let places = "$1, $2, $3, $4, $5, $6, $7, $8, $9, $10";
    let sql = format!("insert into dead ({COLUMNS}) values ({places})");
    tx.execute_each(&sql, 10, &values)
}

/// Those of a listing, newest first.
pub(super) fn list(tx: &mut dyn Tx, listing: &LetterListing) -> Result<Vec<DeadLetter>, Error> {
    let pattern = listing.reason.as_deref().map(contains);
    let mut values: Vec<Value<'_>> = Vec::new();
    let mut tests = String::new();
    let mut test = |test: &str, value| {
        values.push(value);
        let word = if tests.is_empty() { "where" } else { "and" };
        tests.push_str(&format!("{word} {} ", test.replace('?', &format!("${}", values.len()))));
    };
    if let Some(to) = &listing.to {
        test("target = ?", Value::Text(to.as_str()));
    }
    if let Some(pattern) = &pattern {
        test("lower(reason) like ? escape '!'", Value::Text(pattern));
    }
    if let Some(before) = listing.before {
        test("no < ?", Value::Int(before));
    }
    values.push(Value::Int(limit(listing.limit)));
    let last = values.len();
    let sql = format!("select {COLUMNS} from dead {tests}order by no desc limit ${last}");
    tx.query(&sql, &values)?.into_iter().map(read).collect()
}

/// A pattern for what contains this text, in small letters.
fn contains(text: &str) -> String {
    let mut pattern = String::from("%");
    for letter in text.to_lowercase().chars() {
        if matches!(letter, '%' | '_' | '!') {
            pattern.push('!');
        }
        pattern.push(letter);
    }
    pattern.push('%');
    pattern
}

/// The first of these numbers that is none of a letter.
pub(super) fn missing(tx: &mut dyn Tx, letters: &[i64]) -> Result<Option<i64>, Error> {
    let values: Vec<Value<'_>> = letters.iter().map(|no| Value::Int(*no)).collect();
    let found = tx.query_each("select no from dead where no = $1", 1, &values)?;
    let missing = letters.iter().zip(found).find(|(_, rows)| rows.is_empty());
    Ok(missing.map(|(no, _)| *no))
}

/// Takes letters away.
pub(super) fn delete(tx: &mut dyn Tx, letters: &[i64]) -> Result<(), Error> {
    let values: Vec<Value<'_>> = letters.iter().map(|no| Value::Int(*no)).collect();
    tx.delete("dead", &["no"], &values)
}

/// Takes some of those away that are beyond the bounds, the oldest, after so
/// many have come of which `newest` is the last. Looks at no others.
pub(super) fn prune(
    tx: &mut dyn Tx,
    rules: &LetterRules,
    newest: i64,
    came: usize,
) -> Result<(), Error> {
    if *rules == (LetterRules { drops_unreachable: rules.drops_unreachable, ..Default::default() })
    {
        return Ok(());
    }
    let sql = "delete from dead where no in (select no from \
               (select no, at from dead order by no limit $1) oldest \
               where no <= $2 or at < $3)";
    let values = [
        Value::Int(limit(LetterRules::pruned_max(came))),
        Value::Int(rules.last_beyond(newest)),
        Value::Int(i64::try_from(rules.kept_since.0).unwrap_or(i64::MAX)),
    ];
    tx.execute_each(sql, values.len(), &values)
}

fn read(mut row: Row) -> Result<DeadLetter, Error> {
    let (no, target, sender) = (row.int()?, row.text()?, row.text()?);
    let (content, root, at, reason) = (row.text()?, row.text()?, row.int()?, row.text()?);
    let (hops, crashes) = (row.int()?, row.text()?);
    let texts = Texts {
        target: &target,
        sender: &sender,
        content: &content,
        root: &root,
        reason: &reason,
        crashes: &crashes,
    };
    if seal(no, at, hops, &texts) != row.int()? {
        return Err(Error::corrupt(format!("dead letter {no}")));
    }
    Ok(DeadLetter {
        no,
        to: read_id(&target)?,
        from: decode(&sender, "the sender of a dead letter")?,
        content: decode(&content, "the content of a dead letter")?,
        root,
        hops: u32::try_from(hops).unwrap_or(u32::MAX),
        crashes: decode(&crashes, "the crashes of a dead letter")?,
        at: Millis(at as u64),
        reason,
    })
}

//! The table `dead`: messages that no process took.

use super::dialect::Tx;
use super::mailbox::{decode, encode};
use super::process::read_id;
use super::seal::Seal;
use super::value::{Row, Value};
use crate::{DeadLetter, Error};
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

/// The newest ones.
pub(super) fn list(tx: &mut dyn Tx, limit: i64) -> Result<Vec<DeadLetter>, Error> {
    let sql = format!("select {COLUMNS} from dead order by no desc limit $1");
    tx.query(&sql, &[Value::Int(limit)])?.into_iter().map(read).collect()
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

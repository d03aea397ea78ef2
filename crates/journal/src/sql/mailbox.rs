//! The table `mailbox`: messages from the commit that sent them to the commit
//! that consumes them.

use super::dialect::Tx;
use super::seal::Seal;
use super::value::{Row, Value};
use crate::Error;
use greenroom_model::{Content, Lane, Message, MessageNo, Millis, Op, ProcessNo};
use std::collections::HashSet;

const COLUMNS: &str = "process, no, sender, content, root, hops, sum";

/// A message to append, with its number.
pub(super) struct NewMail {
    pub to: ProcessNo,
    pub message: Message,
    pub at: Millis,
}

fn seal(to: ProcessNo, no: i64, sender: &str, content: &str, root: &str, hops: i64) -> i64 {
    Seal::of("mailbox").int(to.0).int(no).text(sender).text(content).text(root).int(hops).done()
}

/// JSON of what a message holds.
pub(super) fn encode<T: serde::Serialize>(part: &T) -> Result<String, Error> {
    serde_json::to_string(part)
        .map_err(|error| Error::Model(greenroom_model::Error::BadJson { why: error.to_string() }))
}

/// What a message holds, from JSON.
pub(super) fn decode<T: serde::de::DeserializeOwned>(text: &str, what: &str) -> Result<T, Error> {
    serde_json::from_str(text).map_err(|error| Error::corrupt(format!("{what}: {error}")))
}

/// Appends.
pub(super) fn insert(tx: &mut dyn Tx, mail: &[NewMail]) -> Result<(), Error> {
    const WIDTH: usize = 9;
    let texts: Vec<(String, String)> = mail
        .iter()
        .map(|mail| Ok((encode(&mail.message.from)?, encode(&mail.message.content)?)))
        .collect::<Result<_, Error>>()?;
    let mut values: Vec<Value<'_>> = Vec::with_capacity(mail.len() * WIDTH);
    for (NewMail { to, message, at }, (sender, content)) in mail.iter().zip(&texts) {
        let (no, hops) = (message.no.0, i64::from(message.hops));
        let lane = i64::from(message.content.lane() == Lane::User);
        values.extend::<[Value<'_>; WIDTH]>([
            Value::Int(to.0),
            Value::Int(no),
            Value::Int(lane),
            Value::Text(sender),
            Value::Text(content),
            Value::Text(&message.root),
            Value::Int(hops),
            Value::Int(at.0 as i64),
            Value::Int(seal(*to, no, sender, content, &message.root, hops)),
        ]);
    }
    let columns = ["process", "no", "lane", "sender", "content", "root", "hops", "at", "sum"];
    tx.insert("mailbox", &columns, &values)
}

/// Takes messages out.
pub(super) fn delete(tx: &mut dyn Tx, taken: &[(ProcessNo, MessageNo)]) -> Result<(), Error> {
    let values: Vec<Value<'_>> =
        taken.iter().flat_map(|(process, no)| [Value::Int(process.0), Value::Int(no.0)]).collect();
    tx.delete("mailbox", &["process", "no"], &values)
}

/// Takes all messages of ended processes out.
pub(super) fn clear(tx: &mut dyn Tx, processes: &[ProcessNo]) -> Result<(), Error> {
    let values: Vec<Value<'_>> = processes.iter().map(|no| Value::Int(no.0)).collect();
    tx.delete("mailbox", &["process"], &values)
}

/// The mailboxes of processes, oldest message first.
pub(super) fn of_each(
    tx: &mut dyn Tx,
    processes: &[ProcessNo],
) -> Result<Vec<Vec<Message>>, Error> {
    let sql = format!("select {COLUMNS} from mailbox where process = $1 order by no");
    let values: Vec<Value<'_>> = processes.iter().map(|no| Value::Int(no.0)).collect();
    let mailboxes = tx.query_each(&sql, 1, &values)?;
    mailboxes.into_iter().map(|rows| rows.into_iter().map(read).collect()).collect()
}

fn read(mut row: Row) -> Result<Message, Error> {
    let (to, no) = (ProcessNo(row.int()?), row.int()?);
    let (sender, content, root) = (row.text()?, row.text()?, row.text()?);
    let hops = row.int()?;
    if seal(to, no, &sender, &content, &root, hops) != row.int()? {
        return Err(Error::corrupt(format!("message {no} of process number {to}")));
    }
    Ok(Message {
        no: MessageNo(no),
        from: decode(&sender, "the sender of a message")?,
        content: decode(&content, "the content of a message")?,
        root,
        hops: u32::try_from(hops).map_err(|_| Error::corrupt("the hops of a message"))?,
    })
}

/// The asks whose answers have not been taken: of one process, or of all that ask.
/// What cannot be read is damage, which reading the process tells.
pub(super) fn answers(
    tx: &mut dyn Tx,
    process: Option<ProcessNo>,
) -> Result<HashSet<(ProcessNo, Op)>, Error> {
    let sql = "select process, content from mailbox where lane = 0 and process";
    let rows = match process {
        Some(no) => tx.query(&format!("{sql} = $1"), &[Value::Int(no.0)])?,
        None => tx.query(&format!("{sql} in (select process from ask)"), &[])?,
    };
    let mut found = HashSet::new();
    for mut row in rows {
        let (no, content) = (ProcessNo(row.int()?), row.text()?);
        let content: Option<Content> = decode(&content, "a message").ok();
        found.extend(content.and_then(|content| content.answers()).map(|op| (no, op)));
    }
    Ok(found)
}

/// The processes that have mail, by number.
pub(super) fn holders(
    tx: &mut dyn Tx,
    after: ProcessNo,
    limit: i64,
) -> Result<Vec<ProcessNo>, Error> {
    let sql = "select distinct process from mailbox where process > $1 order by process limit $2";
    let rows = tx.query(sql, &[Value::Int(after.0), Value::Int(limit)])?;
    rows.into_iter().map(|mut row| Ok(ProcessNo(row.int()?))).collect()
}

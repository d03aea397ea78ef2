//! The table `ask`: open questions.

use super::dialect::Tx;
use super::mailbox::{self, decode, encode};
use super::process::read_id;
use super::seal::Seal;
use super::value::{Row, Value};
use crate::{AskRow, Error};
use greenroom_model::{AskSpec, Millis, Op, ProcessId, ProcessNo};

/// A question to write down.
pub(super) struct NewAsk<'a> {
    pub process: ProcessNo,
    pub op: Op,
    pub spec: &'a AskSpec,
    pub at: Millis,
}

fn seal(process: i64, op: i64, spec: &str, at: i64) -> i64 {
    Seal::of("ask").int(process).int(op).text(spec).int(at).done()
}

/// Opens questions.
pub(super) fn insert(tx: &mut dyn Tx, asks: &[NewAsk<'_>]) -> Result<(), Error> {
    let specs: Vec<String> = asks.iter().map(|ask| encode(ask.spec)).collect::<Result<_, _>>()?;
    let mut values = Vec::with_capacity(asks.len() * 5);
    for (ask, spec) in asks.iter().zip(&specs) {
        let (process, op, at) = (ask.process.0, ask.op.0 as i64, ask.at.0 as i64);
        let sum = seal(process, op, spec, at);
        values.extend([
            Value::Int(process),
            Value::Int(op),
            Value::Text(spec),
            Value::Int(at),
            Value::Int(sum),
        ]);
    }
    let sql = "insert into ask (process, op, spec, at, sum) values ($1, $2, $3, $4, $5) \
               on conflict (process, op) do update set spec = excluded.spec, at = excluded.at, \
               sum = excluded.sum";
    tx.execute_each(sql, 5, &values)
}

/// Closes questions.
pub(super) fn delete(tx: &mut dyn Tx, closed: &[(ProcessNo, Op)]) -> Result<(), Error> {
    let values: Vec<Value<'_>> =
        closed.iter().flat_map(|(no, op)| [Value::Int(no.0), Value::Int(op.0 as i64)]).collect();
    tx.execute_each("delete from ask where process = $1 and op = $2", 2, &values)
}

/// Closes all questions of ended processes.
pub(super) fn clear(tx: &mut dyn Tx, ended: &[ProcessNo]) -> Result<(), Error> {
    let values: Vec<Value<'_>> = ended.iter().map(|no| Value::Int(no.0)).collect();
    tx.execute_each("delete from ask where process = $1", 1, &values)
}

/// Open questions, oldest first, but for those whose answer lies in the mailbox.
pub(super) fn list(tx: &mut dyn Tx, process: Option<&ProcessId>) -> Result<Vec<AskRow>, Error> {
    let select = "select a.process, a.op, a.spec, a.at, a.sum, p.id from ask a \
                  left join process p on p.no = a.process";
    let order = "order by a.at, a.process, a.op";
    let rows = match process {
        None => tx.query(&format!("{select} {order}"), &[])?,
        Some(id) => {
            tx.query(&format!("{select} where p.id = $1 {order}"), &[Value::Text(id.as_str())])?
        }
    };
    let mut asks = rows.into_iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let Some((first, _)) = asks.first() else { return Ok(Vec::new()) };
    let answered = mailbox::answers(tx, process.map(|_| *first))?;
    asks.retain(|(no, ask)| !answered.contains(&(*no, ask.op)));
    Ok(asks.into_iter().map(|(_, ask)| ask).collect())
}

fn read(mut row: Row) -> Result<(ProcessNo, AskRow), Error> {
    let (process, op, spec, at, sum) =
        (row.int()?, row.int()?, row.text()?, row.int()?, row.int()?);
    let Some(id) = row.text_or_null()? else {
        return Err(Error::corrupt(format!("ask {op} belongs to no process")));
    };
    let id = read_id(&id)?;
    if seal(process, op, &spec, at) != sum {
        return Err(Error::corrupt(format!("the ask {id}#{op}")));
    }
    let spec = decode(&spec, "an ask")?;
    let ask = AskRow { process: id, op: Op(op as u64), spec, opened_at: Millis(at as u64) };
    Ok((ProcessNo(process), ask))
}

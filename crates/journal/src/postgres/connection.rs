//! One connection to the server, with the statements it has prepared.

use super::failure::{map, words};
use super::url::Target;
use super::wire::{Wire, wait};
use crate::Error;
use std::collections::HashMap;
use std::time::Duration;
use tokio_postgres::{Client, NoTls, Statement};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Where the arrays go in a statement for many rows.
pub(super) const ARRAYS: &str = "$arrays";

/// How long the server may not answer before the connection counts as lost.
const SILENCE_MAX: Duration = Duration::from_secs(15);

/// A connection.
pub(super) struct Connection {
    pub client: Client,
    statements: HashMap<String, Statement>,
}

impl Connection {
    /// Connects, with the store's schema as the place of all tables.
    pub fn open(wire: &Wire, target: &Target) -> Result<Connection, Error> {
        let mut config = target.config.clone();
        config.application_name("greenroom");
        config.keepalives_idle(SILENCE_MAX).tcp_user_timeout(SILENCE_MAX);
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_TIMEOUT);
        }
        let gone = || Error::Unavailable { why: "the connection's thread has ended".to_owned() };
        let connecting = async move {
            let (client, connection) = config.connect(NoTls).await?;
            // Its errors come out of the client's calls.
            drive(connection);
            Ok(client)
        };
        let client = wire.run(connecting).ok_or_else(gone)?.map_err(|error| {
            Error::Unavailable { why: format!("cannot connect: {}", words(&error)) }
        })?;
        let connection = Connection { client, statements: HashMap::new() };
        connection.batch(&format!("set search_path = \"{}\"", target.schema))?;
        Ok(connection)
    }

    /// Runs statements without values.
    pub fn batch(&self, sql: &str) -> Result<(), Error> {
        wait(self.client.batch_execute(sql)).map_err(map)
    }

    /// A prepared statement, prepared at its first use.
    pub fn prepare(&mut self, sql: &str) -> Result<Statement, Error> {
        if let Some(statement) = self.statements.get(sql) {
            return Ok(statement.clone());
        }
        let statement = wait(self.client.prepare(sql)).map_err(map)?;
        self.statements.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }

    /// The same for a statement that takes these columns as arrays, in the place
    /// of `ARRAYS`; and how many they are. Their types are asked of the server.
    pub fn prepare_arrays(
        &mut self,
        sql: &str,
        table: &str,
        columns: &str,
    ) -> Result<(Statement, usize), Error> {
        if let Some(statement) = self.statements.get(sql) {
            return Ok((statement.clone(), statement.params().len()));
        }
        let types = self.prepare(&format!("select {columns} from {table}"))?;
        let arrays: Vec<String> = types
            .columns()
            .iter()
            .enumerate()
            .map(|(place, column)| format!("${}::{}[]", place + 1, column.type_().name()))
            .collect();
        let text = sql.replace(ARRAYS, &arrays.join(", "));
        let statement = wait(self.client.prepare(&text)).map_err(map)?;
        self.statements.insert(sql.to_owned(), statement.clone());
        Ok((statement, arrays.len()))
    }

    /// Whether it can still be used.
    pub fn is_open(&self) -> bool {
        !self.client.is_closed()
    }
}

#[expect(clippy::disallowed_methods, reason = "runs on the wire's own thread")]
fn drive(connection: impl Future<Output = Result<(), tokio_postgres::Error>> + Send + 'static) {
    tokio::spawn(connection);
}

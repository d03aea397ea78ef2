//! Reads a store's URL: what the client needs, and what may be shown of it.

use crate::Error;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

/// A URL, taken apart.
pub(super) struct Target {
    pub config: Config,
    /// The schema the tables are in, so that stores can share a database.
    pub schema: String,
    /// Without credentials.
    pub shown: String,
}

const SCHEMA: &str = "greenroom";

impl Target {
    /// Reads `postgres://…`, with `schema` among its options.
    pub fn parse(url: &str) -> Result<Target, Error> {
        let error = |why: &str| Error::Open { store: "postgres:".to_owned(), why: why.to_owned() };
        let (plain, schema) = take_schema(url);
        let schema = schema.unwrap_or_else(|| SCHEMA.to_owned());
        let plain_char = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if schema.is_empty() || schema.len() > 63 || !schema.chars().all(plain_char) {
            return Err(error("a schema has lower-case letters, digits and `_`"));
        }
        // The parser's own words could repeat the password.
        let config: Config = plain.parse().map_err(|_| {
            error("the URL cannot be read: write postgres://USER@HOST:PORT/DATABASE?schema=NAME")
        })?;
        let shown = show(&config, &schema);
        if config.get_ssl_mode() == SslMode::Require {
            let why = "it asks for TLS (sslmode=require), which this build cannot do; \
                       use a local socket or a tunnel";
            return Err(Error::Open { store: shown, why: why.to_owned() });
        }
        Ok(Target { config, schema, shown })
    }
}

/// The client refuses options it does not know: ours is taken out.
fn take_schema(url: &str) -> (String, Option<String>) {
    let Some((place, options)) = url.split_once('?') else {
        return (url.to_owned(), None);
    };
    let mut schema = None;
    let others: Vec<&str> = options
        .split('&')
        .filter(|option| match option.strip_prefix("schema=") {
            Some(name) => {
                schema = Some(name.to_owned());
                false
            }
            None => true,
        })
        .collect();
    let mark = if others.is_empty() { "" } else { "?" };
    (format!("{place}{mark}{}", others.join("&")), schema)
}

fn show(config: &Config, schema: &str) -> String {
    let host = match config.get_hosts().first() {
        Some(Host::Tcp(host)) => host.clone(),
        Some(Host::Unix(path)) => path.display().to_string(),
        None => "localhost".to_owned(),
    };
    let user = config.get_user().map(|user| format!("{user}@")).unwrap_or_default();
    let port = config.get_ports().first().map(|port| format!(":{port}")).unwrap_or_default();
    let database = config.get_dbname().unwrap_or("");
    format!("postgres://{user}{host}{port}/{database}?schema={schema}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_password_is_shown() {
        let target = Target::parse("postgres://me:s3cret@db:5433/x?schema=mine&connect_timeout=3")
            .expect("valid");
        assert_eq!(target.shown, "postgres://me@db:5433/x?schema=mine");
        for url in ["postgres://me:s3cret@db/x?odd=1", "postgres://me:s3cret@db/x?sslmode=require"]
        {
            let error = Target::parse(url).err().expect("refused").to_string();
            assert!(!error.contains("s3cret"), "{error}");
        }
    }
}

//! Opens a store file, or makes it, and says clearly why it cannot.

use super::connection::{self, APPLICATION_ID, Use};
use super::dialect::SqliteDialect;
use super::lock::Lock;
use super::writer::Writer;
use crate::Error;
use crate::blob::Directory;
use crate::sql::{self, FORMAT, SqlStore};
use rusqlite::Connection;
use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// A store in one SQLite file.
pub type Sqlite = SqlStore<SqliteDialect>;

/// How to open one.
#[derive(Clone, Debug, Default)]
pub struct SqliteOptions {
    /// Only to read: takes no lock, and the file must be there.
    pub read_only: bool,
    /// What another node is told that finds the store in use, such as the
    /// command and the address it listens on.
    pub holder: String,
    /// Where blobs are; `blobs` beside the file by default.
    pub blob_dir: Option<PathBuf>,
}

impl Sqlite {
    /// Opens the store in this file; makes it, and the directory it is in, if
    /// they are missing.
    ///
    /// # Errors
    /// [`Error::Open`] if the path cannot be one, [`Error::InUse`] if a live
    /// node has it, [`Error::Format`] if a newer Greenroom wrote it.
    pub fn open(path: impl AsRef<Path>, options: SqliteOptions) -> Result<Sqlite, Error> {
        let path = path.as_ref().to_path_buf();
        let store = format!("sqlite:{}", path.display());
        let place = Place { path: &path, store: &store };
        place.check_path(options.read_only)?;
        let beside = || path.parent().unwrap_or(Path::new("")).join("blobs");
        let blobs = Directory::new(options.blob_dir.clone().unwrap_or_else(beside));
        if options.read_only {
            let connection =
                connection::open(&path, Use::Read).map_err(|error| place.say(error))?;
            place.check_format(&connection)?;
            let dialect = SqliteDialect::reading(path, store, connection);
            return Ok(SqlStore::new(dialect, blobs));
        }
        let lock = Lock::take(&path, &store, &options.holder)?;
        place.check_not_emptied()?;
        place.create()?;
        let connection = connection::open(&path, Use::Write).map_err(|error| place.say(error))?;
        place.make_tables(&connection)?;
        place.note_made()?;
        let writer = Writer::on(&path, connection);
        let dialect = SqliteDialect::writing(path, store, writer, lock);
        Ok(SqlStore::new(dialect, blobs))
    }
}

struct Place<'a> {
    path: &'a Path,
    store: &'a str,
}

impl Place<'_> {
    fn error(&self, why: impl Into<String>) -> Error {
        Error::Open { store: self.store.to_owned(), why: why.into() }
    }

    /// A failure while opening, in words.
    fn say(&self, error: Error) -> Error {
        match error {
            Error::Unavailable { why } => self.error(why),
            Error::Corrupt { what } if what.contains("not a database") => {
                self.error("the file is not a SQLite database")
            }
            error => error,
        }
    }

    /// A file beside the store that says that there is one: an empty file is
    /// a new store to SQLite, also where a whole store was cut off.
    fn made(&self) -> PathBuf {
        let mut made = self.path.as_os_str().to_owned();
        made.push(".made");
        made.into()
    }

    fn check_not_emptied(&self) -> Result<(), Error> {
        let is_empty = fs::metadata(self.path).is_ok_and(|found| found.len() == 0);
        if is_empty && self.made().exists() {
            return Err(self.error(
                "the file is empty, but there was a store in it; put a copy back, or delete \
                 the file to begin anew",
            ));
        }
        Ok(())
    }

    fn note_made(&self) -> Result<(), Error> {
        if self.made().exists() {
            return Ok(());
        }
        fs::write(self.made(), "").map_err(|error| self.error(error.to_string()))
    }

    fn check_path(&self, read_only: bool) -> Result<(), Error> {
        match fs::metadata(self.path) {
            Ok(found) if found.is_dir() => {
                Err(self.error("it is a directory; name a file, such as .greenroom/store.db"))
            }
            Ok(found) if !read_only && found.permissions().readonly() => {
                Err(self.error("the file is read-only"))
            }
            Ok(_) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound && read_only => {
                Err(self.error("there is no such file"))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.make_directory(),
            Err(error) => Err(self.error(error.to_string())),
        }
    }

    /// Makes the directory the file is in, but not the whole way there: a
    /// mistyped path must not grow a tree.
    fn make_directory(&self) -> Result<(), Error> {
        let Some(parent) = self.path.parent().filter(|parent| *parent != Path::new("")) else {
            return Ok(());
        };
        match fs::DirBuilder::new().mode(0o700).create(parent) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && parent.is_dir() => Ok(()),
            Err(error) => {
                Err(self.error(format!("cannot make the directory {}: {error}", parent.display())))
            }
        }
    }

    /// Makes the file, for its owner alone. SQLite gives its companions the
    /// same permissions.
    fn create(&self) -> Result<(), Error> {
        let mut options = fs::OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        options.open(self.path).map(|_| ()).map_err(|error| match error.kind() {
            io::ErrorKind::PermissionDenied => self.error(
                "permission denied: the file or its directory cannot be written by this user",
            ),
            _ => self.error(error.to_string()),
        })
    }

    fn make_tables(&self, connection: &Connection) -> Result<(), Error> {
        let say = |error| self.say(super::failure::map(error));
        let tables: i64 = connection
            .query_row("select count(*) from sqlite_schema", [], |row| row.get(0))
            .map_err(say)?;
        if tables != 0 {
            return self.check_format(connection);
        }
        connection.execute_batch("begin immediate").map_err(say)?;
        connection.execute_batch(include_str!("schema.sql")).map_err(say)?;
        connection.pragma_update(None, "application_id", APPLICATION_ID).map_err(say)?;
        connection.pragma_update(None, "user_version", FORMAT).map_err(say)?;
        sql::begin(&mut super::tx::SqliteTx::new(connection))?;
        connection.execute_batch("commit").map_err(say)?;
        sync_directory(self.path).map_err(|error| self.error(error.to_string()))
    }

    fn check_format(&self, connection: &Connection) -> Result<(), Error> {
        let pragma = |name: &str| {
            let value = connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
            value.map_err(|error| self.say(super::failure::map(error)))
        };
        if pragma("application_id")? != APPLICATION_ID {
            return Err(self.error("the file is a SQLite database of another program"));
        }
        let found = pragma("user_version")?;
        if found > FORMAT {
            return Err(Error::Format { found, known: FORMAT });
        }
        if found < 1 {
            return Err(Error::corrupt(format!(
                "the format of {} is {found}",
                self.path.display()
            )));
        }
        Ok(())
    }
}

/// Makes the names of new files durable.
fn sync_directory(path: &Path) -> io::Result<()> {
    let parent: PathBuf = match path.parent() {
        Some(parent) if parent != Path::new("") => parent.to_path_buf(),
        _ => PathBuf::from("."),
    };
    fs::File::open(parent)?.sync_all()
}

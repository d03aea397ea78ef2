//! The secret store: a folder with a file for each secret, named as the secret is,
//! which is how Docker, Kubernetes and systemd hand secrets to a program. A node
//! writes none; `greenroom secret` does.

#[cfg(test)]
mod tests;

use super::secret::Secret;
use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Names the folder, if it is not the user's own.
pub const FOLDER: &str = "GREENROOM_SECRETS";

/// No secret is longer, in bytes.
const BYTES_MAX: u64 = 64 << 10;

/// The names, files, lengths and changes of a store's secrets at a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stamp(Vec<(OsString, u64, u64, i64, i64)>);

/// A folder with a file for each secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretStore {
    folder: PathBuf,
    /// It is the user's own: nobody else may read in it. What an orchestrator mounts
    /// has the modes that it likes.
    is_private: bool,
}

impl SecretStore {
    /// What `GREENROOM_SECRETS` names, or else `greenroom/secrets` in the user's
    /// configuration (`XDG_CONFIG_HOME`, `~/.config`). `None`: there is no such place.
    pub fn open() -> Option<SecretStore> {
        SecretStore::with_env(&|name| std::env::var_os(name).filter(|value| !value.is_empty()))
    }

    fn with_env(env: &dyn Fn(&str) -> Option<OsString>) -> Option<SecretStore> {
        if let Some(folder) = env(FOLDER) {
            return Some(SecretStore { folder: folder.into(), is_private: false });
        }
        let home = || Some(Path::new(&env("HOME")?).join(".config"));
        let config = env("XDG_CONFIG_HOME").map(PathBuf::from).or_else(home)?;
        Some(SecretStore { folder: config.join("greenroom/secrets"), is_private: true })
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The secret of a name, if there is one.
    ///
    /// # Errors
    /// It cannot be read, is no text, is too long, or others than its owner can read
    /// it in the user's own folder. The error shows nothing of it.
    pub fn get(&self, name: &str) -> io::Result<Option<Secret>> {
        let path = self.path(name)?;
        let told = |error: io::Error| about(&path, error);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error)
                if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) =>
            {
                return Ok(None);
            }
            Err(error) => return Err(told(error)),
        };
        let mode = file.metadata().map_err(told)?.permissions().mode();
        if self.is_private && mode & 0o077 != 0 {
            let shown = path.display();
            let text = format!("others can read the secret in {shown}: `chmod 600 {shown}`");
            return Err(io::Error::new(ErrorKind::PermissionDenied, text));
        }
        let mut text = String::new();
        let bytes = file.take(BYTES_MAX + 1).read_to_string(&mut text).map_err(told)?;
        if bytes as u64 > BYTES_MAX {
            return Err(told(io::Error::other(format!("more than {BYTES_MAX} bytes"))));
        }
        Ok(Secret::of_line(&text))
    }

    /// Keeps a secret under a name, in the place of the one before. A crash leaves
    /// the one or the other.
    ///
    /// # Errors
    /// The name is none, or it cannot be written.
    pub fn set(&self, name: &str, secret: &Secret) -> io::Result<()> {
        let path = self.path(name)?;
        let told = |error: io::Error| about(&path, error);
        DirBuilder::new().recursive(true).mode(0o700).create(&self.folder).map_err(told)?;
        // Beside it, and under a name that `names` leaves out.
        let beside = self.folder.join(format!(".{name}.{}", std::process::id()));
        let write = || {
            let mut options = OpenOptions::new();
            let mut file =
                options.write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
            file.set_permissions(Permissions::from_mode(0o600))?;
            file.write_all(secret.reveal().as_bytes())?;
            file.sync_all()?;
            fs::rename(&beside, &path)?;
            File::open(&self.folder)?.sync_all()
        };
        write().map_err(|error| {
            // Nobody misses it, and it holds the secret.
            let _gone = fs::remove_file(&beside);
            told(error)
        })
    }

    /// Takes a secret out; whether there was one.
    ///
    /// # Errors
    /// The name is none, or it cannot be removed.
    pub fn remove(&self, name: &str) -> io::Result<bool> {
        let path = self.path(name)?;
        match fs::remove_file(&path) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(about(&path, error)),
        }
    }

    /// The names of all there are, in order.
    ///
    /// # Errors
    /// The folder cannot be read; that it is not there is none.
    pub fn names(&self) -> io::Result<Vec<String>> {
        let listed = match fs::read_dir(&self.folder) {
            Ok(listed) => listed,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(about(&self.folder, error)),
        };
        let mut names = Vec::new();
        for entry in listed {
            let entry = entry.map_err(|error| about(&self.folder, error))?;
            let name = entry.file_name().into_string().unwrap_or_default();
            // A mounted secret may be a link to a file.
            if is_name(&name) && entry.path().is_file() {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    /// What tells whether anything in it is another than before, without reading a secret.
    /// `None`: there is nothing, or nothing that can be looked at.
    pub(crate) fn stamp(&self) -> Option<Stamp> {
        let mut all = vec![(self.folder.clone().into_os_string(), 0, 0, 0, 0)];
        for entry in fs::read_dir(&self.folder).ok()? {
            let entry = entry.ok()?;
            // Through links: what is mounted may be one.
            if let Ok(data) = fs::metadata(entry.path()) {
                let changed = (data.ctime(), data.ctime_nsec());
                all.push((entry.file_name(), data.ino(), data.len(), changed.0, changed.1));
            }
        }
        all.sort();
        Some(Stamp(all))
    }

    fn path(&self, name: &str) -> io::Result<PathBuf> {
        if is_name(name) {
            return Ok(self.folder.join(name));
        }
        // Not quoted: it may be the secret itself.
        let text = "that is no secret's name: letters, digits and `_`, at most 128";
        Err(io::Error::new(ErrorKind::InvalidInput, text))
    }
}

/// As an environment variable's, so that either can hold it.
fn is_name(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_';
    (1..=128).contains(&name.len())
        && name.chars().all(fits)
        && !name.starts_with(|c: char| c.is_ascii_digit())
}

fn about(path: &Path, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("the secret store, {}: {error}", path.display()))
}

//! What stays the same of a box's proxy when another process serves it: the key of its
//! authority and what its placeholders are made of. Programs in the box go on trusting
//! the one and sending the others.

use super::authority::certificates;
use super::error::Error;
use rcgen::KeyPair;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// As large as nothing of ours gets.
const BYTES_MAX: u64 = 64 << 10;

/// It is as secret as what the box may reach with it: nobody but the host's owner of the
/// box may read it.
#[derive(Clone, Serialize, Deserialize)]
pub struct Kept {
    /// The authority's private key, in PEM.
    key: String,
    /// What placeholders are made of.
    seed: u128,
}

impl Kept {
    /// A new one.
    ///
    /// # Errors
    /// The machine gives no random bytes, or makes no key.
    pub fn new() -> Result<Kept, Error> {
        let mut seed = [0_u8; 16];
        let got = rustix::rand::getrandom(&mut seed, rustix::rand::GetRandomFlags::empty());
        if got.map_err(|error| Error::Random(error.into()))? != seed.len() {
            return Err(Error::Random(std::io::ErrorKind::UnexpectedEof.into()));
        }
        let key = KeyPair::generate().map_err(|error| Error::Authority(error.to_string()))?;
        Ok(Kept { key: key.serialize_pem(), seed: u128::from_ne_bytes(seed) })
    }

    /// The one in a file, which is made if need be, for its owner's eyes alone. A crash leaves
    /// a whole one or none.
    ///
    /// # Errors
    /// As [`Kept::new`]; a file that cannot be read or made, or that holds something else.
    pub fn open(file: &Path) -> Result<Kept, Error> {
        let failed = |source| Error::Kept { file: file.to_owned(), source };
        match File::open(file) {
            Ok(opened) => {
                let mut bytes = Vec::new();
                opened.take(BYTES_MAX).read_to_end(&mut bytes).map_err(failed)?;
                serde_json::from_slice(&bytes).map_err(|error| failed(error.into()))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let kept = Kept::new()?;
                kept.write(file).map_err(failed)?;
                Ok(kept)
            }
            Err(error) => Err(failed(error)),
        }
    }

    fn write(&self, file: &Path) -> std::io::Result<()> {
        let partial = file.with_extension("partial");
        let _ = std::fs::remove_file(&partial);
        let mut options = File::options();
        let mut opened = options.write(true).create_new(true).mode(0o600).open(&partial)?;
        opened.write_all(&serde_json::to_vec(self)?)?;
        opened.sync_all()?;
        std::fs::rename(&partial, file)
    }

    /// Certificates in PEM, to be placed at [`super::CERTIFICATE_PATH`] in a box whose secrets
    /// are for hosts that it may reach: its own authority's, and the roots that this machine
    /// trusts.
    ///
    /// # Errors
    /// No roots on this machine, and no `extra` ones (in DER).
    pub fn certificates(&self, extra: &[Vec<u8>]) -> Result<String, Error> {
        certificates(self.key()?, extra)
    }

    pub(super) fn key(&self) -> Result<KeyPair, Error> {
        KeyPair::from_pem(&self.key).map_err(|error| Error::Authority(error.to_string()))
    }

    /// What the box has in place of a secret.
    pub(super) fn placeholder(&self, name: &str) -> String {
        let hash = blake3::keyed_hash(&self.seed32(), name.as_bytes());
        let hash = hash.to_hex();
        format!("greenroom-secret-{name}-{}", hash.get(..32).unwrap_or_default())
    }

    fn seed32(&self) -> [u8; 32] {
        *blake3::hash(&self.seed.to_ne_bytes()).as_bytes()
    }
}

impl std::fmt::Debug for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Kept")
    }
}

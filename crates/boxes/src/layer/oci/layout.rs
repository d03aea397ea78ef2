//! The documents of an OCI layout, as far as they are read and written here.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;

pub const LAYOUT_FILE: &str = "oci-layout";
pub const LAYOUT_VERSION: &str = "1.0.0";
pub const INDEX_FILE: &str = "index.json";

pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
pub const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";

/// The annotation that names an image of a layout.
pub const TAG: &str = "org.opencontainers.image.ref.name";

/// The file that says that a folder is a layout.
#[derive(Debug, Serialize, Deserialize)]
pub struct Layout {
    #[serde(rename = "imageLayoutVersion")]
    pub version: String,
}

/// Which blob, and what it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Descriptor {
    #[serde(rename = "mediaType")]
    pub media_type: String,
    pub digest: String,
    pub size: u64,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
}

/// The machine that an image is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Platform {
    pub architecture: String,
    pub os: String,
}

/// Images to choose from.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Index {
    pub schema_version: u32,
    #[serde(default)]
    pub manifests: Vec<Descriptor>,
}

/// One image.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageManifest {
    pub schema_version: u32,
    pub media_type: Option<String>,
    pub config: Descriptor,
    pub layers: Vec<Descriptor>,
}

impl Descriptor {
    pub fn new(media_type: &str, digest: String, size: u64) -> Descriptor {
        let annotations = BTreeMap::new();
        Descriptor { media_type: media_type.to_owned(), digest, size, annotations, platform: None }
    }

    /// Its blob's path in a layout. A digest that is no sha256 has none: it may be a path.
    pub fn path(&self) -> Option<String> {
        let digits = self.digest.strip_prefix("sha256:")?;
        let fits = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        let good = digits.len() == 64 && digits.bytes().all(fits);
        good.then(|| format!("blobs/sha256/{digits}"))
    }
}

/// The digest of all that was fed to a hasher.
pub fn digest(hasher: Sha256) -> String {
    let digits: String = hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{digits}")
}

/// What OCI calls this machine.
pub fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

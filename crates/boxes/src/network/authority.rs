//! The box's own certificate authority, known to nobody but the box, and whom the
//! proxy trusts itself.

use super::error::Error;
use crate::spec::HostPort;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose,
};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

/// Where the box's certificates belong inside of it: [`super::Proxy::environment`] points
/// programs there.
pub const CERTIFICATE_PATH: &str = "/run/greenroom-ca.pem";

/// What is needed to stand between a box and the hosts that secrets are for.
pub(super) struct Identity {
    client: Arc<ClientConfig>,
    servers: BTreeMap<HostPort, Arc<ServerConfig>>,
    pem: String,
}

impl Identity {
    /// For these hosts. `extra` is trusted beside the machine's own roots.
    pub fn new(
        hosts: &BTreeSet<&HostPort>,
        key: KeyPair,
        extra: &[Vec<u8>],
    ) -> Result<Identity, Error> {
        let roots = roots(extra)?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let authority = authority(key)?;
        let pem = bundle(authority.der(), &roots);
        let servers = hosts.iter().map(|host| {
            Ok(((*host).clone(), Arc::new(server(host, &authority, Arc::clone(&provider))?)))
        });
        let servers = servers.collect::<Result<_, Error>>()?;
        Ok(Identity { client: Arc::new(client(roots, provider)?), servers, pem })
    }

    /// To the real servers.
    pub fn client(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.client)
    }

    /// To the box, as this host; nothing if no secret is for it.
    pub fn server(&self, host: &HostPort) -> Option<Arc<ServerConfig>> {
        self.servers.get(host).map(Arc::clone)
    }

    /// The authority's certificate and all roots that are trusted: a program that is
    /// pointed to this file must reach other hosts too, whose TLS is not opened.
    pub fn pem(&self) -> &str {
        &self.pem
    }
}

fn failed(error: impl ToString) -> Error {
    Error::Authority(error.to_string())
}

/// The authority's certificate of this key and all roots that are trusted.
pub(super) fn certificates(key: KeyPair, extra: &[Vec<u8>]) -> Result<String, Error> {
    Ok(bundle(authority(key)?.der(), &roots(extra)?))
}

fn bundle(authority: &CertificateDer<'_>, roots: &[CertificateDer<'_>]) -> String {
    let mut text = pem(authority);
    text.extend(roots.iter().map(pem));
    text
}

fn authority(key: KeyPair) -> Result<CertifiedIssuer<'static, KeyPair>, Error> {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "greenroom box");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    CertifiedIssuer::self_signed(params, key).map_err(failed)
}

fn server(
    host: &HostPort,
    authority: &CertifiedIssuer<'static, KeyPair>,
    provider: Arc<CryptoProvider>,
) -> Result<ServerConfig, Error> {
    let mut params = CertificateParams::new(vec![host.host().to_owned()]).map_err(failed)?;
    // Names of a certificate's subject are short; hosts stand in the list of names.
    params.distinguished_name.push(DnType::CommonName, "greenroom box host");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    let key = KeyPair::generate().map_err(failed)?;
    let certificate = params.signed_by(&key, authority).map_err(failed)?;
    let key = PrivatePkcs8KeyDer::from(key.serialize_der());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(failed)?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key.into())
        .map_err(failed)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec(), b"http/1.0".to_vec()];
    Ok(config)
}

fn client(
    roots: Vec<CertificateDer<'static>>,
    provider: Arc<CryptoProvider>,
) -> Result<ClientConfig, Error> {
    let mut store = RootCertStore::empty();
    let (good, bad) = store.add_parsable_certificates(roots);
    if good == 0 {
        return Err(Error::Roots(format!("{bad} that cannot be read")));
    }
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(failed)?
        .with_root_certificates(store)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// The machine's roots, read once, and further ones.
fn roots(extra: &[Vec<u8>]) -> Result<Vec<CertificateDer<'static>>, Error> {
    static MACHINE: OnceLock<(Vec<CertificateDer<'static>>, String)> = OnceLock::new();
    let (machine, wrong) = MACHINE.get_or_init(|| {
        let found = rustls_native_certs::load_native_certs();
        let wrong: Vec<String> = found.errors.iter().map(ToString::to_string).collect();
        (found.certs, wrong.join("; "))
    });
    let extra = extra.iter().map(|root| CertificateDer::from(root.clone()));
    let roots: Vec<_> = machine.iter().cloned().chain(extra).collect();
    match roots.is_empty() {
        true if wrong.is_empty() => Err(Error::Roots("none found".to_owned())),
        true => Err(Error::Roots(wrong.clone())),
        false => Ok(roots),
    }
}

fn pem(der: &CertificateDer<'_>) -> String {
    let encoded = STANDARD.encode(der);
    let mut text = String::from("-----BEGIN CERTIFICATE-----\n");
    let mut rest = encoded.as_str();
    while !rest.is_empty() {
        let (line, further) = rest.split_at(rest.len().min(64));
        text.push_str(line);
        text.push('\n');
        rest = further;
    }
    text.push_str("-----END CERTIFICATE-----\n");
    text
}

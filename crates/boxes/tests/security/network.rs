//! Attacks by the network, from a real box through the real proxy, in a network of the test's own
//! (`outside.py`) where each of them works for whoever is in no box.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};

use greenroom_boxes::network::{
    Answered, Decision, Decisions, Egress, Outside, Policy, Secrets, Verdict,
};
use greenroom_boxes::sandbox::{Bind, ExecSpec, Level, Listen};
use greenroom_boxes::spec::HostPort;
use sha2::{Digest, Sha256};
use tokio::net::TcpStream;

use crate::attack::NETWORK;
use crate::house::{House, command, run, text};
use crate::world::{PYTHON, attacks};

/// Said to the test that runs in the network.
const WITHIN: &str = "GREENROOM_BOX_NETWORK";

/// What nobody in a box may see.
const VALUE: &str = "v4lue-of-the-secret";

/// What the box may reach: names whose addresses are checked when they are looked up, too.
const ALLOWED: [&str; 9] = [
    "shop.example:80",
    "shop.example:81",
    "other.example:80",
    "tls.example:443",
    "inside.example:80",
    "mapped.example:80",
    "v6.example:80",
    "private.example:80",
    "rebind.example:80",
];

/// Where the token goes.
const BOUND: [&str; 2] = ["shop.example:80", "shop.example:81"];

fn program(name: &str) -> PathBuf {
    attacks().with_file_name(name)
}

/// As this user; as nobody `as_nobody` starts it.
#[test]
fn by_the_network() {
    let mut outside = Command::new("unshare");
    outside.arg("--net");
    if !rustix::process::geteuid().is_root() {
        outside.args(["--user", "--map-current-user", "--keep-caps"]);
    }
    outside.args(["--", PYTHON, "-I"]).arg(program("outside.py"));
    outside.arg(std::env::current_exe().expect("this"));
    outside.args(["--exact", "network::in_a_network_of_its_own", "--nocapture"]);
    let output = outside.env(WITHIN, "1").env("P_VALUE", VALUE).output().expect("unshare");
    println!("{}", String::from_utf8_lossy(&output.stdout));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Does nothing when the tests are run.
#[test]
fn in_a_network_of_its_own() {
    if std::env::var_os(WITHIN).is_none() {
        return;
    }
    let outside = outside();
    let names = Arc::new(Names::default());
    let log = Arc::new(Log::default());
    let inside = inside(&names, &log);
    let mut wrong = Vec::new();
    for attack in ["allowed"].iter().chain(NETWORK) {
        let said = |all: &BTreeMap<String, String>| all.get(*attack).cloned().unwrap_or_default();
        let (outside, inside) = (said(&outside), said(&inside));
        println!("{attack}: outside {outside} | inside {inside}");
        if outside != "worked" {
            wrong.push(format!("{attack} fails without the box: {outside}"));
        }
        if (inside == "worked") != (*attack == "allowed") || inside.is_empty() {
            wrong.push(format!("{attack} in the box: {inside}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // Neither has anything gone out by the names that are looked up, nor by the log.
    let looked_up = names.looked_up.lock().unwrap_or_else(PoisonError::into_inner).clone();
    assert!(!looked_up.iter().any(|name| name.ends_with("evil.example")), "{looked_up:?}");
    let decisions = log.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let told = serde_json::to_string(&decisions).expect("written");
    assert!(!told.contains(VALUE), "{told}");
    assert!(decisions.iter().any(|one| one.verdict == Verdict::Refused), "{told}");
    let allowed = decisions.iter().filter(|one| one.verdict == Verdict::Allowed);
    let hosts: BTreeSet<&str> = allowed.map(|one| one.host.as_str()).collect();
    let expected = ["other.example", "rebind.example", "shop.example"];
    assert_eq!(hosts, BTreeSet::from(expected), "what it reached at all");
}

/// Each attack with what came of it.
fn told(said: &str) -> BTreeMap<String, String> {
    let lines = said.lines().filter_map(|line| line.split_once(' '));
    lines.map(|(name, came)| (name.to_owned(), came.to_owned())).collect()
}

fn words() -> Vec<&'static str> {
    ["allowed"].into_iter().chain(NETWORK.iter().copied()).collect()
}

fn hash() -> String {
    Sha256::digest(VALUE).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A program without a box: it has the value itself, and its proxy checks nothing.
fn outside() -> BTreeMap<String, String> {
    let scratch = tempfile::tempdir().expect("a directory");
    std::fs::write(scratch.path().join("token"), VALUE).expect("a file with the token");
    let mut outside = Command::new(PYTHON);
    outside.arg("-I").arg(program("network.py")).args(words());
    outside.env("TOKEN", VALUE).env("P_SHA", hash()).env("P_SCRATCH", scratch.path());
    let output = outside.env("http_proxy", "http://127.0.0.1:3128").output().expect("python");
    let said = [output.stdout, output.stderr].concat();
    told(&String::from_utf8_lossy(&said))
}

fn inside(names: &Arc<Names>, log: &Arc<Log>) -> BTreeMap<String, String> {
    let house = House::new();
    let copy = house.dir.path().join("network.py");
    std::fs::copy(program("network.py"), &copy).expect("the attacks");
    let mut spec = house.spec("net");
    spec.binds.push(Bind { source: copy, target: "/network.py".into(), writable: false });
    spec.listen = vec![Listen::Tcp { port: 3128 }];
    let sandbox = house.level().create(&spec).expect("a box");
    let hosts = |hosts: &[&str]| -> BTreeSet<HostPort> {
        hosts.iter().map(|host| host.parse().expect("a host and a port")).collect()
    };
    let bound = BTreeMap::from([("TOKEN".to_owned(), hosts(&BOUND))]);
    let policy = Policy::new(hosts(&ALLOWED), bound);
    let mut egress = Egress::new("net", policy, Arc::new(Vault), log.clone());
    egress.outside = names.clone();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let listener = sandbox.listeners().expect("sockets").into_iter().next().expect("one");
    let proxy = egress.start(TcpListener::from(listener), runtime.handle()).expect("a proxy");
    let program = [&[PYTHON, "-I", "/network.py"], &words()[..]].concat();
    let mut spec = ExecSpec { timeout_ms: Some(60_000), ..command(&program) };
    spec.env.extend(proxy.environment());
    spec.env.insert("P_SHA".to_owned(), hash());
    spec.env.insert("P_SCRATCH".to_owned(), "/".to_owned());
    told(&text(&run(&*sandbox, &spec)))
}

/// Leads names to addresses as `outside.py` does; connections are this network's.
#[derive(Default)]
struct Names {
    looked_up: Mutex<Vec<String>>,
}

impl Outside for Names {
    fn resolve<'a>(&'a self, name: &'a str) -> Answered<'a, Vec<IpAddr>> {
        let mut looked_up = self.looked_up.lock().unwrap_or_else(PoisonError::into_inner);
        let again = looked_up.iter().any(|one| one == name);
        looked_up.push(name.to_owned());
        let address = match name {
            "shop.example" => "93.184.216.34",
            "other.example" => "93.184.216.35",
            "tls.example" => "93.184.216.37",
            "inside.example" => "169.254.169.254",
            "mapped.example" => "::ffff:169.254.169.254",
            "v6.example" => "fd00:ec2::254",
            "private.example" => "10.1.2.3",
            "rebind.example" if again => "127.0.0.1",
            "rebind.example" => "93.184.216.34",
            "localhost" => "127.0.0.1",
            _ => "93.184.216.36",
        };
        Box::pin(std::future::ready(Ok(vec![address.parse().expect("an address")])))
    }

    fn connect(&self, address: SocketAddr) -> Answered<'static, TcpStream> {
        Box::pin(TcpStream::connect(address))
    }
}

#[derive(Default)]
struct Log(Mutex<Vec<Decision>>);

impl Decisions for Log {
    fn decided(&self, decision: &Decision) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(decision.clone());
    }
}

struct Vault;

impl Secrets for Vault {
    fn value(&self, _name: &str) -> Result<Option<String>, String> {
        Ok(Some(VALUE.to_owned()))
    }
}

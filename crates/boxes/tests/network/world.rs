//! A proxy whose outside is made up: names lead to addresses as a test says, and
//! addresses that look public lead to servers on loopback.

use greenroom_boxes::network::{
    Answered, Decision, Decisions, Egress, Limits, Outside, Policy, Proxy, Secrets, Verdict,
};
use greenroom_boxes::spec::HostPort;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpStream;

/// The addresses of shop.example, other.example and third.example.
pub const SHOP: &str = "93.184.216.34";
pub const OTHER: &str = "93.184.216.35";
/// The value that nobody may see.
pub const VALUE: &str = "v4lue-of-the-secret";

/// What a test says of the outside, and what it hears.
#[derive(Default)]
pub struct Map {
    /// Answers of the resolver; the last one stays.
    names: Mutex<BTreeMap<String, VecDeque<Vec<IpAddr>>>>,
    /// Where connections go in truth; an address that is not here is connected to as it is.
    ways: Mutex<BTreeMap<SocketAddr, SocketAddr>>,
    pub looked_up: Mutex<Vec<String>>,
    pub connected: Mutex<Vec<SocketAddr>>,
}

impl Map {
    pub fn name(&self, name: &str, answers: &[&[&str]]) {
        let parse = |answer: &&[&str]| answer.iter().map(|ip| ip.parse().unwrap()).collect();
        let answers = answers.iter().map(parse).collect();
        self.names.lock().unwrap().insert(name.to_owned(), answers);
    }

    pub fn way(&self, from: &str, to: SocketAddr) {
        self.ways.lock().unwrap().insert(from.parse().unwrap(), to);
    }
}

impl Outside for Map {
    fn resolve<'a>(&'a self, name: &'a str) -> Answered<'a, Vec<IpAddr>> {
        self.looked_up.lock().unwrap().push(name.to_owned());
        let mut names = self.names.lock().unwrap();
        let answer = names.get_mut(name).and_then(|answers| match answers.len() {
            1 => answers.front().cloned(),
            _ => answers.pop_front(),
        });
        let answer = answer.ok_or_else(|| std::io::Error::other("no such name"));
        Box::pin(std::future::ready(answer))
    }

    fn connect(&self, address: SocketAddr) -> Answered<'static, TcpStream> {
        self.connected.lock().unwrap().push(address);
        let to = self.ways.lock().unwrap().get(&address).copied().unwrap_or(address);
        Box::pin(TcpStream::connect(to))
    }
}

/// Keeps all decisions.
#[derive(Default)]
pub struct Log(Mutex<Vec<Decision>>);

impl Decisions for Log {
    fn decided(&self, decision: &Decision) {
        self.0.lock().unwrap().push(decision.clone());
    }
}

/// Knows `TOKEN`.
pub struct Vault(pub Mutex<Result<Option<String>, String>>);

impl Secrets for Vault {
    fn value(&self, name: &str) -> Result<Option<String>, String> {
        assert_eq!(name, "TOKEN");
        self.0.lock().unwrap().clone()
    }
}

pub struct World {
    pub map: Arc<Map>,
    pub log: Arc<Log>,
    pub vault: Arc<Vault>,
    pub proxy: Proxy,
    pub at: SocketAddr,
}

/// How a test's proxy differs from the usual.
#[derive(Default)]
pub struct Plan {
    pub allow: Vec<String>,
    pub token_for: Vec<String>,
    pub roots: Vec<Vec<u8>>,
    pub limits: Limits,
}

impl World {
    pub fn allowing(allow: &[&str]) -> World {
        let allow = allow.iter().map(ToString::to_string).collect();
        World::new(Plan { allow, ..Plan::default() })
    }

    pub fn new(plan: Plan) -> World {
        let read = |hosts: &[String]| -> BTreeSet<HostPort> {
            hosts.iter().map(|host| host.parse().unwrap()).collect()
        };
        let secrets = match plan.token_for.is_empty() {
            true => BTreeMap::new(),
            false => BTreeMap::from([("TOKEN".to_owned(), read(&plan.token_for))]),
        };
        let map = Arc::new(Map::default());
        map.name("shop.example", &[&[SHOP]]);
        map.name("other.example", &[&[OTHER]]);
        let log = Arc::new(Log::default());
        let vault = Arc::new(Vault(Mutex::new(Ok(Some(VALUE.to_owned())))));
        let policy = Policy::new(read(&plan.allow), secrets);
        let mut egress = Egress::new("box-1", policy, vault.clone(), log.clone());
        egress.outside = map.clone();
        egress.roots = plan.roots;
        egress.limits = plan.limits;
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap();
        let proxy = egress.start(listener, &tokio::runtime::Handle::current()).unwrap();
        World { map, log, vault, proxy, at }
    }

    pub fn placeholder(&self) -> String {
        self.proxy.environment()["TOKEN"].clone()
    }

    pub fn decisions(&self) -> Vec<Decision> {
        let decisions = self.log.0.lock().unwrap().clone();
        let told = serde_json::to_string(&decisions).unwrap();
        assert!(!told.contains(VALUE), "a decision tells the value: {told}");
        assert!(!told.contains("QUERY"), "a decision tells a query: {told}");
        decisions
    }

    /// The verdicts so far, in order.
    pub fn verdicts(&self) -> Vec<Verdict> {
        self.decisions().iter().map(|decision| decision.verdict).collect()
    }

    pub fn connected(&self) -> Vec<SocketAddr> {
        self.map.connected.lock().unwrap().clone()
    }
}

/// Starts a task of the test's.
#[expect(clippy::disallowed_methods, reason = "a test's servers and clients run in real time")]
pub fn go<T: Send + 'static>(
    task: impl Future<Output = T> + Send + 'static,
) -> tokio::task::JoinHandle<T> {
    tokio::spawn(task)
}

#[expect(clippy::disallowed_methods, reason = "a test waits in real time")]
pub async fn pause(ms: u64) {
    tokio::time::sleep(Duration::from_millis(ms)).await;
}

/// What the future gives, which may not take forever.
#[expect(clippy::disallowed_methods, reason = "a test waits in real time")]
pub async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), future).await.expect("in time")
}

/// Waits for what comes soon.
pub async fn eventually(what: &str, is_so: impl Fn() -> bool) {
    for _ in 0..500 {
        if is_so() {
            return;
        }
        pause(20).await;
    }
    panic!("not within ten seconds: {what}");
}

//! Which hosts and addresses are reached.

use crate::client::{connect, get, say};
use crate::server::Server;
use crate::world::{OTHER, SHOP, World};
use greenroom_boxes::network::{Egress, Limits, Policy, Verdict};
use greenroom_boxes::spec::BoxSpec;
use std::net::SocketAddr;

#[tokio::test]
async fn an_allowed_host_is_reached_at_the_address_that_was_checked() {
    let server = Server::plain().await;
    let world = World::allowing(&["shop.example:80"]);
    world.map.way(&format!("{SHOP}:80"), server.at);
    let answer = get(&world, "http://shop.example/a?b=QUERY", "").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    let heads = server.heads();
    assert!(heads[0].starts_with("GET /a?b=QUERY HTTP/1.1\r\n"), "{heads:?}");
    assert!(heads[0].contains("host: shop.example\r\n"), "{heads:?}");
    let decisions = world.decisions();
    assert_eq!(world.verdicts(), [Verdict::Allowed]);
    assert_eq!(decisions[0].address, Some(SHOP.parse().unwrap()));
    assert_eq!((&*decisions[0].host, decisions[0].port), ("shop.example", Some(80)));
    assert_eq!((&*decisions[0].box_id, &*decisions[0].method), ("box-1", "GET"));
    assert!(decisions[0].at_ms > 1_600_000_000_000);
}

#[tokio::test]
async fn any_other_host_or_port_is_refused_and_never_looked_up() {
    let world = World::allowing(&["shop.example:443"]);
    let sub = "secret-data.shop.example";
    for (host, port) in [("other.example", 80), ("shop.example", 80), (sub, 80), (SHOP, 443)] {
        let answer = get(&world, &format!("http://{host}:{port}/"), "").await;
        assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
        let why = format!("refused: {host}:{port} is not in the box's allow-list");
        assert!(answer.contains(&why), "{answer}");
        assert!(answer.contains(&format!("allow = [\"{host}:{port}\"]")), "{answer}");
        let answer = connect(&world, &format!("{host}:{port}")).await.unwrap_err();
        assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
    }
    assert_eq!(world.verdicts(), [Verdict::Refused; 8]);
    assert_eq!(*world.map.looked_up.lock().unwrap(), Vec::<String>::new());
    assert_eq!(world.connected(), []);
}

#[tokio::test]
async fn a_name_that_leads_inside_is_refused() {
    let world = World::allowing(&["shop.example:80", "shop.example:443"]);
    for inside in [
        "127.0.0.1",
        "10.1.2.3",
        "192.168.0.1",
        "172.20.0.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "255.255.255.255",
        "224.0.0.1",
        "192.0.2.1",
        "::",
        "::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "2002:7f00:1::1",
        "fd00:ec2::254",
        "fe80::1",
        "ff02::1",
    ] {
        world.map.name("shop.example", &[&[inside]]);
        let answer = get(&world, "http://shop.example/", "").await;
        assert!(answer.starts_with("HTTP/1.1 403"), "{inside}: {answer}");
        let why = format!("shop.example leads to {inside}, which is ");
        assert!(answer.contains(&why), "{inside}: {answer}");
        assert!(answer.contains("allow = [\""), "{answer}");
        let answer = connect(&world, "shop.example:443").await.unwrap_err();
        assert!(answer.starts_with("HTTP/1.1 403"), "{inside}: {answer}");
        let last = world.decisions().pop().unwrap();
        assert_eq!(last.address, Some(inside.parse().unwrap()));
    }
    assert_eq!(world.connected(), []);
}

#[tokio::test]
async fn a_name_that_changes_its_mind_gains_nothing() {
    let server = Server::plain().await;
    let world = World::allowing(&["shop.example:80"]);
    world.map.way(&format!("{SHOP}:80"), server.at);
    world.map.name("shop.example", &[&[SHOP], &["127.0.0.1"]]);
    // One look-up for each request: between check and connection there is none.
    let answer = get(&world, "http://shop.example/", "").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(world.map.looked_up.lock().unwrap().len(), 1);
    let answer = get(&world, "http://shop.example/", "").await;
    assert!(answer.contains("leads to 127.0.0.1, which is loopback"), "{answer}");
    // Both at once: only the public one is tried, even if it does not answer.
    world.map.way(&format!("{OTHER}:80"), "127.0.0.1:1".parse().unwrap());
    world.map.name("shop.example", &[&["127.0.0.1", OTHER]]);
    let answer = get(&world, "http://shop.example/", "").await;
    assert!(answer.starts_with("HTTP/1.1 502"), "{answer}");
    let reached: Vec<SocketAddr> =
        [SHOP, OTHER].map(|address| format!("{address}:80").parse().unwrap()).to_vec();
    assert_eq!(world.connected(), reached);
}

#[tokio::test]
async fn odd_spellings_of_addresses_are_no_hosts() {
    let server = Server::plain().await;
    let port = server.at.port();
    let world = World::allowing(&[&format!("127.0.0.1:{port}")]);
    let spelled = [
        "2130706433",
        "0x7f000001",
        "0x7f.0.0.1",
        "0177.0.0.1",
        "127.1",
        "127.0.1",
        "127.0.0.1.",
        "user@127.0.0.1",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[::1]",
        "%31%32%37.0.0.1",
    ];
    for host in spelled {
        let answer = get(&world, &format!("http://{host}:{port}/"), "").await;
        assert!(answer.starts_with("HTTP/1.1 40"), "{host}: {answer}");
        let answer = connect(&world, &format!("{host}:{port}")).await.unwrap_err();
        assert!(answer.starts_with("HTTP/1.1 40"), "{host}: {answer}");
    }
    assert_eq!(world.connected(), []);
    assert!(world.decisions().iter().all(|decision| !decision.host.contains("user")));
    // The address itself is named, so it is meant.
    let answer = get(&world, &format!("http://127.0.0.1:{port}/"), "").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn localhost_is_this_machine_if_it_is_named_and_only_then() {
    let server = Server::plain().await;
    let port = server.at.port();
    let world = World::allowing(&[&format!("localhost:{port}"), &format!("shop.example:{port}")]);
    world.map.name("localhost", &[&["127.0.0.1"]]);
    world.map.name("shop.example", &[&["127.0.0.1"]]);
    let answer = get(&world, &format!("http://localhost:{port}/"), "").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let answer = get(&world, &format!("http://shop.example:{port}/"), "").await;
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
    // It is not the name of anything else.
    world.map.name("localhost", &[&["10.0.0.1"]]);
    let answer = get(&world, &format!("http://localhost:{port}/"), "").await;
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
    assert_eq!(world.proxy.environment()["NO_PROXY"], "127.0.0.1,::1");

    let world = World::allowing(&[]);
    let answer = get(&world, &format!("http://localhost:{port}/"), "").await;
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
    assert_eq!(world.connected(), []);
    // A server in the box itself is not asked for here.
    assert_eq!(world.proxy.environment()["no_proxy"], "localhost,127.0.0.1,::1");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_told_from_one_that_is_refused() {
    let world = World::allowing(&["shop.example:80", "shop.example:443", "nowhere.example:80"]);
    world.map.way(&format!("{SHOP}:80"), "127.0.0.1:1".parse().unwrap());
    world.map.way(&format!("{SHOP}:443"), "127.0.0.1:1".parse().unwrap());
    let said = format!("failed: cannot connect to shop.example:80 at {SHOP}: Connection refused");
    let answer = get(&world, "http://shop.example/", "").await;
    assert!(answer.starts_with("HTTP/1.1 502") && answer.contains(&said), "{answer}");
    let answer = connect(&world, "shop.example:443").await.unwrap_err();
    assert!(answer.starts_with("HTTP/1.1 502"), "{answer}");
    let answer = get(&world, "http://nowhere.example/", "").await;
    assert!(answer.contains("cannot look up nowhere.example: no such name"), "{answer}");
    assert_eq!(world.verdicts(), [Verdict::Failed; 3]);
}

#[tokio::test]
async fn a_server_that_breaks_off_or_says_nothing_is_told() {
    let server = Server::plain().await;
    let world = World::new(crate::world::Plan {
        allow: vec!["shop.example:80".to_owned()],
        limits: Limits { idle: std::time::Duration::from_millis(200), ..Limits::default() },
        ..Default::default()
    });
    world.map.way(&format!("{SHOP}:80"), server.at);
    let answer = get(&world, "http://shop.example/gone", "").await;
    assert!(answer.starts_with("HTTP/1.1 502"), "{answer}");
    assert!(answer.contains("the connection to shop.example:80 broke"), "{answer}");
    let answer = get(&world, "http://shop.example/never", "").await;
    assert!(answer.contains("shop.example:80 sent no answer within 200ms"), "{answer}");
    let answer = say(&world, "GET http://shop.example/never HTTP/1.1\r\n\r\n").await;
    assert!(answer.contains("no Host header"), "{answer}");
}

#[tokio::test]
async fn a_spec_is_a_policy_and_names_are_looked_up_by_this_machine() {
    let server = Server::plain().await;
    let named = format!("localhost:{}", server.at.port());
    let spec = BoxSpec { network: Some([named.parse().unwrap()].into()), ..BoxSpec::default() };
    let mut world = World::allowing(&[]);
    for (policy, code) in [(Policy::of(&spec), 200), (Policy::of(&BoxSpec::default()), 403)] {
        let egress = Egress::new("box-1", policy, world.vault.clone(), world.log.clone());
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        world.at = listener.local_addr().unwrap();
        world.proxy = egress.start(listener, &tokio::runtime::Handle::current()).unwrap();
        let answer = get(&world, &format!("http://{named}/"), "").await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {code}")), "{answer}");
    }
}

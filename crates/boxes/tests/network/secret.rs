//! Secrets: put in for their host, and seen nowhere else.

use crate::client::{connect, get, say_tls, tls, trusted};
use crate::server::Server;
use crate::world::{OTHER, Plan, SHOP, VALUE, World};
use greenroom_boxes::network::{CERTIFICATE_PATH, Verdict};

/// The token is for shop.example at both ports; other.example is allowed without.
async fn world() -> (World, Server, Server) {
    let (plain, secure) = (Server::plain().await, Server::tls("shop.example").await);
    let allow = ["shop.example:80", "shop.example:443", "other.example:80"];
    let token_for = ["shop.example:80", "shop.example:443", "third.example:80"];
    let world = World::new(Plan {
        allow: allow.map(str::to_owned).to_vec(),
        token_for: token_for.map(str::to_owned).to_vec(),
        roots: vec![secure.root.clone()],
        ..Plan::default()
    });
    world.map.way(&format!("{SHOP}:80"), plain.at);
    world.map.way(&format!("{SHOP}:443"), secure.at);
    world.map.way(&format!("{OTHER}:80"), plain.at);
    (world, plain, secure)
}

fn request(world: &World, path: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\
         Accept-Encoding: gzip\r\nAuthorization: Bearer {}\r\n\r\n",
        world.placeholder()
    )
}

/// The value came to the server, and came back to nobody.
fn put_in(server: &Server, said: &str, world: &World) {
    let head = server.heads().pop().unwrap();
    assert!(head.contains(&format!("authorization: Bearer {VALUE}\r\n")), "{head}");
    assert!(head.contains("accept-encoding: identity\r\n"), "{head}");
    assert!(said.starts_with("HTTP/1.1 200 OK\r\n"), "{said}");
    assert!(!said.contains(VALUE), "{said}");
    let placeholder = world.placeholder();
    assert_eq!(said.matches(&format!("Bearer {placeholder}")).count(), 2, "{said}");
    let last = world.decisions().pop().unwrap();
    assert_eq!((last.verdict, &last.secrets), (Verdict::Allowed, &vec!["TOKEN".to_owned()]));
    assert_eq!(last.misplaced, Vec::<String>::new());
}

#[tokio::test]
async fn a_secret_is_put_in_over_plain_http() {
    let (world, plain, _) = world().await;
    let header =
        format!("Authorization: Bearer {}\r\nAccept-Encoding: gzip\r\n", world.placeholder());
    let said = get(&world, "http://shop.example/", &header).await;
    put_in(&plain, &said, &world);
}

#[tokio::test]
async fn a_secret_is_put_in_inside_of_tls() {
    let (world, _, secure) = world().await;
    let said = say_tls(&world, "shop.example", &request(&world, "/a?b=QUERY")).await;
    put_in(&secure, &said, &world);
    let variables = world.proxy.environment();
    for name in ["SSL_CERT_FILE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "GIT_SSL_CAINFO"] {
        assert_eq!(variables[name], CERTIFICATE_PATH);
    }
    assert!(!format!("{variables:?}").contains(VALUE));
    assert!(variables["https_proxy"].starts_with("http://127.0.0.1:"));
}

#[tokio::test]
async fn any_other_host_gets_the_placeholder_and_it_is_told() {
    let (world, plain, _) = world().await;
    let header = format!("X-Token: {}\r\n", world.placeholder());
    let said = get(&world, "http://other.example/", &header).await;
    assert!(said.starts_with("HTTP/1.1 200"), "{said}");
    let head = plain.heads().pop().unwrap();
    assert!(head.contains(&world.placeholder()) && !head.contains(VALUE), "{head}");
    // A host that the secret is for, but that is not allowed, is not reached.
    let said = get(&world, "http://third.example/", &header).await;
    assert!(said.starts_with("HTTP/1.1 403"), "{said}");
    let url = format!("http://fourth.example/{}?QUERY", world.placeholder());
    let said = get(&world, &url, "").await;
    assert!(said.starts_with("HTTP/1.1 403"), "{said}");
    let misplaced: Vec<usize> =
        world.decisions().iter().map(|decision| decision.misplaced.len()).collect();
    assert_eq!(misplaced, [1, 0, 1]);
    assert!(world.decisions().iter().all(|decision| decision.secrets.is_empty()));
}

#[tokio::test]
async fn a_redirect_is_followed_by_the_client_and_checked_anew() {
    let (world, plain, _) = world().await;
    let header = format!("Authorization: Bearer {}\r\n", world.placeholder());
    let said = get(&world, "http://shop.example/away", &header).await;
    assert!(said.starts_with("HTTP/1.1 302"), "{said}");
    assert!(said.contains("location: http://other.example/"), "{said}");
    assert_eq!(plain.heads().len(), 1);
    get(&world, "http://other.example/", &header).await;
    assert!(!plain.heads()[1].contains(VALUE));
}

#[tokio::test]
async fn a_secret_goes_to_nobody_who_is_not_the_host() {
    let (world, plain, _) = world().await;
    // Somebody else answers at the host's address.
    let impostor = Server::tls("shop.example").await;
    world.map.way(&format!("{SHOP}:443"), impostor.at);
    let said = say_tls(&world, "shop.example", &request(&world, "/")).await;
    assert!(said.starts_with("HTTP/1.1 502"), "{said}");
    assert!(said.contains("no TLS with shop.example:443"), "{said}");
    assert!(said.contains("No secret was sent"), "{said}");
    assert!(impostor.heads().is_empty() && plain.heads().is_empty());
    assert_eq!(world.verdicts(), [Verdict::Failed]);
}

#[tokio::test]
async fn requests_in_an_opened_tunnel_are_held_to_its_host() {
    let (world, _, secure) = world().await;
    for (text, code) in [
        ("GET / HTTP/1.1\r\nHost: other.example\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: shop.example:80\r\n\r\n", 400),
        ("GET http://other.example/ HTTP/1.1\r\nHost: other.example\r\n\r\n", 400),
        ("CONNECT other.example:443 HTTP/1.1\r\nHost: other.example:443\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: shop.example\r\nUpgrade: websocket\r\n\r\n", 403),
        ("TRACE / HTTP/1.1\r\nHost: shop.example\r\n\r\n", 403),
    ] {
        let said = say_tls(&world, "shop.example", text).await;
        assert!(said.starts_with(&format!("HTTP/1.1 {code}")), "{text}{said}");
    }
    assert!(secure.heads().is_empty(), "{:?}", secure.heads());
    let stream = connect(&world, "shop.example:443").await.unwrap();
    assert!(tls(stream, "other.example", trusted(&world)).await.is_err());
}

#[tokio::test]
async fn a_secret_that_cannot_be_had_is_named_but_not_shown() {
    let (world, plain, _) = world().await;
    let header = format!("Authorization: Bearer {}\r\n", world.placeholder());
    for (value, why) in [
        (Ok(None), "the secret TOKEN has no value"),
        (Err("the vault is locked".to_owned()), "cannot be read: the vault is locked"),
        (Ok(Some(format!("{VALUE}\r\nX: y"))), "the secret TOKEN cannot stand in a header"),
        (Ok(Some("abc".to_owned())), "shorter than 4 bytes"),
    ] {
        *world.vault.0.lock().unwrap() = value;
        let said = get(&world, "http://shop.example/", &header).await;
        assert!(said.starts_with("HTTP/1.1 502") && said.contains(why), "{said}");
        assert!(!said.contains(VALUE), "{said}");
    }
    assert!(plain.heads().is_empty());
    assert_eq!(world.verdicts(), [Verdict::Failed; 4]);
}

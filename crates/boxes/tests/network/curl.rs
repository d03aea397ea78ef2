//! The proxy with a client that somebody else wrote: curl, as a program in a box has it.

use crate::server::Server;
use crate::world::{Plan, SHOP, VALUE, World, soon};

/// Runs curl with what the proxy says a program needs; `./dev setup` installs it.
async fn curl(world: &World, folder: &tempfile::TempDir, arguments: &[&str]) -> String {
    let mut variables = world.proxy.environment();
    let pem = folder.path().join("ca.pem");
    std::fs::write(&pem, world.proxy.certificate().unwrap()).unwrap();
    variables.insert("CURL_CA_BUNDLE".to_owned(), pem.display().to_string());
    let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
    let ran = tokio::runtime::Handle::current();
    let output = blocking(&ran, move || {
        let mut command = std::process::Command::new("curl");
        command.env_clear().envs(variables).args(["-sS", "--max-time", "20"]).args(arguments);
        command.output().expect("curl is there; ./dev setup installs it")
    });
    let output = soon(output).await.unwrap();
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

fn blocking<T: Send + 'static>(
    runtime: &tokio::runtime::Handle,
    work: impl FnOnce() -> T + Send + 'static,
) -> tokio::task::JoinHandle<T> {
    runtime.spawn_blocking(work)
}

#[tokio::test(flavor = "multi_thread")]
async fn curl_works_by_its_environment() {
    let (plain, secure) = (Server::plain().await, Server::tls("shop.example").await);
    let world = World::new(Plan {
        allow: vec!["shop.example:80".to_owned(), "shop.example:443".to_owned()],
        token_for: vec!["shop.example:443".to_owned()],
        roots: vec![secure.root.clone()],
        ..Plan::default()
    });
    world.map.way(&format!("{SHOP}:80"), plain.at);
    world.map.way(&format!("{SHOP}:443"), secure.at);
    let folder = tempfile::tempdir().unwrap();
    let said = curl(&world, &folder, &["http://shop.example/plain"]).await;
    assert!(said.starts_with("GET /plain HTTP/1.1"), "{said}");
    let bearer = format!("Authorization: Bearer {}", world.placeholder());
    let said = curl(&world, &folder, &["-H", &bearer, "-d", "b", "https://shop.example/a"]).await;
    assert!(said.starts_with("POST /a HTTP/1.1") && said.ends_with("\r\n\r\nb"), "{said}");
    assert!(!said.contains(VALUE) && secure.heads()[0].contains(VALUE), "{said}");
    // Of a name and a password, curl makes Basic credentials.
    let user = format!("user:{}", world.placeholder());
    let said = curl(&world, &folder, &["-u", &user, "https://shop.example/b"]).await;
    assert!(said.starts_with("GET /b HTTP/1.1"), "{said}");
    let basic = "authorization: Basic dXNlcjp2NGx1ZS1vZi10aGUtc2VjcmV0\r\n";
    assert!(secure.heads()[1].contains(basic), "{:?}", secure.heads());
    assert!(!said.contains("dXNlcjp2NGx1ZS1vZi10aGUtc2VjcmV0"), "{said}");
    let said = curl(&world, &folder, &["-I", "http://shop.example/"]).await;
    assert!(said.starts_with("HTTP/1.1 200") && said.contains("content-length: "), "{said}");
    let file = folder.path().join("large");
    std::fs::write(&file, vec![b'x'; 3_000_000]).unwrap();
    let file = format!("@{}", file.display());
    for url in ["http://shop.example/up", "https://shop.example/up"] {
        let more = ["-H", "Expect: 100-continue", "--data-binary", &file, url];
        let said = curl(&world, &folder, &more).await;
        assert!(said.ends_with("[3000000 bytes]"), "{said}");
        let said = curl(&world, &folder, &[&["-0"], &more[2..]].concat()).await;
        assert!(said.ends_with("[3000000 bytes]"), "{said}");
    }
    let said = curl(&world, &folder, &["http://other.example/"]).await;
    assert!(said.contains("allow = [\"other.example:80\"]"), "{said}");
    let said = curl(&world, &folder, &["https://other.example/"]).await;
    assert!(said.contains("CONNECT tunnel failed, response 403"), "{said}");
    let said = curl(&world, &folder, &["http://169.254.169.254/latest/meta-data/"]).await;
    assert!(said.contains("169.254.169.254:80 is not in the box's allow-list"), "{said}");
}

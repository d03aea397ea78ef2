//! Placeholders in headers.

use super::*;

struct Vault(&'static str);

impl Secrets for Vault {
    fn value(&self, name: &str) -> Result<Option<String>, String> {
        Ok((name == "TOKEN").then(|| self.0.to_owned()))
    }
}

fn world() -> (Placeholders, Policy, HostPort, HostPort) {
    let (bound, other): (HostPort, HostPort) =
        ("shop.example:443".parse().unwrap(), "shop.example:80".parse().unwrap());
    let secrets = [
        ("TOKEN".to_owned(), BTreeSet::from([bound.clone()])),
        ("EMPTY".to_owned(), BTreeSet::from([bound.clone()])),
    ];
    let policy = Policy::new(BTreeSet::from([bound.clone(), other.clone()]), secrets.into());
    (Placeholders::new(&Kept::new().unwrap(), policy.secret_names()), policy, bound, other)
}

fn put(
    world: &(Placeholders, Policy, HostPort, HostPort),
    target: &HostPort,
    header: &str,
    vault: &'static str,
) -> Result<(String, Used), Refusal> {
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, HeaderValue::from_str(header).unwrap());
    let used = world.0.put_in(&mut headers, target, &world.1, &Vault(vault))?;
    Ok((headers[AUTHORIZATION].to_str().unwrap().to_owned(), used))
}

#[test]
fn a_value_is_put_in_for_its_host_and_port_alone() {
    let world = world();
    let placeholder = world.0.0["TOKEN"].clone();
    let header = format!("Bearer {placeholder}");
    let (sent, used) = put(&world, &world.2, &header, "s3cret-value").unwrap();
    assert_eq!(sent, "Bearer s3cret-value");
    assert_eq!(used.names, BTreeSet::from(["TOKEN".to_owned()]));
    let (sent, used) = put(&world, &world.3, &header, "s3cret-value").unwrap();
    assert_eq!(sent, header);
    assert!(used.names.is_empty() && used.needles.is_empty());
}

#[test]
fn basic_credentials_are_opened() {
    let world = world();
    let placeholder = &world.0.0["TOKEN"];
    let header = format!("basic {}", STANDARD.encode(format!("user:{placeholder}")));
    let (sent, _) = put(&world, &world.2, &header, "s3cret-value").unwrap();
    assert_eq!(sent, format!("Basic {}", STANDARD.encode("user:s3cret-value")));
    let mut headers = HeaderMap::new();
    headers.insert("x", HeaderValue::from_str(&header).unwrap());
    let mentioned = world.0.mentioned(&Uri::from_static("/"), &headers);
    assert_eq!(mentioned, BTreeSet::from(["TOKEN".to_owned()]));
}

#[test]
fn a_value_that_cannot_be_sent_is_not_shown() {
    let world = world();
    let header = format!("Bearer {}", world.0.0["TOKEN"]);
    for (value, said) in [("two\nlines", "cannot stand in a header"), ("abc", "shorter than 4")] {
        let refusal = put(&world, &world.2, &header, value).err().unwrap();
        assert!(refusal.why.contains(said), "{}", refusal.why);
        assert!(!format!("{refusal:?}").contains(value), "{refusal:?}");
    }
    let header = format!("Bearer {}", world.0.0["EMPTY"]);
    let refusal = put(&world, &world.2, &header, "").err().unwrap();
    assert!(refusal.why.contains("EMPTY has no value"), "{}", refusal.why);
}

#[test]
fn placeholders_differ_from_box_to_box() {
    assert_ne!(world().0.0["TOKEN"], world().0.0["TOKEN"]);
    assert!(world().0.0["TOKEN"].starts_with("greenroom-secret-TOKEN-"));
}

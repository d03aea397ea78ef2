//! What a box can do to the hub, which is little.

use crate::world::{World, client, python};
use greenroom_boxes::hub::{Quota, Rights};

#[test]
fn a_flood_is_cut_down_to_the_quota_of_its_box() {
    let mut world = World::new();
    world.quota = Quota { requests_per_s: 20, requests_burst: 10, ..Quota::default() };
    let (loud, quiet) = (world.full("loud"), world.full("quiet"));
    let (_loud, _quiet) =
        (world.serve(&*loud, Rights::default()), world.serve(&*quiet, Rights::default()));
    let said = python(
        &*loud,
        r#"
def flood(s, f):
    s.sendall(b'{"op":"publish","topic":"t","body":1}\n' * 15)
    return [json.loads(f.readline()) for _ in range(15)]
answers = flood(s, f) + flood(*connect())
refused = [one['error'] for one in answers if 'error' in one]
print(all('error' in one or 'ok' in one for one in answers), len(refused) >= 5)
print({one['code'] for one in refused}, {one['retry_after_ms'] > 0 for one in refused})
print(refused[0]['message'])
# What is no request counts too.
s.sendall(b'x\n' * 10); [f.readline() for _ in range(10)]
"#,
    );
    assert!(said.starts_with("True True\n{'quota'} {True}\n"), "{said}");
    assert!(said.contains("asks too much of the hub: more than 20 requests in a second"), "{said}");
    assert!(world.hub.kept().sent.len() < 30);
    // The other box has its own.
    let said =
        python(&*quiet, "print(ask({'op': 'publish', 'topic': 't', 'body': 1})['ok']['told'])");
    assert_eq!(said, "1\n");
    // The client waits until there is room.
    for _ in 0..12 {
        assert_eq!(client(&*loud, &["publish", "t", "1"]).0, 0);
    }
}

#[test]
fn bytes_are_counted() {
    let mut world = World::new();
    world.quota = Quota { bytes_per_s: 1000, bytes_burst: 50_000, ..Quota::default() };
    let sandbox = world.full("loud");
    let _served = world.serve(&*sandbox, Rights::default());
    let said = python(
        &*sandbox,
        r#"
for _ in range(2):
    print(ask({'op': 'publish', 'topic': 't', 'body': 'x' * 40000}))
"#,
    );
    assert!(
        said.starts_with("{'ok'") && said.contains("more than 1000 bytes in a second"),
        "{said}"
    );
}

#[test]
fn lines_without_end_and_halves_of_lines_hold_up_nobody() {
    let world = World::new();
    let sandbox = world.full("loud");
    let _served = world.serve(&*sandbox, Rights::default());
    let said = python(
        &*sandbox,
        r#"
half = [connect() for _ in range(14)]
for one, _ in half: one.sendall(b'{"op":"publish","topic":"t","body":')
try:
    for _ in range(64): s.sendall(b'x' * 65536)
except (BrokenPipeError, ConnectionResetError): pass
try: print(json.loads(f.readline())['error']['code'], repr(f.readline()))
except ConnectionResetError: print('ended')
s, f = connect()
print(ask({'op': 'publish', 'topic': 't', 'body': 'x' * 65000})['ok']['told'])
print(ask({'op': 'publish', 'topic': 't', 'body': 'x' * 65537})['error']['code'], repr(f.readline()))
s, f = connect()
# Half a line that is never finished is no request.
one, lines = half.pop(); one.sendall(b'7}'); one.shutdown(socket.SHUT_WR); print(repr(lines.readline()))
# And one that is finished late, is one.
one, lines = half.pop(); one.sendall(b'8}\n'); print(json.loads(lines.readline())['ok']['told'])
"#,
    );
    let rest = said.strip_prefix("too_long ''\n").or_else(|| said.strip_prefix("ended\n"));
    assert_eq!(rest, Some("1\ntoo_long ''\n''\n1\n"), "{said}");
    let bodies: Vec<usize> = world.hub.kept().sent.iter().map(|one| one.2.body.len()).collect();
    assert_eq!(bodies, [65002, 1]);
}

#[test]
fn connections_are_few() {
    let mut world = World::new();
    world.quota = Quota { connections_max: 4, ..Quota::default() };
    let sandbox = world.full("loud");
    let _served = world.serve(&*sandbox, Rights::default());
    let said = python(
        &*sandbox,
        r#"
many = [connect() for _ in range(3)]
more, lines = connect()
print(json.loads(lines.readline())['error']['code'], repr(lines.readline()))
print(ask({'op': 'publish', 'topic': 't', 'body': 1})['ok']['told'])
for one, lines in many: lines.close(); one.close()
del one, lines
time.sleep(0.3)
s2, f2 = connect(); s2.sendall(b'{"op":"ack","seq":1}\n'); print(f2.readline().strip())
"#,
    );
    assert_eq!(said, "too_many_connections ''\n1\n{\"ok\":{\"acknowledged\":1}}\n");
}

/// A client that does not read what it is told stops only itself.
#[test]
fn who_does_not_read_is_not_given_more() {
    let world = World::new();
    let sandbox = world.full("deaf");
    let _served = world.serve(&*sandbox, Rights::default());
    for _ in 0..16 {
        world.hub.put("deaf", "t", "a", &format!("\"{}\"", "x".repeat(60_000)));
    }
    let said = python(
        &*sandbox,
        r#"
s.sendall(b'{"op":"subscribe","topics":["t"]}\n' + b'{"op":"ack","seq":99}\n' * 100)
time.sleep(0.5)
s2, f2 = connect(); s2.sendall(b'{"op":"publish","topic":"t","body":1}\n'); print(f2.readline())
"#,
    );
    assert!(said.contains("\"told\":1"), "{said}");
}

//! The protocol by hand: what a program in a box may say, and what it is told.

use crate::world::{World, client, python, rights};
use greenroom_boxes::hub::Rights;

#[test]
fn a_line_is_a_request_and_each_has_an_answer() {
    let world = World::new();
    let sandbox = world.full("work");
    let _served = world.serve(&*sandbox, rights(&["counter/1"], &["a", "b"]));
    let said = python(
        &*sandbox,
        r#"
print(ask({'op': 'send', 'to': 'counter/1', 'topic': 't', 'key': 'k', 'body': None}))
print(ask('hello')['error']['code'], ask({'op': 'publish', 'topic': 't', 'body': 1})['ok']['told'])
print(ask({'op': 'subscribe', 'topics': ['a', 'c']}))
print(ask({'op': 'subscribe', 'topics': ['b']})['error']['message'])
print(ask({'op': 'ack', 'seq': 99}))
# Two lines at once, and one in pieces.
s.sendall(b'{"op":"ack","seq":1}\n{"op":"ack","seq":2}\n{"op":"a'); time.sleep(0.2)
s.sendall(b'ck","seq":3}\n')
print([json.loads(f.readline())['ok']['acknowledged'] for _ in range(3)])
"#,
    );
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines[0], "{'ok': {'key': 'k', 'repeated': False, 'told': 1}}", "{said}");
    assert_eq!(lines[1], "bad_request 1");
    assert!(lines[2].contains("'subscribed': ['a', 'c'], 'warning': 'this box may not hear"));
    assert!(lines[3].contains("has subscribed already"));
    assert_eq!(lines[4..], ["{'ok': {'acknowledged': 99}}", "[1, 2, 3]"]);
}

/// Which box it is, the socket says.
#[test]
fn no_box_can_speak_as_another() {
    let world = World::new();
    let (one, two) = (world.full("one"), world.full("two"));
    let _one = world.serve(&*one, rights(&["box:two"], &[]));
    let _two = world.serve(&*two, Rights::default());
    let said = python(
        &*two,
        r#"
for claim in ({'from': 'box:one'}, {'box': 'one'}, {'name': 'one'}, {'sender': 'one'}, {'resident': 'one'}):
    print(ask({'op': 'send', 'to': 'owner', 'topic': 't', 'body': 1, **claim})['error']['code'])
print(ask({'op': 'send', 'to': 'box:two', 'topic': 't', 'body': 1})['error']['code'])
print(ask({'op': 'send', 'to': 'owner', 'topic': 't', 'body': {'from': 'box:one'}})['ok']['told'])
"#,
    );
    assert_eq!(said, "bad_request\n".repeat(5) + "not_allowed\n1\n");
    let sent: Vec<String> = world.hub.kept().sent.iter().map(|one| one.0.clone()).collect();
    assert_eq!(sent, ["two"]);
    // Nor hear or acknowledge what is another's.
    assert_eq!(client(&*one, &["send", "box:two", "hello", "1"]).0, 0);
    let said = python(
        &*one,
        "ask({'op': 'subscribe', 'topics': ['hello']})\nask({'op': 'ack', 'seq': 1})",
    );
    assert_eq!(said, "");
    assert_eq!(world.hub.kept().boxes["two"].waiting.len(), 1);
    let (_, out, _) = client(&*two, &["events", "hello", "--once"]);
    assert!(out.contains("\"from\":\"box:one\""), "{out}");
}

#[test]
fn what_is_not_acknowledged_comes_again_to_whoever_asks() {
    let world = World::new();
    let sandbox = world.full("work");
    let _served = world.serve(&*sandbox, Rights::default());
    for n in 0..20 {
        world.hub.put("work", "t", "a", &n.to_string());
    }
    let said = python(
        &*sandbox,
        r#"
ask({'op': 'subscribe', 'topics': ['t']})
print([json.loads(f.readline())['seq'] for _ in range(16)])
s.settimeout(0.5)
try: print('MORE', f.readline())
except TimeoutError: print('no more')
s.close()
s, f = connect()
ask({'op': 'subscribe', 'topics': ['t']})
got = [json.loads(f.readline())['seq'] for _ in range(16)]
s.sendall(b'{"op":"ack","seq":2}\n{"op":"ack","seq":1}\n')
rest = [json.loads(f.readline()) for _ in range(4)]
print(got[0], got[-1], sorted(one.get('seq', 0) for one in rest))
"#,
    );
    let first: Vec<u64> = (1..=16).collect();
    assert_eq!(said, format!("{first:?}\nno more\n1 16 [0, 0, 17, 18]\n"));
    assert_eq!(world.hub.kept().boxes["work"].acknowledged, [2, 1]);
}

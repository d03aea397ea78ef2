//! Boxes with the client and the socket, and a hub that serves them.

use crate::house::{House, command};
use crate::memory::MemoryHub;
use greenroom_boxes::hub::{
    CLIENT_PATH, Quota, Resident, Rights, Served, client_bind, listen, serve,
};
use greenroom_boxes::sandbox::{End, Level, Sandbox};
use std::sync::Arc;
use tokio::runtime::Runtime;

pub struct World {
    pub house: House,
    pub hub: MemoryHub,
    pub quota: Quota,
    runtime: Runtime,
}

/// What a command printed, and with which code it ended.
pub type Printed = (u8, String, String);

impl World {
    pub fn new() -> World {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(2).enable_all().build().expect("a runtime");
        World { house: House::new(), hub: MemoryHub::new(), quota: Quota::default(), runtime }
    }

    /// A box with nothing in it but the client.
    pub fn empty(&self, name: &str) -> Box<dyn Sandbox> {
        let mut spec = self.house.spec(name);
        let lower = self.house.dir.path().join("empty");
        std::fs::create_dir_all(&lower).expect("made");
        spec.lower = vec![lower];
        spec.binds = vec![client_bind(&self.house.dir.path().join("bin")).expect("the client")];
        spec.listen = vec![listen()];
        self.house.level().create(&spec).expect("a box")
    }

    /// One with the machine's programs too.
    pub fn full(&self, name: &str) -> Box<dyn Sandbox> {
        let mut spec = self.house.spec(name);
        spec.binds.push(client_bind(&self.house.dir.path().join("bin")).expect("the client"));
        spec.listen = vec![listen()];
        self.house.level().create(&spec).expect("a box")
    }

    pub fn serve(&self, sandbox: &dyn Sandbox, rights: Rights) -> Served {
        let listener = sandbox.listeners().expect("sockets").remove(0);
        let name = sandbox.id().to_owned();
        let resident = Resident { name, number: 1, owner: None, rights, within: None };
        let hub = Arc::new(self.hub.clone());
        serve(resident, listener, hub, self.quota, self.runtime.handle()).expect("served")
    }
}

/// It may send to these, and hear these.
pub fn rights(send: &[&str], hear: &[&str]) -> Rights {
    let owned = |all: &[&str]| all.iter().map(|one| (*one).to_owned()).collect();
    Rights { send: owned(send), hear: owned(hear) }
}

/// Runs the client in a box.
pub fn client(sandbox: &dyn Sandbox, words: &[&str]) -> Printed {
    client_told(sandbox, words, b"")
}

pub fn client_told(sandbox: &dyn Sandbox, words: &[&str], input: &[u8]) -> Printed {
    let words = [&[CLIENT_PATH], words].concat();
    let running = sandbox.exec(&command(&words)).expect("it starts");
    let output = running.output(input, 1 << 20).expect("it ends");
    let End::Code(code) = output.finished.end else { panic!("{:?}", output.finished.end) };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (u8::try_from(code).expect("a code"), text(&output.stdout), text(&output.stderr))
}

/// Runs Python in a box, with `s` a connection to the hub and `ask` of one line.
pub fn python(sandbox: &dyn Sandbox, script: &str) -> String {
    let script = format!(
        "import socket, json, time\n\
         def connect():\n\
         \x20   s = socket.socket(socket.AF_UNIX); s.settimeout(20)\n\
         \x20   s.connect('/run/greenroom/hub.sock'); return s, s.makefile('r')\n\
         s, f = connect()\n\
         def ask(line):\n\
         \x20   s.sendall((line if isinstance(line, str) else json.dumps(line)).encode() + b'\\n')\n\
         \x20   return json.loads(f.readline())\n\
         {script}"
    );
    crate::house::text(&crate::house::run(sandbox, &command(&["python3", "-c", &script])))
}

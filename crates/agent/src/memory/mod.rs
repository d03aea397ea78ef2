//! What an agent has saved, across its conversations: a process of the ready kind
//! `memory` per agent's name. Found by its words, and by its meaning if the
//! configuration names a model for that.

mod numbers;
mod tools;
mod words;

pub use tools::tools;

use self::numbers::{direction, likeness};
use self::words::{best, merged, ranked};
use crate::json_size::json_size;
use greenroom_model::{Failure, Millis, Origin};
use greenroom_runtime::{Ctx, Received, Registry};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The ready kind's name.
pub const KIND: &str = "memory";

/// A failure's kind: what is to be saved cannot be.
pub const BAD_MEMORY: &str = "bad_memory";

const REQUESTS_PER_SEGMENT: u32 = 500;
/// The oldest goes first.
const SAVED_MAX: usize = 2_000;
/// As JSON has all of it: it goes into a new segment as one payload, of 32 MiB at most.
const BYTES_MAX: usize = 16 << 20;
const TEXT_BYTES_MAX: usize = 8 << 10;
const TAGS_MAX: usize = 64;
const NUMBERS_MAX: usize = 4_096;
const HITS_MAX: usize = 50;

/// What is saved or looked for.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Ask {
    pub text: String,
    pub tags: Vec<String>,
    /// How many are wanted.
    pub limit: Option<usize>,
    /// What its meaning is, as a model's numbers.
    pub vector: Vec<f32>,
}

/// Something saved.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Saved {
    id: u64,
    at: Millis,
    text: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    tags: Vec<String>,
    /// Its direction.
    #[serde(default, skip_serializing_if = "Vec::is_empty", with = "numbers::hex")]
    vector: Vec<i8>,
    /// How long it is as JSON; 0: nobody has looked.
    #[serde(skip)]
    bytes: usize,
}

/// All of it.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Store {
    last: u64,
    saved: Vec<Saved>,
}

/// Adds the kind `memory`.
pub fn register(registry: Registry) -> Registry {
    registry.kind(KIND, |ctx, store: Option<Store>| {
        Box::pin(serve(ctx, store.unwrap_or_default().measured()))
    })
}

async fn serve(ctx: Ctx, mut store: Store) -> Result<Value, Failure> {
    for _ in 0..REQUESTS_PER_SEGMENT {
        let received = ctx.recv().topic("save").topic("search").await?;
        match answer(&ctx, &mut store, &received) {
            Ok(value) => ctx.reply(&received, &value)?,
            Err(failure) => ctx.reply_failure(&received, failure),
        }
    }
    ctx.continue_as_new(&store)
}

fn answer(ctx: &Ctx, store: &mut Store, received: &Received) -> Result<Value, Failure> {
    let me = ctx.id();
    if let Origin::Process(id) = &received.from
        && id.kind() != me.key()
    {
        let words = format!("{me} is what {} remembers: {id} has its own", me.key());
        return Err(Failure::fatal(BAD_MEMORY, words));
    }
    let ask: Ask = received.read()?;
    if received.topic.as_str() == "search" {
        return Ok(store.search(&ask));
    }
    let (id, forgotten) = store.save(ask, ctx.now())?;
    ctx.set("saved", &store.saved.len())?;
    Ok(match forgotten {
        0 => json!({ "id": id }),
        many => {
            json!({ "id": id, "note": format!("there was no room: the oldest {many} are forgotten") })
        }
    })
}

impl Store {
    /// Knows how long each is.
    fn measured(mut self) -> Store {
        self.saved.iter_mut().for_each(|one| one.bytes = json_size(one));
        self
    }

    /// Its number, and how many were forgotten for it.
    fn save(&mut self, ask: Ask, at: Millis) -> Result<(u64, usize), Failure> {
        let bytes = ask.text.len() + ask.tags.iter().map(String::len).sum::<usize>();
        let wrong = |words: String| Err(Failure::fatal(BAD_MEMORY, words));
        if ask.text.trim().is_empty() || bytes > TEXT_BYTES_MAX {
            return wrong(format!(
                "{bytes} bytes cannot be saved: 1 to {TEXT_BYTES_MAX} can; save what matters of it"
            ));
        }
        if ask.tags.len() > TAGS_MAX {
            let words = "tags cannot be saved: at most";
            return wrong(format!("{} {words} {TAGS_MAX} can", ask.tags.len()));
        }
        if ask.vector.len() > NUMBERS_MAX {
            return wrong(format!(
                "a meaning of {} numbers cannot be saved: {NUMBERS_MAX} are the most; take another \
                 model for `embed`",
                ask.vector.len()
            ));
        }
        self.last += 1;
        let Ask { text, tags, vector, .. } = ask;
        let mut saved =
            Saved { id: self.last, at, text, tags, vector: direction(&vector), bytes: 0 };
        saved.bytes = json_size(&saved);
        self.saved.push(saved);
        let mut bytes: usize = self.saved.iter().map(|one| one.bytes + 1).sum();
        let mut forgotten = 0;
        while self.saved.len() - forgotten > SAVED_MAX || bytes > BYTES_MAX {
            bytes -= self.saved[forgotten].bytes + 1;
            forgotten += 1;
        }
        self.saved.drain(..forgotten);
        Ok((self.last, forgotten))
    }

    fn search(&self, ask: &Ask) -> Value {
        let texts: Vec<String> =
            self.saved.iter().map(|one| format!("{} {}", one.text, one.tags.join(" "))).collect();
        let mut ranks = vec![ranked(texts.iter().map(String::as_str), &ask.text)];
        let wanted = direction(&ask.vector);
        if !wanted.is_empty() {
            let likeness: Vec<f64> =
                self.saved.iter().map(|one| likeness(&one.vector, &wanted)).collect();
            // What points elsewhere is no hit.
            ranks.push(best(&likeness, 0.25));
        }
        let found = merged(&ranks, self.saved.len());
        let limit = ask.limit.unwrap_or(5).clamp(1, HITS_MAX);
        let hits = found.into_iter().take(limit).map(|place| self.saved[place].shown());
        Value::Array(hits.collect())
    }
}

impl Saved {
    fn shown(&self) -> Value {
        let at =
            i64::try_from(self.at.0).ok().and_then(|at| jiff::Timestamp::from_millisecond(at).ok());
        let date = at.map(|at| at.strftime("%Y-%m-%d").to_string()).unwrap_or_default();
        json!({ "id": self.id, "date": date, "tags": self.tags, "text": self.text })
    }
}

//! `box inspect`: all that is known of a box or an image.

use super::desk::{Desk, now_ms};
use super::words::{age, bytes, hosts, loss, status};
use crate::exit::Code;
use crate::problem::Problem;
use crate::view::{plain, span};
use greenroom_boxes::build::Image;
use greenroom_boxes::engine::Known;
use greenroom_boxes::sandbox::{BoxUsage, Enforced, Enforcement};
use greenroom_boxes::spec::{Granted, Limits};
use serde_json::json;
use std::time::Duration;

/// Show all that is known of a box or an image.
#[derive(clap::Args)]
pub struct Args {
    /// The box, or else the image by name or id
    name: String,
}

pub fn run(desk: &Desk, args: &Args) -> anyhow::Result<Code> {
    let Ok(known) = desk.engine.find(&args.name) else {
        let image = desk.engine.image(&args.name).map_err(|_| {
            Problem::new("not_found", format!("there is no box and no image `{}`", args.name))
                .next("`greenroom box ls` and `greenroom box images` list them")
                .exit(Code::Missing)
        })?;
        return desk.tell(&json!({ "image": image }), &of_image(&image, None, None));
    };
    let image = desk.engine.image_of(&args.name)?;
    let usage = if known.running { desk.engine.usage(&args.name).ok() } else { None };
    let (used, enforced) = usage.map_or((None, None), |(used, by)| (Some(used), Some(by)));
    let granted = desk.engine.granted(&args.name)?;
    let image_words = of_image(&image, enforced.as_ref(), Some(&granted));
    let words = format!("{}{image_words}", of_box(&known, used));
    let value = json!({
        "box": known, "image": image, "granted": granted, "usage": used, "enforced": enforced,
    });
    desk.tell(&value, &words)
}

fn line(name: &str, words: &str) -> String {
    format!("{name:<9} {}\n", plain(words))
}

fn of_box(known: &Known, used: Option<BoxUsage>) -> String {
    let mut text = line("box", &known.row.name);
    if let Some(parent) = &known.parent {
        text.push_str(&line("parent", parent));
    }
    if let Some(owner) = &known.row.owner {
        text.push_str(&line("owner", owner));
    }
    if let Some(within) = &known.row.within {
        let lists = [("send", &within.send), ("hear", &within.hear)];
        let words = lists.map(|(name, list)| format!("{name} {}", or_none(&list.join(", "))));
        text.push_str(&line("granted", &format!("at most: {}", words.join("; "))));
    }
    text.push_str(&line("made", &age(now_ms(), known.row.made_ms)));
    text.push_str(&line("status", status(known)));
    text.push_str(&line("layers", &known.layers.to_string()));
    if known.row.loss.is_some() {
        text.push_str(&line("lost", loss(known.row.loss)));
    }
    if let Some(BoxUsage { memory_bytes, pids, cpu_us }) = used {
        let memory = memory_bytes.map(|count| format!("memory {}", bytes(count)));
        let pids = pids.map(|count| format!("processes {count}"));
        let cpu = cpu_us.map(|us| format!("cpu {}", span(Duration::from_micros(us))));
        let parts: Vec<String> = [memory, pids, cpu].into_iter().flatten().collect();
        let words = if parts.is_empty() {
            "nobody counts it: no cgroup".to_owned()
        } else {
            parts.join(", ")
        };
        text.push_str(&line("uses", &words));
    }
    text
}

fn of_image(image: &Image, enforced: Option<&Enforced>, granted: Option<&Granted>) -> String {
    let mut text = line("image", &format!("{} {}", image.name, image.id));
    text.push_str(&line("level", &image.level.to_string()));
    text.push_str(&limits(&image.limits, enforced));
    let none = || "none".to_owned();
    let network = if image.network.is_empty() { none() } else { hosts(&image.network) };
    text.push_str(&line("network", &network));
    for (name, to) in &image.secrets {
        let has = granted.map(|granted| match granted.get(name) {
            Some(to) => format!("; granted for {}", hosts(to)),
            None => "; not granted".to_owned(),
        });
        let words = format!("{name} for {}{}", hosts(to), has.unwrap_or_default());
        text.push_str(&line("secret", &words));
    }
    for (name, rights) in [("send", &image.hub.send), ("hear", &image.hub.hear)] {
        if !rights.is_empty() {
            text.push_str(&line(name, &rights.join(", ")));
        }
    }
    for dir in &image.machine_dirs {
        text.push_str(&line("sees", &format!("{} of this machine, to be read", dir.display())));
    }
    for (name, value) in &image.env {
        text.push_str(&line("env", &format!("{name}={value}")));
    }
    if let Some(skill) = &image.skill {
        text.push_str(&line("skill", &format!("{}: {}", skill.name, skill.description)));
    }
    for (name, action) in &image.actions {
        let effects = if action.read_only { " (changes nothing)" } else { "" };
        text.push_str(&line("action", &format!("{name}{effects}: {}", action.description)));
        text.push_str(&line("", &format!("  {}", action.schema)));
    }
    text
}

fn or_none(words: &str) -> &str {
    if words.is_empty() { "nothing" } else { words }
}

fn limits(limits: &Limits, enforced: Option<&Enforced>) -> String {
    let ms = |ms: u64| span(Duration::from_millis(ms));
    let rows = [
        ("memory", limits.memory_bytes.map(bytes), enforced.map(|by| &by.memory)),
        (
            "cpu",
            limits.cpu_millis.map(|millis| format!("{} cores", f64::from(millis) / 1000.0)),
            enforced.map(|by| &by.cpu),
        ),
        ("pids", limits.pids.map(|count| count.to_string()), enforced.map(|by| &by.pids)),
        ("disk", limits.disk_bytes.map(bytes), enforced.map(|by| &by.disk)),
        ("wall", limits.wall_ms.map(ms), None),
        ("output", limits.output_bytes.map(bytes), None),
    ];
    let told = rows.into_iter().filter_map(|(name, limit, by)| {
        let by = by.map(|by| format!("; {}", held(by))).unwrap_or_default();
        Some(line("limit", &format!("{name} {}{by}", limit?)))
    });
    told.collect()
}

fn held(by: &Enforcement) -> String {
    match by {
        Enforcement::NotAsked => "not asked for".to_owned(),
        Enforcement::Cgroup => "held by a cgroup".to_owned(),
        Enforcement::BoxLimit => "held for the box by a resource limit".to_owned(),
        Enforcement::ProcessLimit => "held for each process, not the box: no cgroup".to_owned(),
        Enforcement::MemoryFiles => "held by a file system in memory".to_owned(),
        Enforcement::Watched => "watched: what runs is killed when the box is over it".to_owned(),
        Enforcement::Signals => "by signals: no cgroup".to_owned(),
        Enforcement::NotEnforced(why) => format!("not held: {why}"),
    }
}

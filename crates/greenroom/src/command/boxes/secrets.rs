//! Which secrets a box is given: those that whoever makes it names, and no others. What a folder
//! asks for is the wish of who wrote the folder.

use super::desk::Desk;
use super::words::hosts;
use crate::out;
use crate::problem::Problem;
use greenroom_boxes::build::Image;
use greenroom_boxes::network::not_outside;
use greenroom_boxes::spec::{Granted, HostPort};

/// What is granted.
#[derive(clap::Args)]
pub struct SecretFlags {
    /// Give it a secret that it asks for: for all hosts it asks it for, or for this one
    #[arg(long = "secret", value_name = "NAME[=HOST:PORT]")]
    secrets: Vec<String>,
    /// Without the secrets that no --secret names
    #[arg(long)]
    no_secrets: bool,
}

/// What a box of this image is given.
pub fn granted(image: &Image, flags: &SecretFlags) -> anyhow::Result<Granted> {
    let mut granted = Granted::new();
    for word in &flags.secrets {
        let (name, host) = match word.split_once('=') {
            Some((name, host)) => (name, Some(host)),
            None => (word.as_str(), None),
        };
        let Some(asked) = image.secrets.get(name) else {
            let words = format!("`{}` asks for no secret `{name}`", image.name);
            return Err(Problem::usage(words).next(asks(image.secrets.iter())).into());
        };
        let given = match host {
            None => asked.clone(),
            Some(host) => {
                let host: HostPort = host.parse().map_err(|words: String| Problem::usage(words))?;
                if !asked.contains(&host) {
                    let words = format!("`{}` does not ask for {name} for {host}", image.name);
                    return Err(Problem::usage(words).next(asks(image.secrets.iter())).into());
                }
                [host].into()
            }
        };
        granted.entry(name.to_owned()).or_default().extend(given);
    }
    let rest: Vec<_> =
        image.secrets.iter().filter(|(name, _)| !granted.contains_key(*name)).collect();
    if rest.is_empty() || flags.no_secrets {
        return Ok(granted);
    }
    let flags: Vec<String> = rest.iter().map(|(name, _)| format!("--secret {name}")).collect();
    let words = format!("`{}` {}, and nobody has granted that", image.name, asks(rest.into_iter()));
    let next = format!(
        "{} lets it use them at these hosts; --no-secrets runs it without them",
        flags.join(" ")
    );
    Err(Problem::new("secrets", words).next(next).into())
}

fn asks<'a>(
    secrets: impl Iterator<Item = (&'a String, &'a std::collections::BTreeSet<HostPort>)>,
) -> String {
    let each: Vec<String> = secrets.map(|(name, to)| format!("{name} for {}", hosts(to))).collect();
    match each.is_empty() {
        true => "it asks for none".to_owned(),
        false => format!("asks for {}", each.join("; ")),
    }
}

/// Tells whoever runs it where it may reach, and which secret goes where.
pub fn tell(desk: &Desk, image: &Image, granted: &Granted) {
    let reached = image.network.iter().map(|host| match not_outside(host) {
        Some(kind) => format!("{host} (not the public network: {kind})"),
        None => host.to_string(),
    });
    let reached: Vec<String> = reached.collect();
    if !reached.is_empty() {
        out::say(&format!("it may reach {}\n", reached.join(", ")));
    }
    for (name, to) in granted {
        let missing = match desk.has_secret(name) {
            true => String::new(),
            false => format!("; it has no value yet: `greenroom secret set {name}`"),
        };
        out::say(&format!("the secret {name} goes to {}{missing}\n", hosts(to)));
    }
}

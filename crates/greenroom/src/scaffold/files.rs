//! The files of a new project. They are those of the examples, so that they are built
//! and run in every test.

use greenroom_agent::architecture::choice::Architecture;

/// A file: its place in the project, and what stands in it.
pub struct File {
    /// Its place.
    pub path: &'static str,
    /// What stands in it.
    pub text: String,
}

/// What an architecture's project is to be run with.
pub struct Template {
    /// Its files.
    pub files: Vec<File>,
    /// What to type first.
    pub next: &'static [&'static str],
}

macro_rules! files {
    ($folder:literal: $($path:literal = $file:literal),+ $(,)?) => {
        vec![$(File {
            path: $path,
            text: include_str!(concat!("../../templates/", $folder, "/", $file)).to_owned(),
        }),+]
    };
}

/// The files for a project of this name.
pub fn template(architecture: Architecture, name: &str) -> Template {
    let (mut files, next): (_, &[&str]) = match architecture {
        Architecture::Single => (
            files!("single":
                "README.md" = "README.md",
                "greenroom.toml" = "greenroom.toml",
                "recorded.json" = "recorded.json",
                "agents/guide.md" = "agents/guide.md"),
            &["greenroom run guide --input '\"What is in this folder?\"'"],
        ),
        Architecture::Hierarchical => (
            files!("hierarchical":
                "README.md" = "README.md",
                "greenroom.toml" = "greenroom.toml",
                "recorded.json" = "recorded.json",
                "agents/lead.md" = "agents/lead.md",
                "agents/researcher.md" = "agents/researcher.md"),
            &["greenroom run lead --input '\"Who works here, and on which terms?\"'"],
        ),
        Architecture::Pipeline => (
            files!("pipeline":
                "README.md" = "README.md",
                "greenroom.toml" = "greenroom.toml",
                "recorded.json" = "recorded.json",
                "agents/sorter.md" = "agents/sorter.md",
                "agents/writer.md" = "agents/writer.md",
                "src/main.rs" = "main.rs"),
            &["cargo run -- run letter --input '\"My lamp came broken.\"'"],
        ),
        Architecture::Swarm => (
            files!("swarm":
                "README.md" = "README.md",
                "greenroom.toml" = "greenroom.toml",
                "recorded.json" = "recorded.json",
                "agents/optimist.md" = "agents/optimist.md",
                "agents/sceptic.md" = "agents/sceptic.md",
                "agents/poet.md" = "agents/poet.md",
                "src/main.rs" = "main.rs"),
            &["cargo run -- run panel/one --input '\"What shall we call the new theatre app?\"'"],
        ),
    };
    let is_program = files.iter().any(|file| file.path == "src/main.rs");
    let ignored = if is_program { ".greenroom\ntarget\n" } else { ".greenroom\n" };
    files.push(File { path: ".gitignore", text: ignored.to_owned() });
    if is_program {
        let text = manifest(name, architecture == Architecture::Pipeline);
        files.push(File { path: "Cargo.toml", text });
    }
    Template { files, next }
}

/// Of a package of its own, also below somebody's workspace.
fn manifest(name: &str, json: bool) -> String {
    let json = if json { "serde_json = \"1\"\n" } else { "" };
    format!(
        "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\npublish = false\n\n\
         [dependencies]\ngreenroom = {{ version = \"{version}\", git = \"{repository}\" }}\n{json}\n\
         [workspace]\n",
        version = env!("CARGO_PKG_VERSION"),
        repository = env!("CARGO_PKG_REPOSITORY"),
    )
}

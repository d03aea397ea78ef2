//! Which models a name stands for.

use super::{Catalog, ModelsConfig, choose};
use crate::models::{Choice, Models};
use crate::provider::{Price, Usage};
use greenroom_model::Failure;

const TOML: &str = r#"
[providers.acme]
protocol = "chat"
url = "http://10.0.0.7:8000/v1"
key_env = "GREENROOM_TEST_ACME_KEY"
headers = { x-team = "${TEAM}" }
queue = "acme"
idle_seconds = 900

[providers.home]
protocol = "anthropic"
url = "http://127.0.0.1:1"

[models]
default = ["acme/qwen3", "cheap"]
cheap = "home/tiny"
loop = ["cheap", "pool"]
pool = "loop"

[prices."acme/qwen3"]
input = 2
output = 3
"#;

fn chosen(config: &ModelsConfig, name: &str, keys: &[&str]) -> Result<Vec<String>, Failure> {
    let catalog = Catalog::with_env(config.clone(), &|_| None).unwrap();
    let has_key = |provider: &str| keys.contains(&provider);
    let chosen = choose(&catalog.config, name, &has_key)?;
    Ok(chosen.into_iter().map(|(provider, model)| format!("{provider}/{model}")).collect())
}

#[test]
fn roles_names_and_chains() {
    let config = ModelsConfig::from_toml(TOML).unwrap();
    let all = ["acme", "home", "anthropic", "openai", "openrouter"];
    let of = |name: &str| chosen(&config, name, &all).unwrap();
    assert_eq!(of("default"), ["acme/qwen3", "home/tiny"]);
    assert_eq!(of("inherit"), ["acme/qwen3", "home/tiny"]);
    assert_eq!(of("home/other"), ["home/other"]);
    assert_eq!(of("openrouter/qwen/qwen3"), ["openrouter/qwen/qwen3"]);
    assert_eq!(of("gpt-6-sol"), ["openai/gpt-6-sol"]);
    assert_eq!(of("o3"), ["openai/o3"]);
    // Not configured: the first company whose key is there, and no second.
    assert_eq!(of("strong"), ["anthropic/claude-opus-5-5"]);
    assert_eq!(chosen(&config, "strong", &["openai", "gemini"]).unwrap(), ["openai/gpt-6-astra"]);
    assert_eq!(of("sonnet"), ["anthropic/claude-sonnet-5-5"]);
    // Whose key is missing is left out.
    assert_eq!(chosen(&config, "default", &["home"]).unwrap(), ["home/tiny"]);
}

#[test]
fn names_that_say_nothing() {
    let config = ModelsConfig::from_toml(TOML).unwrap();
    let fails = |name: &str, keys: &[&str]| chosen(&config, name, keys).unwrap_err();
    let failure = fails("strong", &[]);
    assert!(failure.is("auth") && !failure.retryable, "{failure}");
    for word in ["ANTHROPIC_API_KEY", "OPENAI_API_KEY", "GEMINI_API_KEY", "[models]"] {
        assert!(failure.message.contains(word), "{failure}");
    }
    let failure = fails("nobody/x", &[]);
    assert!(failure.is("no_model"), "{failure}");
    assert!(failure.message.contains("acme, anthropic"), "{failure}");
    assert!(fails("acme/", &[]).is("no_model"));
    let failure = fails("qwen3", &[]);
    assert!(failure.is("no_model") && failure.message.contains("PROVIDER/MODEL"), "{failure}");
    let failure = fails("loop", &["home"]);
    assert!(
        failure.is("bad_request") && failure.message.contains("loop -> pool -> loop"),
        "{failure}"
    );
}

#[test]
fn choices_and_their_prices() {
    let catalog = Catalog::with_env(ModelsConfig::from_toml(TOML).unwrap(), &|_| None).unwrap();
    // `home` needs no key; that of `acme` is not set.
    let choices = catalog.choose("default").unwrap();
    assert_eq!(choices.len(), 1);
    assert_eq!((choices[0].name.as_str(), choices[0].model.as_str()), ("home/tiny", "tiny"));
    assert_eq!(catalog.provider(&choices[0]).unwrap().protocol(), "anthropic");
    let failure = catalog.choose("acme/qwen3").err().unwrap();
    assert!(failure.message.contains("GREENROOM_TEST_ACME_KEY"), "{failure}");
    let usage = Usage { input: 10, output: 10, ..Usage::default() };
    assert_eq!(catalog.prices().of("acme/qwen3").map(|price| price.cost_micro(&usage)), Some(50));
    assert_eq!(choices[0].price, None);
    assert!(catalog.prices().of("anthropic/claude-opus-5-5").is_some());
    let gone = Choice { name: "gone/model".to_owned(), ..choices[0].clone() };
    assert!(catalog.provider(&gone).err().is_some_and(|failure| failure.is("no_model")));
    assert!(catalog.names().contains(&"cheap".to_owned()));
}

#[test]
fn a_role_is_listed_once_and_a_recording_is_free() {
    let config = "[models]\ndefault = \"tape/x\"\ncheap = \"tape/x\"\n\
        [providers.tape]\nprotocol = \"recorded\"\nurl = \"run.json\"\n";
    let catalog = Catalog::with_env(ModelsConfig::from_toml(config).unwrap(), &|_| None).unwrap();
    let told = catalog.choose("chaep").unwrap_err().message;
    assert!(told.contains("cheap, default, strong, haiku, sonnet, opus,"), "{told}");
    assert_eq!(catalog.choose("default").unwrap()[0].price, Some(Price::free()));
}

#[test]
fn prices_of_nothing_are_named() {
    let price = |name: &str| format!("[prices.\"{name}\"]\ninput = 1\noutput = 1\n");
    let used = [
        "fake/m",
        "fake/*",
        "fake/fallback",
        "ollama/*",
        "anthropic/claude-opus-5-5",
        "openai/gpt-4.1",
    ];
    let unused = ["fake/mm", "fakee/*", "fakee/m", "m", "openai/gpt-4"];
    let prices: String = used.iter().chain(&unused).map(|name| price(name)).collect();
    let config = format!(
        "[models]\ndefault = [\"fake/m-20261101\", \"cheap\"]\ncheap = \"fake/m\"\n\
         [providers.fake]\nprotocol = \"chat\"\nurl = \"http://x\"\n{prices}"
    );
    let config = ModelsConfig::from_toml(&config).unwrap();
    let mut told = config.unused_prices(["fake/fallback", "gpt-4.1", "inherit"]);
    told.sort_unstable();
    assert_eq!(told, ["fake/mm", "fakee/*", "fakee/m", "m", "openai/gpt-4"]);
}

#[test]
fn where_the_built_in_ones_are() {
    let env = |name: &str| match name {
        "OPENAI_BASE_URL" => Some("http://127.0.0.1:4010/v1".to_owned()),
        "OLLAMA_HOST" => Some("0.0.0.0:11500".to_owned()),
        "GOOGLE_API_KEY" => Some("x".to_owned()),
        "ANTHROPIC_BASE_URL" => Some(" ".to_owned()),
        _ => None,
    };
    let catalog = Catalog::with_env(ModelsConfig::default(), &env).unwrap();
    let provider = |name: &str| catalog.config.providers[name].clone();
    assert_eq!(provider("openai").url, "http://127.0.0.1:4010/v1");
    assert_eq!(provider("ollama").url, "http://127.0.0.1:11500/v1");
    assert_eq!(provider("anthropic").url, "https://api.anthropic.com");
    assert_eq!(provider("gemini").key_env.as_deref(), Some("GOOGLE_API_KEY"));
    assert_eq!(catalog.choose("ollama/llama").unwrap()[0].name, "ollama/llama");
}

#[test]
fn configurations_that_cannot_be() {
    let cases = [
        ("[models", "none"),
        ("[modles]\nx = \"a/b\"", "modles"),
        ("[models]\nx = []", "`x`"),
        ("[providers.\"a/b\"]\nprotocol = \"chat\"\nurl = \"http://x\"", "a/b"),
        ("[providers.a]\nprotocol = \"soap\"\nurl = \"http://x\"", "soap"),
        ("[providers.a]\nprotocol = \"chat\"\nurl = \"x\"", "http://"),
        ("[providers.a]\nprotocol = \"genai\"", "adapter"),
        ("[providers.a]\nprotocol = \"chat\"\nurl = \"http://x\"\nadapter = \"groq\"", "adapter"),
        (
            "[providers.a]\nprotocol = \"chat\"\nurl = \"http://me:sk-abc-123@host:1/v1\"",
            "send it as a header with `${NAME}`",
        ),
        ("[providers.a]\nprotocol = \"chat\"\nurl = \"ftp://me:sk-abc-123@host\"", "http://"),
        (
            "[providers.a]\nprotocol = \"chat\"\nurl = \"http://x\"\nkey_env = \"sk-abc-123\"",
            "not the key",
        ),
    ];
    for (text, word) in cases {
        let error = ModelsConfig::from_toml(text).unwrap_err();
        assert!(error.contains(word), "{text}: {error}");
        assert!(!error.contains("sk-abc-123"), "{error}");
    }
    let config = r#"{"models": {"x": "a/b"}, "prices": {"a/b": {"input": -1, "output": 1}}}"#;
    let config = ModelsConfig::from_json(config).unwrap();
    assert!(Catalog::with_env(config, &|_| None).err().unwrap().is("bad_request"));
}

#[test]
fn the_long_tail_is_there_where_it_was_built_in() {
    let config = "[providers.tail]\nprotocol = \"genai\"\nadapter = \"groq\"\nkey_env = \"NO_KEY\"";
    let made = Catalog::with_env(ModelsConfig::from_toml(config).unwrap(), &|_| None);
    if cfg!(feature = "genai") {
        assert!(made.is_ok());
    } else {
        let failure = made.err().unwrap();
        assert!(failure.message.contains("--features genai"), "{failure}");
    }
}

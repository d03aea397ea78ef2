//! What a server's tool returned, as a value for a model. Pure.

#[cfg(test)]
mod tests;

use super::TOOL_FAILED;
use greenroom_model::Failure;
use rmcp::model::{CallToolResult, ContentBlock, ResourceContents};
use serde_json::{Value, json};

/// So much of a failed tool's words is kept, in bytes.
const WORDS_MAX: usize = 16 << 10;

/// The value: words alone are a string, structured content is itself, all else is an
/// object with both. Of what is no text there is a note with type and size.
///
/// Errors: `tool_failed` with the tool's own words, if it says that it failed.
pub fn value(result: CallToolResult) -> Result<Value, Failure> {
    let words: Vec<String> = result.content.iter().map(words).collect();
    let text = words.join("\n");
    if result.is_error == Some(true) {
        let said = match (&text, &result.structured_content) {
            (text, Some(value)) if text.is_empty() => value.to_string(),
            (text, _) if text.is_empty() => "the tool failed and does not say why".to_owned(),
            _ => text,
        };
        let end = said.floor_char_boundary(WORDS_MAX);
        return Err(Failure::fatal(TOOL_FAILED, &said[..end]));
    }
    let Some(structured) = result.structured_content else { return Ok(Value::String(text)) };
    // Servers repeat what is structured as text, for clients that know only text.
    let repeats = serde_json::from_str::<Value>(&text).is_ok_and(|value| value == structured);
    if text.is_empty() || repeats {
        return Ok(structured);
    }
    Ok(json!({ "text": text, "structured": structured }))
}

fn words(block: &ContentBlock) -> String {
    match block {
        ContentBlock::Text(text) => text.text.clone(),
        ContentBlock::Image(image) => left_out("image", Some(&image.mime_type), &image.data, None),
        ContentBlock::Audio(audio) => left_out("audio", Some(&audio.mime_type), &audio.data, None),
        ContentBlock::ResourceLink(link) => {
            json!({ "type": "resource_link", "uri": link.uri, "name": link.name }).to_string()
        }
        ContentBlock::Resource(embedded) => match &embedded.resource {
            ResourceContents::TextResourceContents { uri, text, .. } => {
                format!("{}\n{text}", json!({ "type": "resource", "uri": uri }))
            }
            ResourceContents::BlobResourceContents { uri, mime_type, blob, .. } => {
                left_out("resource", mime_type.as_deref(), blob, Some(uri))
            }
            _ => json!({ "type": "resource", "note": "left out: of a kind not known" }).to_string(),
        },
        _ => json!({ "note": "left out: of a kind not known" }).to_string(),
    }
}

/// Base64 is nothing that a model reads: three bytes in four characters.
fn left_out(what: &str, mime_type: Option<&str>, base64: &str, uri: Option<&str>) -> String {
    let padding = base64.bytes().rev().take_while(|byte| *byte == b'=').count();
    let bytes = (base64.len() / 4 * 3).saturating_sub(padding);
    let mut note = json!({ "type": what, "bytes": bytes, "note": "left out: it is no text" });
    if let Some(mime_type) = mime_type {
        note["mimeType"] = json!(mime_type);
    }
    if let Some(uri) = uri {
        note["uri"] = json!(uri);
    }
    note.to_string()
}

//! What a request sends: its bytes, their type, and how they are shown.

use std::fmt::Write as _;
use std::path::Path;

use bytes::Bytes;
use tokio::io::AsyncReadExt;
use url::form_urlencoded;

use super::answer::{is_binary, size};
use super::secrets::Secrets;
use super::template::Renderer;
use crate::model::text::shorten;
use crate::scenario::{Body, Part, PartContent};

/// The largest body that is sent.
const MAX: usize = 64 * 1024 * 1024;

/// How much of a part of a multipart body is shown, characters.
const PART: usize = 200;

/// A body ready to be sent.
#[derive(Debug, Default)]
pub(super) struct Payload {
    /// Its type, where the step names none.
    pub(super) content_type: Option<String>,
    /// Its bytes; `None`: there is no body.
    pub(super) bytes: Option<Bytes>,
    /// How it is shown, without secrets; not yet cut or made printable.
    pub(super) shown: String,
    /// The type must be this one, whatever the step's headers say.
    pub(super) typed: bool,
}

impl Payload {
    fn new(content_type: &str, bytes: Vec<u8>, shown: String) -> Self {
        Self { content_type: Some(content_type.to_owned()), bytes: Some(bytes.into()), shown, typed: false }
    }
}

/// Renders a body; files are read now. The boundary is that of the parts, where there are any.
pub(super) async fn write(
    body: &Body,
    boundary: &str,
    renderer: &Renderer<'_>,
    secrets: &Secrets,
) -> Result<Payload, String> {
    match body {
        Body::Empty => Ok(Payload::default()),
        Body::Text(template) => {
            let text = renderer.text(template).map_err(|err| format!("body: {err}"))?;
            fits(text.len(), "the body")?;
            let shown = secrets.about(text.as_bytes()).mask(&text);
            Ok(Payload::new("text/plain", text.into_bytes(), shown))
        }
        Body::File(path) => {
            let bytes = read(path, MAX).await?;
            let shown = format!("{}, {}", path.display(), size(bytes.len()));
            Ok(Payload::new("application/octet-stream", bytes, shown))
        }
        Body::Form(fields) => {
            let mut form = form_urlencoded::Serializer::new(String::new());
            for (name, template) in fields {
                let value = renderer.text(template).map_err(|err| format!("form field `{name}`: {err}"))?;
                secrets.learn_named(name, &value);
                form.append_pair(name, &value);
            }
            let form = form.finish();
            fits(form.len(), "the form")?;
            let shown = secrets.mask_pairs(&form);
            Ok(Payload::new("application/x-www-form-urlencoded", form.into_bytes(), shown))
        }
        Body::Json(template) => {
            let value = renderer.json(template).map_err(|err| format!("json: {err}"))?;
            secrets.learn_json("", &value);
            let bytes = value.to_string().into_bytes();
            fits(bytes.len(), "the JSON")?;
            Ok(Payload::new("application/json", bytes, secrets.mask_json(&value)))
        }
        Body::Multipart(parts) => multipart(parts, boundary, renderer, secrets).await,
    }
}

async fn multipart(
    parts: &[Part],
    boundary: &str,
    renderer: &Renderer<'_>,
    secrets: &Secrets,
) -> Result<Payload, String> {
    let (mut bytes, mut shown) = (Vec::new(), String::new());
    for part in parts {
        let render = |what: &str, template: &str| {
            renderer.text(template).map_err(|err| format!("{what} of part `{}`: {err}", part.name))
        };
        let name = render("name", &part.name)?;
        let filename = part.filename.as_ref().map(|template| render("filename", template)).transpose()?;
        let content_type = part.content_type.as_ref().map(|template| render("content type", template)).transpose()?;
        if content_type.as_ref().is_some_and(|text| text.contains(|c: char| c.is_control())) {
            return Err(format!("the content type of part `{name}` has a character that cannot be sent there"));
        }
        let (content, filename, content_type, said) = match &part.content {
            PartContent::Text(template) => {
                let text = render("text", template)?;
                secrets.learn_named(&name, &text);
                let said = if is_binary(text.as_bytes()) {
                    String::new()
                } else {
                    format!(": {}", shorten(&secrets.about(text.as_bytes()).mask_named(&name, &text), PART))
                };
                (text.into_bytes(), filename, content_type, said)
            }
            PartContent::File(path) => {
                let content = read(path, MAX - bytes.len().min(MAX)).await?;
                let own = path.file_name().map(|name| name.to_string_lossy().into_owned());
                let content_type = content_type.or_else(|| Some("application/octet-stream".to_owned()));
                (content, filename.or(own), content_type, format!(" of {}", path.display()))
            }
        };
        let mut head = format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{}\"", quoted(&name));
        let mut kind = format!("part `{name}`");
        if let Some(filename) = &filename {
            let _ = write!(head, "; filename=\"{}\"", quoted(filename));
            let _ = write!(kind, " as `{filename}`");
        }
        if let Some(content_type) = &content_type {
            let _ = write!(head, "\r\nContent-Type: {content_type}");
            let _ = write!(kind, ", {content_type}");
        }
        let _ = writeln!(shown, "{}, {}{said}", secrets.mask(&kind), size(content.len()));
        bytes.extend_from_slice(head.as_bytes());
        bytes.extend_from_slice(b"\r\n\r\n");
        bytes.extend_from_slice(&content);
        bytes.extend_from_slice(b"\r\n");
        fits(bytes.len(), "the parts together")?;
    }
    bytes.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    let payload = Payload::new(&format!("multipart/form-data; boundary={boundary}"), bytes, shown);
    Ok(Payload { typed: true, ..payload })
}

/// A name as the head of a part writes it.
fn quoted(name: &str) -> String {
    name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}

fn fits(len: usize, what: &str) -> Result<(), String> {
    if len <= MAX {
        return Ok(());
    }
    Err(format!("{what} would be larger than {}, which is more than a step sends", size(MAX)))
}

/// The bytes of a file, at most `room`.
async fn read(path: &Path, room: usize) -> Result<Vec<u8>, String> {
    let wrong = |err: std::io::Error| format!("the file `{}` cannot be sent: {err}", path.display());
    // Looked at before it is opened: whoever opens a pipe waits for its other end.
    let about = tokio::fs::metadata(path).await.map_err(wrong)?;
    if !about.is_file() {
        let kind = if about.is_dir() { "a folder" } else { "no regular file" };
        return Err(format!("the file `{}` cannot be sent: it is {kind}", path.display()));
    }
    let mut bytes = Vec::new();
    let file = tokio::fs::File::open(path).await.map_err(wrong)?;
    let limit = u64::try_from(room).unwrap_or(u64::MAX).saturating_add(1);
    file.take(limit).read_to_end(&mut bytes).await.map_err(wrong)?;
    if bytes.len() > room {
        return Err(format!(
            "the file `{}` cannot be sent: it is too large; a step sends at most {} in all",
            path.display(),
            size(MAX)
        ));
    }
    Ok(bytes)
}

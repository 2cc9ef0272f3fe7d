//! Pages as HTML: one file, no network, every text escaped, and a policy that allows nothing but the page's own style and
//! script.

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Serde, Value};
use minijinja::{AutoEscape, Environment, UndefinedBehavior, context};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::figures;

const STYLE: &str = include_str!("templates/style.css");
const SCRIPT: &str = include_str!("templates/script.js");

/// Renders `report.html`, `index.html`, `diff.html` or `gate.html`.
///
/// # Errors
/// A template is broken.
pub(crate) fn render(template: &str, page: impl Serialize) -> Result<String, minijinja::Error> {
    let mut env = Environment::new();
    env.set_undefined_behavior(UndefinedBehavior::Strict);
    env.set_auto_escape_callback(|_| AutoEscape::Html);
    // Tags on lines of their own leave no blank lines.
    env.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    env.add_filter("figure", figures::sort_key);
    env.add_template("base.html", include_str!("templates/base.html"))?;
    env.add_template("parts.html", include_str!("templates/parts.html"))?;
    env.add_template("report.html", include_str!("templates/report.html"))?;
    env.add_template("gate.html", include_str!("templates/gate.html"))?;
    env.add_template("index.html", include_str!("templates/index.html"))?;
    env.add_template("diff.html", include_str!("templates/diff.html"))?;
    let style = squeezed(STYLE);
    let script = uncommented(&squeezed(SCRIPT));
    let policy = policy(&style, &script);
    env.get_template(template)?.render(context! {
        page => Value::from(Serde(page)),
        style => Value::from_safe_string(style),
        script => Value::from_safe_string(script),
        policy => Value::from_safe_string(policy),
    })
}

/// What the page may do: nothing but show its own style and run its own script, known by their digests.
fn policy(style: &str, script: &str) -> String {
    format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; base-uri 'none'; form-action 'none'",
        base64(&Sha256::digest(style)),
        base64(&Sha256::digest(script))
    )
}

/// A sheet or a script without the indentation that is only for those who edit it.
fn squeezed(source: &str) -> String {
    source.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

/// A script without its comments, which stand on lines of their own.
fn uncommented(script: &str) -> String {
    script.lines().filter(|line| !line.starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// Base 64 as a content security policy writes it.
pub(super) fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let word = (0..3).fold(0_u32, |word, n| word << 8 | u32::from(chunk.get(n).copied().unwrap_or(0)));
        for place in 0..4 {
            let letter = usize::try_from(word >> (18 - 6 * place) & 63).ok().and_then(|n| LETTERS.get(n));
            let used = place <= chunk.len();
            out.push(char::from(*letter.filter(|_| used).unwrap_or(&b'=')));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_base64_as_everybody_does() {
        for (plain, coded) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
    }

    #[test]
    fn the_script_is_small_without_its_comments_and_cannot_end_its_element() {
        let script = uncommented(&squeezed(SCRIPT));
        assert!(script.len() < 16_000, "{}", script.len());
        assert!(!script.contains("//"), "a comment after code, or an address");
        assert!(!SCRIPT.contains("</") && !SCRIPT.contains("<!--") && !STYLE.contains("</"));
    }
}

//! The templates of a scenario: minijinja with what a flow knows, and no undefined names.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Object, ObjectRepr, Serde, ValueKind};
use minijinja::{Environment, ErrorKind, UndefinedBehavior, Value};

use super::generators;
use super::identity::Dice;
use crate::model::text::shorten;

/// The functions that templates can call, beside `user()` and `password()`, which are variables too.
const FUNCTIONS: [&str; 5] = ["choice", "now", "number", "text", "uuid"];

/// How much of a template an error quotes.
const QUOTED: usize = 120;

/// Why a template could not be rendered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("template `{template}`: {message}")]
pub(super) struct TemplateError {
    template: String,
    message: String,
}

/// The engine, with the functions of one flow.
pub(super) struct Templates {
    env: Environment<'static>,
    dice: Arc<Dice>,
}

impl Templates {
    /// An engine whose random values are these.
    pub(super) fn new(dice: Dice) -> Self {
        let dice = Arc::new(dice);
        let mut env = Environment::new();
        env.set_undefined_behavior(UndefinedBehavior::Strict);
        // A body keeps the line end it was written with. Only unusual delimiters could be refused here.
        if let Ok(syntax) = SyntaxConfig::builder().keep_trailing_newline(true).build() {
            env.set_syntax(syntax);
        }
        env.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
        // Values go into requests: truth values and structures are written as JSON writes them, not as Python does.
        env.set_formatter(|out, state, value| {
            if is_function(value) {
                Err(wrong(NOT_CALLED))
            } else if matches!(value.kind(), ValueKind::Bool | ValueKind::Seq | ValueKind::Map) {
                let json = serde_json::to_string(value)
                    .map_err(|err| minijinja::Error::new(ErrorKind::BadSerialization, err.to_string()))?;
                out.write_str(&json).map_err(minijinja::Error::from)
            } else {
                minijinja::escape_formatter(out, state, value)
            }
        });
        env.add_function("now", |format: Option<String>| {
            let format = format.as_deref().unwrap_or("%Y-%m-%dT%H:%M:%SZ");
            jiff::fmt::strtime::format(format, jiff::Timestamp::now()).map_err(|err| wrong(err.to_string()))
        });
        generators::add(&mut env, &dice);
        Self { env, dice }
    }

    /// What random values come from.
    pub(super) fn dice(&self) -> &Dice {
        &self.dice
    }

    /// A renderer that knows these names.
    pub(super) fn with(&self, values: BTreeMap<String, Value>) -> Renderer<'_> {
        let names = values.keys().cloned().collect();
        Renderer { env: &self.env, names, scope: Value::from(values) }
    }
}

/// What is said of a function that is written like a variable.
const NOT_CALLED: &str = "this is a function; write it with parentheses, as in `uuid()`";

fn is_function(value: &Value) -> bool {
    value.kind() == ValueKind::Plain && value.downcast_object_ref::<Word>().is_none()
}

/// An error of a function of ours.
pub(super) fn wrong(problem: impl Into<Cow<'static, str>>) -> minijinja::Error {
    minijinja::Error::new(ErrorKind::InvalidOperation, problem)
}

/// Renders the templates of one step.
pub(super) struct Renderer<'a> {
    env: &'a Environment<'static>,
    names: Vec<String>,
    scope: Value,
}

impl Renderer<'_> {
    /// A template as text.
    pub(super) fn text(&self, template: &str) -> Result<String, TemplateError> {
        if !is_template(template) {
            return Ok(template.to_owned());
        }
        let parsed =
            self.env.template_from_str(template).map_err(|err| self.error(template, &err, std::iter::empty()))?;
        parsed
            .render(&self.scope)
            .map_err(|err| self.error(template, &err, parsed.undeclared_variables(false).into_iter()))
    }

    /// A JSON value whose strings are templates. A string that is one `{{ expression }}` and nothing else becomes what
    /// the expression is: a number stays a number.
    pub(super) fn json(&self, value: &serde_json::Value) -> Result<serde_json::Value, TemplateError> {
        Ok(match value {
            serde_json::Value::String(text) => match self.expression(text)? {
                Some(value) => value,
                None => serde_json::Value::String(self.text(text)?),
            },
            serde_json::Value::Array(items) => {
                serde_json::Value::Array(items.iter().map(|item| self.json(item)).collect::<Result<_, _>>()?)
            }
            serde_json::Value::Object(map) => serde_json::Value::Object(
                map.iter()
                    .map(|(key, item)| self.json(item).map(|item| (key.clone(), item)))
                    .collect::<Result<_, _>>()?,
            ),
            serde_json::Value::Null | serde_json::Value::Bool(_) | serde_json::Value::Number(_) => value.clone(),
        })
    }

    /// The value of a string that is exactly one `{{ expression }}`; `None` where it is anything else.
    fn expression(&self, text: &str) -> Result<Option<serde_json::Value>, TemplateError> {
        let Some(inner) = text.strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}")) else {
            return Ok(None);
        };
        let inner = inner.strip_prefix(['-', '+']).unwrap_or(inner);
        let inner = inner.strip_suffix(['-', '+']).unwrap_or(inner);
        // `{{ a }} {{ b }}` begins and ends alike, but what is between is no expression.
        let Ok(expression) = self.env.compile_expression(inner) else {
            return Ok(None);
        };
        let unknown = || expression.undeclared_variables(false).into_iter();
        let value = expression.eval(&self.scope).map_err(|err| self.error(text, &err, unknown()))?;
        if is_function(&value) {
            return Err(self.error(text, &wrong(NOT_CALLED), unknown()));
        }
        if value.is_undefined() {
            return Err(self.error(text, &minijinja::Error::from(ErrorKind::UndefinedError), unknown()));
        }
        match serde_json::to_value(&value) {
            Ok(json) => Ok(Some(json)),
            Err(err) => Err(TemplateError { template: shorten(text, QUOTED), message: err.to_string() }),
        }
    }

    fn error(&self, template: &str, error: &minijinja::Error, names: impl Iterator<Item = String>) -> TemplateError {
        let names_matter = matches!(error.kind(), ErrorKind::UndefinedError | ErrorKind::UnknownFunction);
        let mut unknown: Vec<String> = names.filter(|name| names_matter && !self.knows(name)).collect();
        unknown.sort();
        let message = if let Some(name) = unknown.first() {
            self.undefined(name)
        } else {
            match error.detail() {
                Some(detail) => format!("{}: {detail}", error.kind()),
                None if error.kind() == ErrorKind::UndefinedError => {
                    "it uses an attribute or an item that is not there".to_owned()
                }
                None => error.kind().to_string(),
            }
        };
        TemplateError { template: shorten(template, QUOTED), message }
    }

    fn knows(&self, name: &str) -> bool {
        self.names.iter().any(|known| known == name) || self.env.globals().any(|(known, _)| known == name)
    }

    /// What to say of a name that nobody knows: the nearest known names first.
    fn undefined(&self, name: &str) -> String {
        let mut known: Vec<(f64, String)> = self
            .names
            .iter()
            .map(|known| (strsim::jaro_winkler(name, known), known.clone()))
            .chain(FUNCTIONS.iter().map(|known| (strsim::jaro_winkler(name, known), format!("{known}()"))))
            .collect();
        known.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        let guess = match known.first() {
            Some((likeness, known)) if *likeness >= 0.8 => format!("; did you mean `{known}`?"),
            _ => String::new(),
        };
        let list = known.iter().map(|(_, known)| format!("`{known}`")).collect::<Vec<_>>().join(", ");
        format!("`{name}` is not defined{guess} (known: {list})")
    }
}

/// Whether a text holds anything for the template engine.
pub(super) fn is_template(text: &str) -> bool {
    ["{{", "{%", "{#"].iter().any(|mark| text.contains(mark))
}

/// A JSON value as templates see it.
pub(super) fn from_json(value: &serde_json::Value) -> Value {
    Value::from(Serde(value))
}

/// A text that templates can write as a variable (`{{ user }}`) and as a call (`{{ user() }}`).
struct Word(String);

/// A text to be written as a variable or as a call.
pub(super) fn word(text: String) -> Value {
    Value::from_object(Word(text))
}

impl fmt::Debug for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Word")
    }
}

impl Object for Word {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn call(
        self: &Arc<Self>,
        _state: &mut minijinja::State<'_, '_>,
        args: &[Value],
    ) -> Result<Value, minijinja::Error> {
        if args.is_empty() {
            Ok(Value::from(self.0.as_str()))
        } else {
            Err(minijinja::Error::new(ErrorKind::TooManyArguments, "it takes no arguments"))
        }
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::super::identity::Identity;
    use super::*;

    fn templates() -> Templates {
        Templates::new(Dice::new(Identity::random()))
    }

    fn values() -> BTreeMap<String, Value> {
        BTreeMap::from([
            ("csrf".to_owned(), Value::from("a&b")),
            ("n".to_owned(), Value::from(3)),
            ("on".to_owned(), Value::from(true)),
            ("user".to_owned(), word("soak1".to_owned())),
            ("item".to_owned(), from_json(&json!({"id": 7, "tags": ["a"]}))),
        ])
    }

    #[test]
    fn writes_values_as_a_request_wants_them() {
        let templates = templates();
        let renderer = templates.with(values());
        assert_eq!(renderer.text("a {{ csrf }} {{ n + 1 }} {{ on }}\n").unwrap(), "a a&b 4 true\n");
        assert_eq!(renderer.text("{{ item.id }} {{ item }}").unwrap(), r#"7 {"id":7,"tags":["a"]}"#);
        assert_eq!(
            renderer.text("{{ user }} {{ user() }} {{ user | upper }} {{ user ~ n }}").unwrap(),
            "soak1 soak1 SOAK1 soak13"
        );
        assert_eq!(renderer.text("{% for i in range(3) %}{{ i }}{% endfor %}").unwrap(), "012");
        assert_eq!(renderer.text("{{ missing | default('x') }}").unwrap(), "x");
    }

    #[test]
    fn a_lone_expression_keeps_its_type_in_json() {
        let templates = templates();
        let renderer = templates.with(values());
        let rendered = renderer
            .json(&json!({"n": "{{ n }}", "s": "no {{ n }}", "on": ["{{on}}", 1, null], "two": "{{ n }}{{ n }}", "u": "{{ user }}",
                "item": "{{ item }}", "{{ n }}": "{{- n * 1.5 -}}"}))
            .unwrap();
        assert_eq!(
            rendered,
            json!({"n": 3, "s": "no 3", "on": [true, 1, null], "two": "33", "u": "soak1", "item": {"id": 7, "tags": ["a"]}, "{{ n }}": 4.5})
        );
    }

    #[test]
    fn an_undefined_name_is_an_error_that_lists_the_known_ones_nearest_first() {
        let templates = templates();
        let renderer = templates.with(values());
        for error in [
            renderer.text("x={{ crsf }}").unwrap_err(),
            renderer.json(&json!(["{{ crsf }}"])).unwrap_err(),
            renderer.text("{{ crsf() }}").unwrap_err(),
            renderer.text("{% if crsf %}{% endif %}").unwrap_err(),
            renderer.text("{{ csrf }}{{ crsf | upper }}").unwrap_err(),
        ] {
            let text = error.to_string();
            assert!(text.contains("`crsf` is not defined; did you mean `csrf`? (known: `csrf`, "), "{text}");
            assert!(text.contains("`uuid()`") && text.contains("`now()`"), "{text}");
        }
        let text = renderer.text("{{ zzzz }}").unwrap_err().to_string();
        assert!(text.contains("`zzzz` is not defined (known:"), "{text}");
    }

    #[test]
    fn other_errors_say_what_is_wrong() {
        let templates = templates();
        let renderer = templates.with(values());
        let text = renderer.text("{{ item.nope }}").unwrap_err().to_string();
        assert!(text.starts_with("template `{{ item.nope }}`: "), "{text}");
        let text = renderer.text("{{ n").unwrap_err().to_string();
        assert!(text.contains("syntax error"), "{text}");
        let text = renderer.text("{{ n | nofilter }}").unwrap_err().to_string();
        assert!(text.contains("nofilter"), "{text}");
        let text = renderer.text("{{ user(1) }}").unwrap_err().to_string();
        assert!(text.contains("takes no arguments"), "{text}");
        let text = renderer.json(&json!("{{ item.nope }}")).unwrap_err().to_string();
        assert!(text.contains("not there"), "{text}");
    }

    #[test]
    fn now_is_a_timestamp_and_takes_a_format() {
        let templates = templates();
        let renderer = templates.with(BTreeMap::new());
        assert!(renderer.text("{{ now() }}").unwrap().parse::<jiff::Timestamp>().is_ok());
        assert_eq!(renderer.text("{{ now('%Y') }}").unwrap().len(), 4);
        assert!(renderer.text("{{ now('%!') }}").is_err());
    }

    proptest! {
        #[test]
        fn text_without_marks_is_left_as_it_is(text in "[^{]*") {
            let templates = templates();
            prop_assert_eq!(templates.with(BTreeMap::new()).text(&text).unwrap(), text);
        }

        #[test]
        fn no_template_panics(text in "[{}% a-c.()'|\\[\\]\\-+#0-9]{0,40}") {
            let templates = templates();
            let renderer = templates.with(values());
            let _ = renderer.text(&text);
            let _ = renderer.json(&serde_json::Value::String(text));
        }

        #[test]
        fn captured_text_is_never_a_template_itself(text in "\\PC{0,40}") {
            let templates = templates();
            let renderer = templates.with(BTreeMap::from([("x".to_owned(), Value::from(text.as_str()))]));
            prop_assert_eq!(renderer.text("{{ x }}").unwrap(), text.clone());
            prop_assert_eq!(renderer.json(&json!("{{ x }}")).unwrap(), json!(text));
        }
    }
}

//! The forms in which values are written, as JSON Schema has them. A [`Scalar`](super::Scalar) is read as any of them; which one is
//! meant is said beside its key in the wire form. Each form takes all that is read, and refuses what can be seen to be wrong.

use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::quantity;

/// A number as Rust reads one, without a sign.
pub(crate) const NUMBER: &str = "^\\s*\\+?([0-9]+\\.?[0-9]*|\\.[0-9]+)([eE][-+]?[0-9]+)?\\s*$";

/// Somewhere in it a template begins.
pub(crate) const TEMPLATE: &str = "\\{[{%#]";

/// Types that stand for forms: `Name: schema;`.
macro_rules! forms {
    ($($(#[$about:meta])* $name:ident: $schema:expr;)*) => {
        $(
            $(#[$about])*
            pub(crate) enum $name {}

            impl schemars::JsonSchema for $name {
                fn inline_schema() -> bool {
                    true
                }

                fn schema_name() -> std::borrow::Cow<'static, str> {
                    stringify!($name).into()
                }

                fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                    $schema
                }
            }
        )*
    };
}

pub(crate) use forms;

forms! {
    /// A single value that says something.
    Word: json_schema!({"type": ["string", "number", "boolean"], "minLength": 1});
    /// A duration above zero.
    Time: json_schema!({"type": "string", "pattern": duration(false)});
    /// A duration, zero allowed.
    TimeOrZero: json_schema!({"type": ["string", "integer"], "pattern": duration(true), "minimum": 0, "maximum": 0});
    /// A size in bytes.
    Size: json_schema!({"type": ["string", "number"], "minimum": 0, "pattern": size()});
    /// A figure of a class whose unit is not said here: a number or a size.
    Figure: json_schema!({"type": ["string", "number"], "minimum": 0});
    /// A number above zero.
    Above0: json_schema!({"type": ["string", "number"], "exclusiveMinimum": 0, "pattern": NUMBER});
    /// A number from zero on.
    Number: json_schema!({"type": ["string", "number"], "minimum": 0, "pattern": NUMBER});
    /// A share: above 0, up to 1.
    Share: json_schema!({"type": ["string", "number"], "exclusiveMinimum": 0, "maximum": 1, "pattern": NUMBER});
    /// A multiple: 1 or more.
    Multiple: json_schema!({"type": ["string", "number"], "minimum": 1, "pattern": NUMBER});
    /// A whole number from zero on.
    Whole: json_schema!({"type": ["string", "integer"], "minimum": 0, "pattern": "^\\s*\\+?[0-9]+\\s*$"});
    /// A port.
    Port: json_schema!({"type": ["string", "integer"], "minimum": 1, "maximum": 65535, "pattern": "^\\s*\\+?[0-9]+\\s*$"});
    /// A fingerprint. One that has no letters is a number to YAML.
    Fingerprint: json_schema!({"type": ["string", "number"], "minimum": 0, "pattern": "^[0-9a-f]{8}$"});
    /// A day.
    Date: json_schema!({"type": "string", "format": "date", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"});
    /// A text with a template in it, of which nothing else is known.
    Template: json_schema!({"type": "string", "pattern": TEMPLATE});
}

/// One of two forms.
pub(crate) struct Or<A, B>(PhantomData<(A, B)>);

impl<A: JsonSchema, B: JsonSchema> JsonSchema for Or<A, B> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("{}_or_{}", A::schema_name(), B::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({"anyOf": [generator.subschema_for::<A>(), generator.subschema_for::<B>()]})
    }
}

/// What may be a template in place of its form.
pub(crate) type Templated<T> = Or<T, Template>;

/// Begins with a figure and ends with a unit; what units there are is left to the parser.
pub(crate) fn duration(zero: bool) -> String {
    let zero = if zero { "|0" } else { "" };
    format!("^\\s*(\\+?[0-9.][^:]*[A-Za-z\u{b5}\u{3bc}]{zero})\\s*$")
}

/// A size in bytes, as [`super::size`] reads one.
pub(crate) fn size() -> String {
    format!("^\\s*[0-9._]+\\s*(B|{})?\\s*$", quantity::units().collect::<Vec<_>>().join("|"))
}

/// A word in any case, as a pattern: JSON Schema has none that does not look at the case.
pub(crate) fn any_case(word: &str) -> String {
    let letter = |c: char| match (c.to_ascii_uppercase(), c.to_ascii_lowercase()) {
        (upper, lower) if upper == lower => c.to_string(),
        (upper, lower) => format!("[{upper}{lower}]"),
    };
    word.chars().map(letter).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use regex::Regex;

    use super::*;

    #[test]
    fn what_is_read_is_of_its_form() {
        for (form, read) in [
            (duration(false), vec!["25m", "1h 30m", " 200ms", "2 minutes", "1.5h", "1 hour, 3 sec", "5µs", "+5m"]),
            (duration(true), vec!["0", "0s"]),
            (size(), vec!["4GiB", "1.5 KiB", "1_048_576", "0", "12B", " 3kB "]),
            (NUMBER.to_owned(), vec!["0", "4.5", "1e3", "+2", ".5", "5."]),
        ] {
            let form = Regex::new(&form).unwrap();
            assert!(read.iter().all(|text| form.is_match(text)), "{form}");
        }
    }

    #[test]
    fn what_is_wrong_at_a_glance_is_not() {
        for (form, wrong) in [
            (duration(false), vec!["30", "soon", "-5m", "1:30", "PT5M", ""]),
            (size(), vec!["4g", "10M", "much", "-1MiB", ""]),
            (NUMBER.to_owned(), vec!["-1", "inf", "NaN", "10MiB", "", "."]),
        ] {
            let form = Regex::new(&form).unwrap();
            assert!(!wrong.iter().any(|text| form.is_match(text)), "{form}");
        }
    }

    #[test]
    fn a_word_in_any_case_is_a_pattern() {
        assert_eq!(any_case("SIGUSR1"), "[Ss][Ii][Gg][Uu][Ss][Rr]1");
    }

    proptest! {
        /// An editor must not mark what slowdrip reads.
        #[test]
        fn no_form_is_narrower_than_its_reader(text in "\\PC{0,20}|[-+0-9.eEhmsKMGiBd_ ]{0,12}|[1-9][0-9]{0,3} ?(ms|s|m|h|min|KiB|MB|B)?") {
            let fits = |form: &str| Regex::new(form).unwrap().is_match(&text);
            prop_assert!(quantity::duration(&text).is_err() || fits(&duration(false)), "{text}");
            prop_assert!(quantity::duration_or_zero(&text).is_err() || fits(&duration(true)), "{text}");
            prop_assert!(quantity::size(&text).is_err() || fits(&size()), "{text}");
            let number = text.parse::<f64>().is_ok_and(|number| number.is_finite() && number.is_sign_positive());
            prop_assert!(!number || fits(NUMBER), "{text}");
        }
    }
}

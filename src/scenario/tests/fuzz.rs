//! Whatever the text is, reading it ends in a scenario or in a message with a place.

use proptest::prelude::*;

use super::*;

fn check(text: &str) -> Result<(), TestCaseError> {
    if let Err(error) = read(text) {
        let shown = error.to_string();
        prop_assert!(error.at.is_some(), "no place: {shown}");
        prop_assert!(shown.contains("= help: "), "no help: {shown}");
        prop_assert!(!shown.contains(|c: char| c.is_control() && c != '\n'), "control characters: {shown:?}");
        prop_assert!(!error.message.contains('\n'), "more than a line: {shown}");
    }
    Ok(())
}

proptest! {
    #[test]
    fn arbitrary_text_never_panics(text in any::<String>()) {
        check(&text)?;
    }

    #[test]
    fn text_that_looks_like_yaml_never_panics(
        text in proptest::collection::vec(
            prop_oneof![
                Just("name: "), Just("target: "), Just("seed:"), Just("soak: "), Just("duration: "), Just("- "),
                Just("get: "), Just("\n"), Just("  "), Just("{"), Just("}"), Just("["), Just("]"), Just(", "), Just("|"),
                Just(": "), Just("\""), Just("'"), Just("#"), Just("&a "), Just("*a"), Just("!t "), Just("<<: "), Just("\t"),
                Just("{{ x }}"), Just("5m"), Just("-1"), Just("~"), Just("---\n"), Just("? "), Just("\r"), Just("é"), Just("app"),
            ],
            0..40,
        )
    ) {
        check(&text.concat())?;
    }

    #[test]
    fn a_damaged_scenario_never_panics(at in 0..DESIGN.len(), cut in 0usize..12, put in "\\PC{0,3}|[\\t\\n{}:'\"*&!|-]{0,3}") {
        let head: String = DESIGN.chars().take(at).collect();
        let tail: String = DESIGN.chars().skip(at + cut).collect();
        check(&format!("{head}{put}{tail}"))?;
    }
}

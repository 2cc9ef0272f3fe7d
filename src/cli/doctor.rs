//! `slowdrip doctor [CONTAINER]`: what works here, why the rest does not, and what to do about it.

use anstyle::{AnsiColor, Style};
use serde::Serialize;

use super::args::DoctorArgs;
use super::layout::{Cell, Stand, Table, painted, paragraph};
use super::{Exit, Failure, console};
use crate::access::doctor::{self, Check, CheckState, Examination, Patient};

const BOLD: Style = Style::new().bold();

/// How many lines what was found may take.
const LINES: usize = 3;

/// The name of the hidden command that waits for the end of its standard input.
pub(super) const SLEEPER: &str = "doctor-child";

pub(super) async fn run(args: &DoctorArgs) -> Result<Exit, Failure> {
    let program = std::env::current_exe().ok().map(|path| path.to_string_lossy().into_owned());
    let patient = Patient {
        container: args.container.clone(),
        reports: args.reports.clone(),
        sleeper: program.map(|program| vec![program, SLEEPER.to_owned()]),
    };
    let examination = doctor::examine(&patient).await;
    console::out(&if args.json { json(&examination)? } else { text(&examination) });
    Ok(match examination.verdict() {
        CheckState::Ok | CheckState::Warn => Exit::Pass,
        CheckState::Unknown => Exit::Inconclusive,
        CheckState::Fail => Exit::Unreadable,
    })
}

/// Waits until standard input ends.
pub(super) fn sleep() -> Result<Exit, Failure> {
    match std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink()) {
        Ok(_) => Ok(Exit::Pass),
        Err(error) => Err(Failure::new(Exit::Unexpected, &error)),
    }
}

fn json(examination: &Examination) -> Result<String, Failure> {
    #[derive(Serialize)]
    struct Shown<'a> {
        verdict: CheckState,
        modes: &'a [Check],
        checks: &'a [Check],
    }
    let Examination { modes, checks } = examination;
    let shown = Shown { verdict: examination.verdict(), modes, checks };
    serde_json::to_string_pretty(&shown).map_err(|error| Failure::new(Exit::Unexpected, &error))
}

fn text(examination: &Examination) -> String {
    let verdict = match examination.verdict() {
        CheckState::Ok | CheckState::Warn => {
            let works = examination.modes.iter().filter(|mode| matches!(mode.state, CheckState::Ok | CheckState::Warn));
            let works: Vec<&str> = works.map(|mode| mode.name).collect();
            format!("slowdrip works here, by {}.", works.join(", "))
        }
        CheckState::Unknown => "Whether slowdrip works here was not tried: name a running container.".to_owned(),
        CheckState::Fail => "No way to a target works here.".to_owned(),
    };
    let mut out = painted(BOLD, &paragraph("", &verdict));
    out.push_str(&section("Ways to a target", &examination.modes));
    out.push_str(&section("What they rest on", &examination.checks));
    let all = || examination.modes.iter().chain(&examination.checks);
    let odd: Vec<&Check> = all().filter(|check| check.state != CheckState::Ok).collect();
    if !odd.is_empty() {
        out.push_str(&format!("\n{}", painted(BOLD, "What to do")));
    }
    for alike in odd.chunk_by(|one, next| (&one.meaning, &one.advice) == (&next.meaning, &next.advice)) {
        let Some(check) = alike.first() else { continue };
        let names: Vec<&str> = alike.iter().map(|check| check.name).collect();
        out.push_str(&painted(colour(check.state), &paragraph("", &names.join(", "))));
        for part in [&check.meaning, &check.advice] {
            out.push_str(&paragraph("  ", part));
        }
    }
    let notes: Vec<&Check> = all().filter(|check| check.state == CheckState::Ok && !check.meaning.is_empty()).collect();
    if !notes.is_empty() {
        out.push_str(&format!("\n{}", painted(BOLD, "Good to know")));
    }
    for check in notes {
        out.push_str(&paragraph(&format!("{}: ", check.name), &check.meaning));
    }
    out
}

fn section(title: &str, checks: &[Check]) -> String {
    let mut table = Table::new(&[("", Stand::Left), ("", Stand::Left), ("", Stand::Flex)]).indent(2).wrapped(LINES);
    for check in checks {
        let state = Cell::from(check.state.name()).paint(colour(check.state));
        table.row([Cell::from(check.name), state, Cell::from(&check.found)]);
    }
    format!("\n{}{}", painted(BOLD, title), table.render())
}

fn colour(state: CheckState) -> Style {
    match state {
        CheckState::Ok => AnsiColor::Green.on_default(),
        CheckState::Warn | CheckState::Unknown => AnsiColor::Yellow.on_default(),
        CheckState::Fail => AnsiColor::Red.on_default(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::cli::layout::assert_fits;

    fn check(name: &'static str, state: CheckState, foreign: &str) -> Check {
        let own = |text: &str| format!("{text} {foreign}");
        Check { name, state, found: own("found"), meaning: own("meaning"), advice: own("do this") }
    }

    #[test]
    fn says_first_what_works_and_then_what_to_do_about_the_rest() {
        let examination = Examination {
            modes: vec![check("host", CheckState::Fail, "x"), check("helper", CheckState::Ok, "y")],
            checks: vec![check("kernel", CheckState::Ok, "z"), check("bpftrace", CheckState::Warn, "w")],
        };
        let text = assert_fits(&text(&examination));
        assert!(
            text.starts_with("slowdrip works here, by helper.\n\nWays to a target\n  host    fail  found x\n"),
            "{text}"
        );
        let advice = text.split("What to do").nth(1).unwrap();
        assert!(advice.starts_with("\nhost\n  meaning x\n  do this x\nbpftrace\n  meaning w\n"), "{text}");
        assert!(text.contains("Good to know\nhelper: meaning y\nkernel: meaning z\n"), "{text}");
        let value: serde_json::Value = serde_json::from_str(&json(&examination).unwrap()).unwrap();
        assert_eq!((&value["verdict"], &value["modes"][0]["state"]), (&"ok".into(), &"fail".into()));
    }

    #[test]
    fn the_same_advice_is_given_once() {
        let modes = vec![check("helper", CheckState::Unknown, ""), check("exec", CheckState::Unknown, "")];
        let text = assert_fits(&text(&Examination { modes, checks: Vec::new() }));
        assert!(text.ends_with("What to do\nhelper, exec\n  meaning\n  do this\n"), "{text}");
    }

    proptest! {
        #[test]
        fn fits_80_columns_whatever_the_engine_says(foreign in any::<String>()) {
            let modes = vec![check("host", CheckState::Fail, &foreign.repeat(9)), check("exec", CheckState::Ok, &foreign)];
            assert_fits(&text(&Examination { modes, checks: Vec::new() }));
        }
    }
}

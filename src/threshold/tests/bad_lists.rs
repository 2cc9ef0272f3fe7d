//! What is said of events, logs, acknowledgements and precedents that cannot be meant.

use super::*;

#[test]
fn event_that_is_unknown() {
    insta::assert_snapshot!(error("events: {healthy: fail}\n"), @r"
    unknown key `healthy` in `events`
     --> app.yaml:1:10
      |
    1 | events: {healthy: fail}
      |          ^^^^^^^
      |
      = help: did you mean `health`? The keys of `events` are `health`, `restarts`, `oom` and `self_kill`
    ");
}

#[test]
fn weight_that_is_unknown() {
    insta::assert_snapshot!(error("events: {health: ingore}\n"), @r"
    `events.health`: `ingore` is not known
     --> app.yaml:1:18
      |
    1 | events: {health: ingore}
      |                  ^^^^^^
      |
      = help: did you mean `ignore`? `events.health` is one of `fail`, `warn` and `ignore`
    ");
}

#[test]
fn weight_that_is_no_word() {
    insta::assert_snapshot!(error("events: {oom: false}\n"), @r"
    `events.oom`: `false` is not known
     --> app.yaml:1:15
      |
    1 | events: {oom: false}
      |               ^^^^^
      |
      = help: `events.oom` is one of `fail`, `warn` and `ignore`
    ");
}

#[test]
fn events_that_are_a_word() {
    insta::assert_snapshot!(error("events: fail\n"), @r"
    `events`: expected a mapping with `health`, `restarts`, `oom` or `self_kill`, found the text `fail`
     --> app.yaml:1:9
      |
    1 | events: fail
      |         ^^^^
      |
      = help: write a mapping with `health`, `restarts`, `oom` or `self_kill`
    ");
}

#[test]
fn log_that_is_a_mapping() {
    insta::assert_snapshot!(error("log: {pattern: x, max: 0}\n"), @r"
    `log`: expected a list, found a mapping
     --> app.yaml:1:1
      |
    1 | log: {pattern: x, max: 0}
      | ^^^
      |
      = help: write a list: begin every item with `- `
    ");
}

#[test]
fn log_rule_that_is_a_text() {
    insta::assert_snapshot!(error("log: [Errno 24]\n"), @r"
    `log[0]`: expected a rule such as `{pattern: 'Errno 24', max: 0}`, found the text `Errno 24`
     --> app.yaml:1:7
      |
    1 | log: [Errno 24]
      |       ^^^^^^^^
      |
      = help: write a rule such as `{pattern: 'Errno 24', max: 0}`
    ");
}

#[test]
fn log_rule_without_a_pattern() {
    insta::assert_snapshot!(error("log:\n  - {max: 0}\n"), @r"
    `pattern` is missing in `log[0]`
     --> app.yaml:2:5
      |
    2 |   - {max: 0}
      |     ^
      |
      = help: add `pattern: …`
    ");
}

#[test]
fn log_rule_without_a_rule() {
    insta::assert_snapshot!(error("log:\n  - {pattern: x, severity: warn}\n"), @r"
    `log[0]` has no rule
     --> app.yaml:2:5
      |
    2 |   - {pattern: x, severity: warn}
      |     ^
      |
      = help: add one of `max`, `max_per_hour` and `max_repeats_per_hour`
    ");
}

#[test]
fn log_pattern_that_is_empty() {
    insta::assert_snapshot!(error("log:\n  - {pattern: '', max: 0}\n"), @r"
    `log[0].pattern` is empty
     --> app.yaml:2:15
      |
    2 |   - {pattern: '', max: 0}
      |               ^^
      |
      = help: write what to search for; `.` is in every line
    ");
}

#[test]
fn log_pattern_that_is_broken() {
    insta::assert_snapshot!(error("log:\n  - {pattern: '(x', max: 0}\n"), @r"
    `log[0].pattern` is not a regular expression: unclosed group
     --> app.yaml:2:15
      |
    2 |   - {pattern: '(x', max: 0}
      |               ^^^^
      |
      = help: check brackets and backslashes; in double quotes YAML wants `\\` for `\`, in single quotes not
    ");
}

#[test]
fn log_pattern_twice() {
    insta::assert_snapshot!(error("log:\n  - {pattern: x, max: 0}\n  - {pattern: 'x', max_per_hour: 5}\n"), @r"
    `log[1].pattern`: there is a rule on this pattern already
     --> app.yaml:3:15
      |
    3 |   - {pattern: 'x', max_per_hour: 5}
      |               ^^^
      |
      = help: it stands on line 2 already; put all that is said of it into one rule
    ");
}

#[test]
fn part_of_a_line() {
    insta::assert_snapshot!(error("log:\n  - {pattern: x, max: 0.5}\n"), @r"
    `log[0].max`: `0.5` is not a count
     --> app.yaml:2:23
      |
    2 |   - {pattern: x, max: 0.5}
      |                       ^^^
      |
      = help: write a whole number from 0 on
    ");
}

#[test]
fn lines_in_bytes() {
    insta::assert_snapshot!(error("log:\n  - {pattern: x, max_per_hour: 5MiB}\n"), @r"
    `log[0].max_per_hour`: `5MiB` is not a number
     --> app.yaml:2:32
      |
    2 |   - {pattern: x, max_per_hour: 5MiB}
      |                                ^^^^
      |
      = help: lines are counted, not measured in bytes: write a number without a unit
    ");
}

#[test]
fn negative_repeats() {
    insta::assert_snapshot!(error("log:\n  - {pattern: x, max_repeats_per_hour: -5}\n"), @r"
    `log[0].max_repeats_per_hour` is negative
     --> app.yaml:2:40
      |
    2 |   - {pattern: x, max_repeats_per_hour: -5}
      |                                        ^^
      |
      = help: did you mean `5`?
    ");
}

#[test]
fn key_of_a_class_in_a_log_rule() {
    insta::assert_snapshot!(error("log:\n  - {pattern: x, max_growth_per_hour: 5}\n"), @r"
    unknown key `max_growth_per_hour` in `log[0]`
     --> app.yaml:2:18
      |
    2 |   - {pattern: x, max_growth_per_hour: 5}
      |                  ^^^^^^^^^^^^^^^^^^^
      |
      = help: did you mean `max_per_hour`? The keys of `log[0]` are `pattern`, `max`, `max_per_hour`, `max_repeats_per_hour`, `severity` and `required`
    ");
}

#[test]
fn ack_without_a_reason() {
    insta::assert_snapshot!(error("acks:\n  - {fingerprint: ab12cd34}\n"), @r"
    `reason` is missing in `acks[0]`
     --> app.yaml:2:5
      |
    2 |   - {fingerprint: ab12cd34}
      |     ^
      |
      = help: add `reason: …`
    ");
}

#[test]
fn ack_with_an_empty_reason() {
    insta::assert_snapshot!(error("acks:\n  - {fingerprint: ab12cd34, reason: \" \"}\n"), @r#"
    `acks[0].reason` is empty
     --> app.yaml:2:37
      |
    2 |   - {fingerprint: ab12cd34, reason: " "}
      |                                     ^^^
      |
      = help: say why it is borne, for whoever reads the report
    "#);
}

#[test]
fn fingerprint_that_is_too_short() {
    insta::assert_snapshot!(error("acks:\n  - {fingerprint: ab12, reason: x}\n"), @r"
    `acks[0].fingerprint`: `ab12` is not a fingerprint
     --> app.yaml:2:19
      |
    2 |   - {fingerprint: ab12, reason: x}
      |                   ^^^^
      |
      = help: copy it from the report: 8 hex digits in lower case, for example `ab12cd34`
    ");
}

#[test]
fn fingerprint_in_capitals() {
    insta::assert_snapshot!(error("acks:\n  - {fingerprint: AB12CD34, reason: x}\n"), @r"
    `acks[0].fingerprint` has capital letters
     --> app.yaml:2:19
      |
    2 |   - {fingerprint: AB12CD34, reason: x}
      |                   ^^^^^^^^
      |
      = help: fingerprints are in lower case: write `ab12cd34`
    ");
}

#[test]
fn fingerprint_with_other_letters() {
    insta::assert_snapshot!(error("acks:\n  - {fingerprint: ghijklmn, reason: x}\n"), @r"
    `acks[0].fingerprint`: `ghijklmn` is not a fingerprint
     --> app.yaml:2:19
      |
    2 |   - {fingerprint: ghijklmn, reason: x}
      |                   ^^^^^^^^
      |
      = help: copy it from the report: 8 hex digits in lower case, for example `ab12cd34`
    ");
}

#[test]
fn acknowledged_twice() {
    insta::assert_snapshot!(error("acks:\n  - {fingerprint: ab12cd34, reason: x}\n  - {fingerprint: \"ab12cd34\", reason: y}\n"), @r#"
    `ab12cd34` is acknowledged twice
     --> app.yaml:3:19
      |
    3 |   - {fingerprint: "ab12cd34", reason: y}
      |                   ^^^^^^^^^^
      |
      = help: it stands on line 2 already; remove one of the two
    "#);
}

#[test]
fn expiry_in_another_order() {
    insta::assert_snapshot!(error("acks:\n  - {fingerprint: ab12cd34, reason: x, expires: 31.01.2027}\n"), @r"
    `acks[0].expires`: `31.01.2027` is not a date
     --> app.yaml:2:49
      |
    2 |   - {fingerprint: ab12cd34, reason: x, expires: 31.01.2027}
      |                                                 ^^^^^^^^^^
      |
      = help: write the last day on which it counts as `YYYY-MM-DD`, for example `2027-01-31`
    ");
}

#[test]
fn expiry_without_dashes() {
    insta::assert_snapshot!(error("acks:\n  - {fingerprint: ab12cd34, reason: x, expires: 20270131}\n"), @r"
    `acks[0].expires`: `20270131` is not a date
     --> app.yaml:2:49
      |
    2 |   - {fingerprint: ab12cd34, reason: x, expires: 20270131}
      |                                                 ^^^^^^^^
      |
      = help: write the last day on which it counts as `YYYY-MM-DD`, for example `2027-01-31`
    ");
}

#[test]
fn expiry_with_a_time() {
    insta::assert_snapshot!(error("acks:\n  - {fingerprint: ab12cd34, reason: x, expires: 2027-01-31T00:00:00Z}\n"), @r"
    `acks[0].expires`: `2027-01-31T00:00:00Z` is not a date
     --> app.yaml:2:49
      |
    2 |   - {fingerprint: ab12cd34, reason: x, expires: 2027-01-31T00:00:00Z}
      |                                                 ^^^^^^^^^^^^^^^^^^^^
      |
      = help: write the last day on which it counts as `YYYY-MM-DD`, for example `2027-01-31`
    ");
}

#[test]
fn expiry_on_a_day_that_is_none() {
    insta::assert_snapshot!(error("acks:\n  - {fingerprint: ab12cd34, reason: x, expires: 2027-02-30}\n"), @r"
    `acks[0].expires`: there is no day `2027-02-30` in the calendar
     --> app.yaml:2:49
      |
    2 |   - {fingerprint: ab12cd34, reason: x, expires: 2027-02-30}
      |                                                 ^^^^^^^^^^
      |
      = help: write the last day on which it counts as `YYYY-MM-DD`, for example `2027-01-31`
    ");
}

#[test]
fn expiry_that_is_misspelt() {
    insta::assert_snapshot!(error("acks:\n  - {fingerprint: ab12cd34, reason: x, expire: 2027-01-31}\n"), @r"
    unknown key `expire` in `acks[0]`
     --> app.yaml:2:40
      |
    2 |   - {fingerprint: ab12cd34, reason: x, expire: 2027-01-31}
      |                                        ^^^^^^
      |
      = help: did you mean `expires`? The keys of `acks[0]` are `fingerprint`, `reason` and `expires`
    ");
}

#[test]
fn precedent_of_an_unknown_class() {
    insta::assert_snapshot!(error("precedents:\n  - {class: fd.evenpoll, cause: x}\n"), @r"
    `precedents[0].class`: there is no class `fd.evenpoll`
     --> app.yaml:2:13
      |
    2 |   - {class: fd.evenpoll, cause: x}
      |             ^^^^^^^^^^^
      |
      = help: did you mean `fd.eventpoll`? Name a built-in class, as docs/thresholds.md lists them, or one that this file makes below `classes`
    ");
}

#[test]
fn precedent_without_a_class() {
    insta::assert_snapshot!(error("precedents:\n  - {cause: x}\n"), @r"
    `class` is missing in `precedents[0]`
     --> app.yaml:2:5
      |
    2 |   - {cause: x}
      |     ^
      |
      = help: add `class: …`
    ");
}

#[test]
fn precedent_without_a_cause() {
    insta::assert_snapshot!(error("precedents:\n  - {class: fd.total, cause: \"\"}\n"), @r#"
    `precedents[0].cause` is empty
     --> app.yaml:2:30
      |
    2 |   - {class: fd.total, cause: ""}
      |                              ^^
      |
      = help: say what it was
    "#);
}

#[test]
fn precedent_that_leads_nowhere() {
    insta::assert_snapshot!(error("precedents:\n  - {class: fd.total, cause: x, see: \"\"}\n"), @r#"
    `precedents[0].see` is empty
     --> app.yaml:2:38
      |
    2 |   - {class: fd.total, cause: x, see: ""}
      |                                      ^^
      |
      = help: name where to read on, or remove it
    "#);
}

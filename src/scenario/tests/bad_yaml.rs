//! What is said of a file that is no scenario, or is written in a way that is not read.

use super::*;

#[test]
fn unknown_key() {
    insta::assert_snapshot!(error(&with("soak: {durration: 30m}\n")), @r"
    unknown key `durration` in `soak`
     --> soak.yaml:3:8
      |
    3 | soak: {durration: 30m}
      |        ^^^^^^^^^
      |
      = help: did you mean `duration`? The keys of `soak` are `duration`, `warmup`, `interval` and `settle`
    ");
}

#[test]
fn unknown_key_at_the_top() {
    insta::assert_snapshot!(error(&with("soka: {}\n")), @r"
    unknown key `soka` in the scenario
     --> soak.yaml:3:1
      |
    3 | soka: {}
      | ^^^^
      |
      = help: did you mean `soak`? The keys of the scenario are `name`, `target`, `sidecars`, `ready`, `seed`, `soak`, `churn`, `settle`, `after`, `counters`, `series`, `stop`, `vars` and `thresholds`
    ");
}

#[test]
fn wrong_type() {
    insta::assert_snapshot!(error(&with("soak:\n  duration: [30m]\n")), @r"
    `soak.duration`: expected a single value, found a list
     --> soak.yaml:4:3
      |
    4 |   duration: [30m]
      |   ^^^^^^^^
      |
      = help: write a single value
    ");
}

#[test]
fn wrong_type_of_a_name() {
    insta::assert_snapshot!(error("name: 5\ntarget: {image: x}\n"), @r#"
    `name`: expected text, found the number `5`
     --> soak.yaml:1:7
      |
    1 | name: 5
      |       ^
      |
      = help: put quotes around it: `"5"`
    "#);
}

#[test]
fn short_form_that_is_none() {
    insta::assert_snapshot!(error(&target("build: ./app")), @r"
    `target.build`: expected a mapping with `context`, found the text `./app`
     --> soak.yaml:2:17
      |
    2 | target: {build: ./app}
      |                 ^^^^^
      |
      = help: write `{context: ./app}`
    ");
}

#[test]
fn list_for_a_mapping() {
    insta::assert_snapshot!(error(&target("image: x, env: [A=b]")), @r"
    `target.env`: expected a mapping of names to values, found a list
     --> soak.yaml:2:20
      |
    2 | target: {image: x, env: [A=b]}
      |                    ^^^
      |
      = help: write `name: value`, one on a line
    ");
}

#[test]
fn missing_key() {
    insta::assert_snapshot!(error("name: app\n"), @r"
    `target` is missing in the scenario
     --> soak.yaml:1:1
      |
    1 | name: app
      | ^
      |
      = help: add `target: …`
    ");
}

#[test]
fn missing_key_in_a_step() {
    insta::assert_snapshot!(error(&with("seed:\n  - get: {}\n")), @r"
    `path` is missing in `seed[0].get`
     --> soak.yaml:4:5
      |
    4 |   - get: {}
      |     ^^^
      |
      = help: add `path: …`
    ");
}

#[test]
fn duplicate_key() {
    insta::assert_snapshot!(error(&with("name: other\n")), @r"
    the key `name` is there twice
     --> soak.yaml:3:1
      |
    3 | name: other
      | ^^^^
      |
      = help: it stands on line 1 already; remove one of the two
    ");
}

#[test]
fn key_without_a_value() {
    insta::assert_snapshot!(error(&with("seed:\n  - get:\n")), @r"
    `seed[0].get` has no value
     --> soak.yaml:4:5
      |
    4 |   - get:
      |     ^^^
      |
      = help: give it one, or remove the line
    ");
}

#[test]
fn option_without_a_value() {
    insta::assert_snapshot!(error("name: app\ntarget:\n  image: app\n  memory:\n"), @r"
    `target.memory` has no value
     --> soak.yaml:4:3
      |
    4 |   memory:
      |   ^^^^^^
      |
      = help: give it one, or remove the line
    ");
}

#[test]
fn empty_file() {
    insta::assert_snapshot!(error(""), @r"
    the file is empty
     --> soak.yaml:1:1
      |
    1 |
      | ^
      |
      = help: the least it needs: `name: my-app` and `target: {image: my-app}`
    ");
}

#[test]
fn only_comments() {
    insta::assert_snapshot!(error("# to do\n"), @r"
    the file is empty
     --> soak.yaml:1:1
      |
    1 | # to do
      | ^
      |
      = help: the least it needs: `name: my-app` and `target: {image: my-app}`
    ");
}

#[test]
fn no_mapping() {
    insta::assert_snapshot!(error("- name: app\n"), @r"
    the scenario is not a mapping of keys
     --> soak.yaml:1:1
      |
    1 | - name: app
      | ^
      |
      = help: write keys with values: `name: my-app` and `target: {image: my-app}`
    ");
}

#[test]
fn tab() {
    insta::assert_snapshot!(error(&with("soak:\n\tduration: 5m\n")), @r"
    a tab is used where YAML takes only spaces
     --> soak.yaml:4:1
      |
    4 |     duration: 5m
      | ^^^^
      |
      = help: replace the tab with spaces
    ");
}

#[test]
fn several_documents() {
    insta::assert_snapshot!(error(&with("---\nname: second\n")), @r"
    the file holds more than one YAML document
     --> soak.yaml:3:1
      |
    3 | ---
      | ^^^
      |
      = help: keep one scenario in a file, without a line of `---` inside
    ");
}

#[test]
fn alias() {
    insta::assert_snapshot!(error(&with("vars: {a: &x 1, b: *x}\n")), @r"
    an alias is used
     --> soak.yaml:3:20
      |
    3 | vars: {a: &x 1, b: *x}
      |                    ^^
      |
      = help: write the value out; aliases (`*name`) are not read
    ");
}

#[test]
fn merge_key() {
    insta::assert_snapshot!(error(&with("vars:\n  <<: {a: 1}\n")), @r"
    a merge key (`<<`) is used
     --> soak.yaml:4:3
      |
    4 |   <<: {a: 1}
      |   ^^
      |
      = help: write the keys out; merge keys are not read
    ");
}

#[test]
fn tag() {
    insta::assert_snapshot!(error(&with("vars: {a: !secret 1}\n")), @r"
    the tag `!secret` is not known
     --> soak.yaml:3:19
      |
    3 | vars: {a: !secret 1}
      |                   ^
      |
      = help: put quotes around text that begins with `!`; tags are not read
    ");
}

#[test]
fn unquoted_template() {
    insta::assert_snapshot!(error(&with("vars: {x: {{ y }}}\n")), @r#"
    a mapping or list is used as a key
     --> soak.yaml:3:12
      |
    3 | vars: {x: {{ y }}}
      |            ^
      |
      = help: put quotes around a template: `"{{ name }}"`
    "#);
}

#[test]
fn not_a_number() {
    insta::assert_snapshot!(error(&with("vars: {x: .inf}\n")), @r"
    `.inf` is no number to work with
     --> soak.yaml:3:11
      |
    3 | vars: {x: .inf}
      |           ^^^^
      |
      = help: write a number, or put quotes around what is meant as text
    ");
}

#[test]
fn unclosed_quote() {
    insta::assert_snapshot!(error(&with("vars: {x: \"a\n")), @r#"
    the file is not valid YAML: while scanning a quoted scalar, found unexpected end of stream
     --> soak.yaml:3:11
      |
    3 | vars: {x: "a
      |           ^
      |
      = help: check quotes, brackets and indentation here and on the line before
    "#);
}

#[test]
fn colon_in_text() {
    insta::assert_snapshot!(error(&with("thresholds: a: b\n")), @r"
    the file is not valid YAML: mapping values are not allowed in this context
     --> soak.yaml:3:14
      |
    3 | thresholds: a: b
      |              ^
      |
      = help: check the indentation, and put quotes around text that holds `: `
    ");
}

#[test]
fn deep_nesting() {
    insta::assert_snapshot!(error(&format!("name: {}\n", "[".repeat(70))), @r"
    the values are nested more than 64 deep
     --> soak.yaml:1:70
      |
    1 | name: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[
      |                                                                      ^
      |
      = help: nest less deeply; is a bracket left open?
    ");
}

#[test]
fn control_character() {
    insta::assert_snapshot!(error("name: a\x1b[31m\n"), @r"
    the file holds a control character, U+001B
     --> soak.yaml:1:8
      |
    1 | name: a␛[31m
      |        ^
      |
      = help: remove it; in double quotes it can be written as `\x1b`
    ");
}

#[test]
fn windows_line_ends() {
    insta::assert_snapshot!(error("name: app\r\ntarget: {imag: x}\r\n"), @r"
    unknown key `imag` in `target`
     --> soak.yaml:2:10
      |
    2 | target: {imag: x}
      |          ^^^^
      |
      = help: did you mean `image`? The keys of `target` are `build`, `image`, `container`, `command`, `pid`, `workdir`, `env`, `publish`, `volumes`, `tmpfs`, `ulimits`, `memory`, `cpus`, `init`, `cap_add`, `cap_drop`, `user`, `entrypoint`, `cmd`, `network` and `healthcheck`
    ");
}

#[test]
fn byte_order_mark() {
    insta::assert_snapshot!(error("\u{feff}name: app\ntarget: {image: x}\nsaok: {}\n"), @r"
    unknown key `saok` in the scenario
     --> soak.yaml:3:1
      |
    3 | saok: {}
      | ^^^^
      |
      = help: did you mean `soak`? The keys of the scenario are `name`, `target`, `sidecars`, `ready`, `seed`, `soak`, `churn`, `settle`, `after`, `counters`, `series`, `stop`, `vars` and `thresholds`
    ");
}

#[test]
fn letters_beyond_ascii() {
    insta::assert_snapshot!(error("name: app\ntarget: {image: x}\nüñï: {a: 😀}\n"), @r"
    unknown key `üñï` in the scenario
     --> soak.yaml:3:1
      |
    3 | üñï: {a: 😀}
      | ^^^
      |
      = help: the keys of the scenario are `name`, `target`, `sidecars`, `ready`, `seed`, `soak`, `churn`, `settle`, `after`, `counters`, `series`, `stop`, `vars` and `thresholds`
    ");
}

#[test]
fn planned_step() {
    insta::assert_snapshot!(error(&with("seed:\n  - head: {path: /}\n")), @r"
    `head` is not supported yet in `seed[0]`
     --> soak.yaml:4:5
      |
    4 |   - head: {path: /}
      |     ^^^^
      |
      = help: the keys of `seed[0]` are `get`, `post`, `put`, `patch`, `delete`, `ws`, `send`, `await`, `ping`, `sse`, `exec`, `signal`, `restart`, `pause`, `unpause`, `sleep`, `log`, `wait_until`, `repeat`, `for_each`, `parallel`, `when`, `include` and `probe`
    ");
}

#[test]
fn tab_far_below_where_the_parser_stumbles() {
    insta::assert_snapshot!(error(&with("soak:\n  duration: 5m\n\n\tinterval: 5s\n")), @r"
    a tab is used where YAML takes only spaces
     --> soak.yaml:6:1
      |
    6 |     interval: 5s
      | ^^^^
      |
      = help: replace the tab with spaces
    ");
}

#[test]
fn tab_behind_a_dash() {
    insta::assert_snapshot!(error(&with("seed:\n-\tget: {path: /}\n")), @r"
    a tab is used where YAML takes only spaces
     --> soak.yaml:4:2
      |
    4 | -    get: {path: /}
      |  ^^^^
      |
      = help: replace the tab with spaces
    ");
}

#[test]
fn tabs_in_a_block_of_text_are_no_matter() {
    insta::assert_snapshot!(error(&with("vars:\n  a: |\n    \tx\nsoak: [\n")), @r"
    the file is not valid YAML: while parsing a node, did not find expected node content
     --> soak.yaml:7:1
      |
    7 |
      | ^
      |
      = help: check quotes, brackets and indentation here and on the line before
    ");
}

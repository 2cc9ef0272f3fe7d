//! What is said of steps that cannot run.

use super::*;

#[test]
fn step_that_is_text() {
    insta::assert_snapshot!(error(&with("seed:\n  - get /\n")), @r"
    `seed[0]`: expected a step such as `get: {path: /}`, found the text `get /`
     --> soak.yaml:4:5
      |
    4 |   - get /
      |     ^^^^^
      |
      = help: write a step such as `get: {path: /}`
    ");
}

#[test]
fn step_that_does_two_things() {
    insta::assert_snapshot!(error(&with("seed:\n  - get: {path: /}\n    post: {path: /}\n")), @r"
    a step does one thing, and this one has both `get` and `post`
     --> soak.yaml:5:5
      |
    5 |     post: {path: /}
      |     ^^^^
      |
      = help: begin a new step with `- `; check the indentation
    ");
}

#[test]
fn port_not_published() {
    insta::assert_snapshot!(error(&with("seed:\n  - get: {path: /, port: 90}\n")), @r"
    the port 90 is not published
     --> soak.yaml:4:26
      |
    4 |   - get: {path: /, port: 90}
      |                          ^^
      |
      = help: write `publish: [80, 90]` in `target`
    ");
}

#[test]
fn port_out_of_range() {
    insta::assert_snapshot!(error(&with("seed:\n  - get: {path: /, port: 90000}\n")), @r"
    `seed[0].get.port`: expected a whole number from 0 to 65535, found the number `90000`
     --> soak.yaml:4:26
      |
    4 |   - get: {path: /, port: 90000}
      |                          ^^^^^
      |
      = help: write a whole number from 0 to 65535
    ");
}

#[test]
fn whole_address() {
    insta::assert_snapshot!(error(&with("seed:\n  - get: {path: \"http://localhost:80/x?y\"}\n")), @r#"
    `seed[0].get.path` is a whole address
     --> soak.yaml:4:17
      |
    4 |   - get: {path: "http://localhost:80/x?y"}
      |                 ^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: write the path alone, `/x?y`; `port` says where it goes
    "#);
}

#[test]
fn get_with_a_body() {
    insta::assert_snapshot!(error(&with("seed:\n  - get: {path: /, json: {}}\n")), @r"
    a `get` sends no body
     --> soak.yaml:4:20
      |
    4 |   - get: {path: /, json: {}}
      |                    ^^^^
      |
      = help: write `post`, or put it into the query: `query: {q: x}`
    ");
}

#[test]
fn two_bodies() {
    insta::assert_snapshot!(error(&with("seed:\n  - post: {path: /, json: {}, form: {a: b}}\n")), @r"
    a request has one body, and this one has both `form` and `json`
     --> soak.yaml:4:31
      |
    4 |   - post: {path: /, json: {}, form: {a: b}}
      |                               ^^^^
      |
      = help: keep one of them
    ");
}

#[test]
fn broken_template() {
    insta::assert_snapshot!(error(&with("seed:\n  - get: {path: \"/{{ x\"}\n")), @r#"
    `seed[0].get.path`: not a valid template: unexpected end of input, expected end of variable block
     --> soak.yaml:4:17
      |
    4 |   - get: {path: "/{{ x"}
      |                 ^^^^^^^
      |
      = help: templates are written `{{ name }}`; a literal `{{` is `{{ '{{' }}`
    "#);
}

#[test]
fn broken_template_deep_in_json() {
    insta::assert_snapshot!(error(&with("seed:\n  - post:\n      path: /\n      json:\n        a: [1, {b: \"{% x %}\"}]\n")), @r#"
    `seed[0].post.json.a[1].b`: not a valid template: unknown statement x
     --> soak.yaml:7:20
      |
    7 |         a: [1, {b: "{% x %}"}]
      |                    ^^^^^^^^^
      |
      = help: templates are written `{{ name }}`; a literal `{{` is `{{ '{{' }}`
    "#);
}

#[test]
fn json_path_without_root() {
    insta::assert_snapshot!(error(&with("seed:\n  - get: {path: /, capture: {a: {json: x.y}}}\n")), @r"
    `x.y` is not a JSONPath: parser error, at its character 1
     --> soak.yaml:4:40
      |
    4 |   - get: {path: /, capture: {a: {json: x.y}}}
      |                                        ^^^
      |
      = help: it begins with `$`: did you mean `$.x.y`?
    ");
}

#[test]
fn broken_selector() {
    insta::assert_snapshot!(error(&with("seed:\n  - get: {path: /, capture: {a: {css: \"a[\"}}}\n")), @r#"
    `seed[0].get.capture.a.css` is not a CSS selector: Unexpected EOL
     --> soak.yaml:4:39
      |
    4 |   - get: {path: /, capture: {a: {css: "a["}}}
      |                                       ^^^^
      |
      = help: write a CSS selector, for example `input[name=csrf_token]`
    "#);
}

#[test]
fn misspelt_expectation() {
    insta::assert_snapshot!(error(&with("seed:\n  - get: {path: /, expect: {json: {$.x: {atleast: 5}}}}\n")), @r"
    unknown key `atleast` in `seed[0].get.expect.json.$.x`
     --> soak.yaml:4:42
      |
    4 |   - get: {path: /, expect: {json: {$.x: {atleast: 5}}}}
      |                                          ^^^^^^^
      |
      = help: did you mean `at_least`? Write a value, `{at_least: 5}`, `{at_most: 9}`, `{matches: REGEX}`, `{exists: true}`, or `{equals: {…}}` for a whole object
    ");
}

#[test]
fn status_that_is_none() {
    insta::assert_snapshot!(error(&with("seed:\n  - get: {path: /, expect: {status: [200, 20]}}\n")), @r"
    `20` is not an HTTP status
     --> soak.yaml:4:43
      |
    4 |   - get: {path: /, expect: {status: [200, 20]}}
      |                                           ^^
      |
      = help: write a number from 100 to 599, or a class such as `2xx`
    ");
}

#[test]
fn too_many_repeats() {
    insta::assert_snapshot!(error(&with("seed:\n  - repeat: {times: 20000, steps: [{get: {path: /}}]}\n")), @r"
    steps are repeated 1 to 10000 times, not 20000
     --> soak.yaml:4:21
      |
    4 |   - repeat: {times: 20000, steps: [{get: {path: /}}]}
      |                     ^^^^^
      |
      = help: write a number from 1 to 10000
    ");
}

#[test]
fn one_try_only() {
    insta::assert_snapshot!(error(&with("seed:\n  - wait_until: {within: 1s, every: 5s, step: {get: {path: /}}}\n")), @r"
    there is time for one try only
     --> soak.yaml:4:37
      |
    4 |   - wait_until: {within: 1s, every: 5s, step: {get: {path: /}}}
      |                                     ^^
      |
      = help: write an `every` that is shorter than `within`
    ");
}

#[test]
fn waiting_for_a_repeat() {
    insta::assert_snapshot!(error(&with("seed:\n  - wait_until: {step: {repeat: {times: 2, steps: [{get: {path: /}}]}}}\n")), @r"
    only a request or a command can be waited for, and this is a `repeat`
     --> soak.yaml:4:25
      |
    4 |   - wait_until: {step: {repeat: {times: 2, steps: [{get: {path: /}}]}}}
      |                         ^^^^^^
      |
      = help: write one of `get`, `post`, `put`, `patch`, `delete` and `exec`, with what it must `expect`
    ");
}

#[test]
fn unknown_sidecar() {
    insta::assert_snapshot!(error(&with("sidecars: {ollama: {image: x}}\ncounters:\n  c: {read: {exec: {in: olama, command: [a]}}, json: $.n, at_least: 1}\n")), @r"
    there is no sidecar `olama`
     --> soak.yaml:5:25
      |
    5 |   c: {read: {exec: {in: olama, command: [a]}}, json: $.n, at_least: 1}
      |                         ^^^^^
      |
      = help: did you mean `ollama`? The sidecars are `ollama`; leave `in` out to run it in the target
    ");
}

#[test]
fn counter_below_zero() {
    insta::assert_snapshot!(error(&with("counters: {c: {read: {get: {path: /}}, json: $.n, at_least: -1}}\n")), @r"
    `counters.c.at_least` is below zero
     --> soak.yaml:3:61
      |
    3 | counters: {c: {read: {get: {path: /}}, json: $.n, at_least: -1}}
      |                                                             ^^
      |
      = help: write a number from 0 on
    ");
}

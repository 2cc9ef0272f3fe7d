//! What is said of steps that cannot hold others.

use super::*;

#[test]
fn a_million_repeats() {
    insta::assert_snapshot!(seed("- repeat: {times: 1000000, steps: [{sleep: 1s}]}"), @r"
    steps are repeated 1 to 10000 times, not 1000000
     --> soak.yaml:4:21
      |
    4 |   - repeat: {times: 1000000, steps: [{sleep: 1s}]}
      |                     ^^^^^^^
      |
      = help: write a number from 1 to 10000
    ");
}

#[test]
fn repeats_that_multiply() {
    insta::assert_snapshot!(seed("- repeat:\n      times: 1000\n      steps:\n        - repeat: {times: 1000, steps: [{sleep: 1s}]}"), @r"
    `seed[0].repeat` comes to 1000000 steps, all that it repeats with it
     --> soak.yaml:4:5
      |
    4 |   - repeat:
      |     ^^^^^^
      |
      = help: the most is 100000; what is done again and again belongs into `churn`
    ");
}

#[test]
fn users_that_multiply_repeats() {
    insta::assert_snapshot!(seed("- parallel: {users: 100, steps: [{repeat: {times: 10000, steps: [{get: {path: /}}]}}]}"), @r"
    `seed[0].parallel` comes to 1000000 steps, all that it repeats with it
     --> soak.yaml:4:5
      |
    4 |   - parallel: {users: 100, steps: [{repeat: {times: 10000, steps: [{get: {path: /}}]}}]}
      |     ^^^^^^^^
      |
      = help: the most is 100000; what is done again and again belongs into `churn`
    ");
}

#[test]
fn repeat_of_nothing() {
    insta::assert_snapshot!(seed("- repeat: {times: 5, steps: []}"), @r"
    the `repeat` has no steps
     --> soak.yaml:4:24
      |
    4 |   - repeat: {times: 5, steps: []}
      |                        ^^^^^
      |
      = help: add a step, or remove the `repeat`
    ");
}

#[test]
fn repeat_with_an_unknown_key() {
    insta::assert_snapshot!(seed("- repeat: {times: 5, name: n, steps: [{sleep: 1s}]}"), @r"
    unknown key `name` in `seed[0].repeat`
     --> soak.yaml:4:24
      |
    4 |   - repeat: {times: 5, name: n, steps: [{sleep: 1s}]}
      |                        ^^^^
      |
      = help: the keys of `seed[0].repeat` are `times`, `as` and `steps`
    ");
}

#[test]
fn repeat_with_a_name_of_two_words() {
    insta::assert_snapshot!(seed("- repeat: {times: 5, as: turn number, steps: [{sleep: 1s}]}"), @r"
    `turn number` cannot be used as a name
     --> soak.yaml:4:28
      |
    4 |   - repeat: {times: 5, as: turn number, steps: [{sleep: 1s}]}
      |                            ^^^^^^^^^^^
      |
      = help: use letters, digits and `_`, and begin with a letter
    ");
}

#[test]
fn loop_over_nothing() {
    insta::assert_snapshot!(seed("- for_each: {in: [], as: x, steps: [{sleep: 1s}]}"), @r"
    there is nothing to go through
     --> soak.yaml:4:16
      |
    4 |   - for_each: {in: [], as: x, steps: [{sleep: 1s}]}
      |                ^^
      |
      = help: write values: `in: [a, b]`
    ");
}

#[test]
fn loop_over_a_word() {
    insta::assert_snapshot!(seed("- for_each: {in: names, as: x, steps: [{sleep: 1s}]}"), @r#"
    `seed[0].for_each.in` is neither a list nor an expression
     --> soak.yaml:4:20
      |
    4 |   - for_each: {in: names, as: x, steps: [{sleep: 1s}]}
      |                    ^^^^^
      |
      = help: write `in: [a, b]`, or `in: "{{ names }}"` for a list that was captured
    "#);
}

#[test]
fn loop_over_a_mapping() {
    insta::assert_snapshot!(seed("- for_each: {in: {a: b}, as: x, steps: [{sleep: 1s}]}"), @r#"
    `seed[0].for_each.in` is neither a list nor an expression
     --> soak.yaml:4:16
      |
    4 |   - for_each: {in: {a: b}, as: x, steps: [{sleep: 1s}]}
      |                ^^
      |
      = help: write `in: [a, b]`, or `in: "{{ names }}"` for a list that was captured
    "#);
}

#[test]
fn loop_over_a_broken_expression() {
    insta::assert_snapshot!(seed("- for_each: {in: \"{{ names | }}\", as: x, steps: [{sleep: 1s}]}"), @r#"
    `seed[0].for_each.in`: not a valid expression: unexpected end of input, expected identifier
     --> soak.yaml:4:20
      |
    4 |   - for_each: {in: "{{ names | }}", as: x, steps: [{sleep: 1s}]}
      |                    ^^^^^^^^^^^^^^^
      |
      = help: write one expression, for example `{{ count > 5 and name == 'a' }}`
    "#);
}

#[test]
fn loop_over_broken_templates() {
    insta::assert_snapshot!(seed("- for_each: {in: [a, \"{{ b\"], as: x, steps: [{sleep: 1s}]}"), @r#"
    `seed[0].for_each.in[1]`: not a valid template: unexpected end of input, expected end of variable block
     --> soak.yaml:4:24
      |
    4 |   - for_each: {in: [a, "{{ b"], as: x, steps: [{sleep: 1s}]}
      |                        ^^^^^^
      |
      = help: templates are written `{{ name }}`; a literal `{{` is `{{ '{{' }}`
    "#);
}

#[test]
fn loop_without_a_name() {
    insta::assert_snapshot!(seed("- for_each: {in: [a], steps: [{sleep: 1s}]}"), @r"
    `as` is missing in `seed[0].for_each`
     --> soak.yaml:4:5
      |
    4 |   - for_each: {in: [a], steps: [{sleep: 1s}]}
      |     ^^^^^^^^
      |
      = help: add `as: …`
    ");
}

#[test]
fn loop_without_steps() {
    insta::assert_snapshot!(seed("- for_each: {in: [a], as: x}"), @r"
    `steps` is missing in `seed[0].for_each`
     --> soak.yaml:4:5
      |
    4 |   - for_each: {in: [a], as: x}
      |     ^^^^^^^^
      |
      = help: add `steps: …`
    ");
}

#[test]
fn loop_with_an_unknown_key() {
    insta::assert_snapshot!(seed("- for_each: {in: [a], as: x, do: []}"), @r"
    unknown key `do` in `seed[0].for_each`
     --> soak.yaml:4:32
      |
    4 |   - for_each: {in: [a], as: x, do: []}
      |                                ^^
      |
      = help: the keys of `seed[0].for_each` are `in`, `as` and `steps`
    ");
}

#[test]
fn too_many_users_at_once() {
    insta::assert_snapshot!(seed("- parallel: {users: 101, steps: [{sleep: 1s}]}"), @r"
    steps are taken by 1 to 100 users at once, not 101
     --> soak.yaml:4:23
      |
    4 |   - parallel: {users: 101, steps: [{sleep: 1s}]}
      |                       ^^^
      |
      = help: write a number from 1 to 100
    ");
}

#[test]
fn no_users_at_once() {
    insta::assert_snapshot!(seed("- parallel: {users: 0, steps: [{sleep: 1s}]}"), @r"
    steps are taken by 1 to 100 users at once, not 0
     --> soak.yaml:4:23
      |
    4 |   - parallel: {users: 0, steps: [{sleep: 1s}]}
      |                       ^
      |
      = help: write a number from 1 to 100
    ");
}

#[test]
fn users_with_an_unknown_key() {
    insta::assert_snapshot!(seed("- parallel: {times: 5, steps: [{sleep: 1s}]}"), @r"
    unknown key `times` in `seed[0].parallel`
     --> soak.yaml:4:16
      |
    4 |   - parallel: {times: 5, steps: [{sleep: 1s}]}
      |                ^^^^^
      |
      = help: the keys of `seed[0].parallel` are `users`, `as` and `steps`
    ");
}

#[test]
fn condition_that_is_broken() {
    insta::assert_snapshot!(seed("- when: {if: \"count >\", steps: [{sleep: 1s}]}"), @r#"
    `seed[0].when.if`: not a valid expression: unexpected end of input, expected expression
     --> soak.yaml:4:16
      |
    4 |   - when: {if: "count >", steps: [{sleep: 1s}]}
      |                ^^^^^^^^^
      |
      = help: write one expression, for example `{{ count > 5 and name == 'a' }}`
    "#);
}

#[test]
fn condition_of_two_expressions() {
    insta::assert_snapshot!(seed("- when: {if: \"{{ a }} and {{ b }}\", steps: [{sleep: 1s}]}"), @r#"
    `seed[0].when.if`: not a valid expression: unexpected input after expression
     --> soak.yaml:4:16
      |
    4 |   - when: {if: "{{ a }} and {{ b }}", steps: [{sleep: 1s}]}
      |                ^^^^^^^^^^^^^^^^^^^^^
      |
      = help: write one expression, for example `{{ count > 5 and name == 'a' }}`
    "#);
}

#[test]
fn condition_that_is_empty() {
    insta::assert_snapshot!(seed("- when: {if: \"{{ }}\", steps: [{sleep: 1s}]}"), @r#"
    `seed[0].when.if` is empty
     --> soak.yaml:4:16
      |
    4 |   - when: {if: "{{ }}", steps: [{sleep: 1s}]}
      |                ^^^^^^^
      |
      = help: write an expression: `{{ count > 5 }}`
    "#);
}

#[test]
fn condition_without_steps() {
    insta::assert_snapshot!(seed("- when: {if: a, steps: []}"), @r"
    the `when` has no steps
     --> soak.yaml:4:19
      |
    4 |   - when: {if: a, steps: []}
      |                   ^^^^^
      |
      = help: add a step, or remove the `when`
    ");
}

#[test]
fn condition_with_an_unknown_key() {
    insta::assert_snapshot!(seed("- when: {if: a, then: [], steps: [{sleep: 1s}]}"), @r"
    unknown key `then` in `seed[0].when`
     --> soak.yaml:4:19
      |
    4 |   - when: {if: a, then: [], steps: [{sleep: 1s}]}
      |                   ^^^^
      |
      = help: the keys of `seed[0].when` are `if`, `steps` and `else`
    ");
}

#[test]
fn waiting_for_a_websocket() {
    insta::assert_snapshot!(seed("- wait_until: {step: {ws: {path: /}}}"), @r"
    only a request or a command can be waited for, and this is a `ws`
     --> soak.yaml:4:25
      |
    4 |   - wait_until: {step: {ws: {path: /}}}
      |                         ^^
      |
      = help: write one of `get`, `post`, `put`, `patch`, `delete` and `exec`, with what it must `expect`
    ");
}

#[test]
fn waiting_for_nothing() {
    insta::assert_snapshot!(seed("- wait_until: {step: {}}"), @r"
    the step does nothing
     --> soak.yaml:4:18
      |
    4 |   - wait_until: {step: {}}
      |                  ^^^^
      |
      = help: write one of `get`, `post`, `put`, `patch`, `delete`, `ws`, `send`, `await`, `ping`, `sse`, `exec`, `signal`, `restart`, `pause`, `unpause`, `sleep`, `log`, `wait_until`, `repeat`, `for_each`, `parallel`, `when`, `include` and `probe`
    ");
}

#[test]
fn steps_nested_too_deep() {
    // One file cannot nest so deep; files within files can.
    let folder = tempfile::tempdir().unwrap();
    for at in 1..=9 {
        let inner = if at == 9 { "{sleep: 1s}".to_owned() } else { format!("{{include: f{}.yaml}}", at + 1) };
        let steps = (0..3).fold(inner, |inner, _| format!("{{when: {{if: a, steps: [{inner}]}}}}"));
        std::fs::write(folder.path().join(format!("f{at}.yaml")), format!("steps: [{steps}]\n")).unwrap();
    }
    let text = with("seed: [{include: f1.yaml}]\n");
    let error = parse(&folder.path().join("soak.yaml"), &text, &Overrides::default(), &env).unwrap_err().to_string();
    insta::assert_snapshot!(error.replace(&folder.path().display().to_string(), "DIR"), @r"
    steps are nested more than 32 deep, those of included files with them
     --> DIR/f9.yaml:1:10
      |
    1 | steps: [{when: {if: a, steps: [{when: {if: a, steps: [{when: {if: a, steps: [{sleep: 1s}]}}]}}]}}]
      |          ^^^^
      |
      = help: nest less deeply
    ");
}

#[test]
fn users_within_users() {
    insta::assert_snapshot!(seed("- parallel: {users: 20, steps: [{parallel: {users: 20, steps: [{sleep: 1s}]}}]}"), @r"
    a `parallel` within another one comes to 400 users at once
     --> soak.yaml:4:54
      |
    4 |   - parallel: {users: 20, steps: [{parallel: {users: 20, steps: [{sleep: 1s}]}}]}
      |                                                      ^^
      |
      = help: the most is 100, all of them together
    ");
}

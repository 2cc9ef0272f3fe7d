//! What is said of flow files that cannot be included.

use super::*;

/// The message on a scenario whose seed is these steps, beside these files.
fn including(seed: &str, files: &[(&str, &str)]) -> String {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let path = folder.path().join("a.yaml");
    let text = with(&format!("seed: [{seed}]\n"));
    std::fs::write(&path, &text).unwrap();
    let error = load(&path, &Overrides::default(), &env).unwrap_err().to_string();
    error.replace(&folder.path().display().to_string(), "DIR")
}

#[test]
fn file_that_is_missing() {
    insta::assert_snapshot!(including("{include: flows/login.yaml}", &[]), @r"
    `seed[0].include`: the file of steps does not exist
     --> DIR/a.yaml:3:18
      |
    3 | seed: [{include: flows/login.yaml}]
      |                  ^^^^^^^^^^^^^^^^
      |
      = help: it was looked for at `DIR/flows/login.yaml`; paths count from the folder of this file
    ");
}

#[test]
fn folder() {
    insta::assert_snapshot!(including("{include: .}", &[]), @r"
    `seed[0].include`: the file of steps is no regular file
     --> DIR/a.yaml:3:18
      |
    3 | seed: [{include: .}]
      |                  ^
      |
      = help: it was looked for at `DIR/.`; paths count from the folder of this file
    ");
}

#[test]
fn nothing() {
    insta::assert_snapshot!(including("{include: \"\"}", &[]), @r#"
    `seed[0].include` is empty
     --> DIR/a.yaml:3:18
      |
    3 | seed: [{include: ""}]
      |                  ^^
      |
      = help: give it a value, or remove the line
    "#);
}

#[test]
fn a_list_of_files() {
    insta::assert_snapshot!(including("{include: [b.yaml]}", &[]), @r"
    `seed[0].include`: expected a single value or a mapping, found a list
     --> DIR/a.yaml:3:9
      |
    3 | seed: [{include: [b.yaml]}]
      |         ^^^^^^^
      |
      = help: write a single value or a mapping
    ");
}

#[test]
fn unknown_key() {
    insta::assert_snapshot!(including("{include: {path: b.yaml}}", &[("b.yaml", "steps: [{sleep: 1s}]\n")]), @r"
    unknown key `path` in `seed[0].include`
     --> DIR/a.yaml:3:19
      |
    3 | seed: [{include: {path: b.yaml}}]
      |                   ^^^^
      |
      = help: the keys of `seed[0].include` are `file` and `with`
    ");
}

#[test]
fn value_with_a_name_of_two_words() {
    insta::assert_snapshot!(including("{include: {file: b.yaml, with: {a-b: c}}}", &[("b.yaml", "steps: [{sleep: 1s}]\n")]), @r"
    `a-b` cannot be used as a name
     --> DIR/a.yaml:3:40
      |
    3 | seed: [{include: {file: b.yaml, with: {a-b: c}}}]
      |                                        ^^^
      |
      = help: use letters, digits and `_`, and begin with a letter
    ");
}

#[test]
fn value_with_a_broken_template() {
    insta::assert_snapshot!(including("{include: {file: b.yaml, with: {a: ['{{ b']}}}", &[("b.yaml", "steps: [{sleep: 1s}]\n")]), @r"
    `seed[0].include.with.a[0]`: not a valid template: unexpected end of input, expected end of variable block
     --> DIR/a.yaml:3:44
      |
    3 | seed: [{include: {file: b.yaml, with: {a: ['{{ b']}}}]
      |                                            ^^^^^^
      |
      = help: templates are written `{{ name }}`; a literal `{{` is `{{ '{{' }}`
    ");
}

#[test]
fn value_that_is_a_list() {
    insta::assert_snapshot!(including("{include: {file: b.yaml, with: [a]}}", &[("b.yaml", "steps: [{sleep: 1s}]\n")]), @r"
    `seed[0].include.with`: expected a mapping of names to values, found a list
     --> DIR/a.yaml:3:33
      |
    3 | seed: [{include: {file: b.yaml, with: [a]}}]
      |                                 ^^^^
      |
      = help: write `name: value`, one on a line
    ");
}

#[test]
fn file_that_includes_itself() {
    insta::assert_snapshot!(including("{include: b.yaml}", &[("b.yaml", "steps:\n  - include: b.yaml\n")]), @r"
    files include each other: b.yaml → b.yaml
     --> DIR/b.yaml:2:14
      |
    2 |   - include: b.yaml
      |              ^^^^^^
      |
      = help: take one of these includes away; `repeat` takes steps several times
    ");
}

#[test]
fn file_that_includes_the_scenario() {
    insta::assert_snapshot!(including("{include: b.yaml}", &[("b.yaml", "steps:\n  - include: a.yaml\n")]), @r"
    files include each other: a.yaml → b.yaml → a.yaml
     --> DIR/b.yaml:2:14
      |
    2 |   - include: a.yaml
      |              ^^^^^^
      |
      = help: take one of these includes away; `repeat` takes steps several times
    ");
}

#[test]
fn cycle_over_folders() {
    insta::assert_snapshot!(including("{include: flows/b.yaml}", &[("flows/b.yaml", "steps:\n  - repeat: {times: 2, steps: [{include: more/c.yaml}]}\n"), ("flows/more/c.yaml", "steps:\n  - sleep: 1s\n  - include: ../b.yaml\n")]), @r"
    files include each other: flows/b.yaml → flows/more/c.yaml → flows/b.yaml
     --> DIR/flows/more/c.yaml:3:14
      |
    3 |   - include: ../b.yaml
      |              ^^^^^^^^^
      |
      = help: take one of these includes away; `repeat` takes steps several times
    ");
}

#[test]
fn scenario_for_a_flow() {
    insta::assert_snapshot!(including("{include: b.yaml}", &[("b.yaml", "name: app\ntarget: {image: app}\n")]), @r"
    unknown key `name` in the flow file
     --> DIR/b.yaml:1:1
      |
    1 | name: app
      | ^^^^
      |
      = help: the keys of the flow file are `steps`
    ");
}

#[test]
fn empty_file() {
    insta::assert_snapshot!(including("{include: b.yaml}", &[("b.yaml", "")]), @r"
    the file is empty
     --> DIR/b.yaml:1:1
      |
    1 |
      | ^
      |
      = help: the least it needs: `steps: [{get: {path: /}}]`
    ");
}

#[test]
fn list_for_a_mapping() {
    insta::assert_snapshot!(including("{include: b.yaml}", &[("b.yaml", "- sleep: 1s\n")]), @r"
    the flow file is not a mapping of keys
     --> DIR/b.yaml:1:1
      |
    1 | - sleep: 1s
      | ^
      |
      = help: write keys with values: `steps: [{get: {path: /}}]`
    ");
}

#[test]
fn file_without_steps() {
    insta::assert_snapshot!(including("{include: b.yaml}", &[("b.yaml", "steps: []\n")]), @r"
    the flow file has no steps
     --> DIR/b.yaml:1:1
      |
    1 | steps: []
      | ^^^^^
      |
      = help: add a step, or remove the `include` of the file
    ");
}

#[test]
fn unknown_step_in_a_file() {
    insta::assert_snapshot!(including("{include: b.yaml}", &[("b.yaml", "steps:\n  - gett: {path: /}\n")]), @r"
    unknown key `gett` in `steps[0]`
     --> DIR/b.yaml:2:5
      |
    2 |   - gett: {path: /}
      |     ^^^^
      |
      = help: did you mean `get`? The keys of `steps[0]` are `get`, `post`, `put`, `patch`, `delete`, `ws`, `send`, `await`, `ping`, `sse`, `exec`, `signal`, `restart`, `pause`, `unpause`, `sleep`, `log`, `wait_until`, `repeat`, `for_each`, `parallel`, `when`, `include` and `probe`
    ");
}

#[test]
fn bad_step_in_a_file() {
    insta::assert_snapshot!(including("{include: flows/b.yaml}", &[("flows/b.yaml", "steps:\n  - sleep: 1s\n  - repeat: {times: 2, steps: [{get: {path: /, port: 90}}]}\n")]), @r"
    the port 90 is not published
     --> DIR/flows/b.yaml:3:54
      |
    3 |   - repeat: {times: 2, steps: [{get: {path: /, port: 90}}]}
      |                                                      ^^
      |
      = help: write `publish: [80, 90]` in `target`
    ");
}

#[test]
fn missing_body_of_a_file() {
    insta::assert_snapshot!(including("{include: flows/b.yaml}", &[("body.bin", "x"), ("flows/b.yaml", "steps: [{post: {path: /, body_file: body.bin}}]\n")]), @r"
    `steps[0].post.body_file`: the file to send does not exist
     --> DIR/flows/b.yaml:1:37
      |
    1 | steps: [{post: {path: /, body_file: body.bin}}]
      |                                     ^^^^^^^^
      |
      = help: it was looked for at `DIR/flows/body.bin`; paths count from the folder of this file
    ");
}

#[test]
fn message_without_a_websocket_in_a_file() {
    insta::assert_snapshot!(including("{include: b.yaml}", &[("b.yaml", "steps: [{send: {text: a}}]\n")]), @r"
    no WebSocket is open for this `send`
     --> DIR/b.yaml:1:10
      |
    1 | steps: [{send: {text: a}}]
      |          ^^^^
      |
      = help: write it into the steps of one: `ws: {path: /, steps: [{send: …}]}`
    ");
}

/// A file for each letter, each of which includes the next one.
fn chain(length: u32, times: usize) -> Vec<(String, String)> {
    let name = |at: u32| format!("f{at}.yaml");
    let more = |at: u32| format!("steps: [{}]\n", vec![format!("{{include: {}}}", name(at + 1)); times].join(", "));
    let last = (name(length), "steps: [{sleep: 1s}]\n".to_owned());
    (1..length).map(|at| (name(at), more(at))).chain([last]).collect()
}

fn borrowed(files: &[(String, String)]) -> Vec<(&str, &str)> {
    files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect()
}

#[test]
fn too_many_files_within_files() {
    insta::assert_snapshot!(including("{include: f1.yaml}", &borrowed(&chain(17, 1))), @r"
    files include each other more than 16 deep
     --> DIR/f16.yaml:1:19
      |
    1 | steps: [{include: f17.yaml}]
      |                   ^^^^^^^^
      |
      = help: put the steps together into fewer files
    ");
}

/// Twelve small files that come to 4,095 steps.
#[test]
fn files_that_multiply() {
    insta::assert_snapshot!(including("{include: f1.yaml}", &borrowed(&chain(12, 2))), @r"
    there are more than 2000 steps, those of included files with them
     --> DIR/f12.yaml:1:10
      |
    1 | steps: [{sleep: 1s}]
      |          ^^^^^
      |
      = help: write a `repeat` or a `for_each` around steps that are alike
    ");
}

//! What is said of values that cannot be taken.

use super::*;

#[test]
fn capture_that_says_nothing() {
    insta::assert_snapshot!(seed("- get: {path: /, capture: {a: {}}}"), @r#"
    `seed[0].get.capture.a` does not say where the value stands
     --> soak.yaml:4:30
      |
    4 |   - get: {path: /, capture: {a: {}}}
      |                              ^
      |
      = help: add one of `json: "$.name"`, `css: "input[name=x]"`, `regex: 'id=(\d+)'` and others
    "#);
}

#[test]
fn capture_in_two_ways() {
    insta::assert_snapshot!(seed("- get: {path: /, capture: {a: {header: x, cookie: y}}}"), @r"
    `seed[0].get.capture.a` is taken in two ways
     --> soak.yaml:4:30
      |
    4 |   - get: {path: /, capture: {a: {header: x, cookie: y}}}
      |                              ^
      |
      = help: keep one of `header` and `cookie`
    ");
}

#[test]
fn capture_with_an_unknown_key() {
    insta::assert_snapshot!(seed("- get: {path: /, capture: {a: {xpath: //a}}}"), @r"
    unknown key `xpath` in `seed[0].get.capture.a`
     --> soak.yaml:4:34
      |
    4 |   - get: {path: /, capture: {a: {xpath: //a}}}
      |                                  ^^^^^
      |
      = help: the keys of `seed[0].get.capture.a` are `json`, `css`, `attr`, `regex`, `header`, `cookie`, `status` and `all`
    ");
}

#[test]
fn capture_that_is_text() {
    insta::assert_snapshot!(seed("- get: {path: /, capture: {a: $.x}}"), @r"
    `seed[0].get.capture.a`: expected a mapping such as `{json: $.name}`, found the text `$.x`
     --> soak.yaml:4:33
      |
    4 |   - get: {path: /, capture: {a: $.x}}
      |                                 ^^^
      |
      = help: write a mapping such as `{json: $.name}`
    ");
}

#[test]
fn capture_of_two_groups() {
    insta::assert_snapshot!(seed("- get: {path: /, capture: {a: {regex: '(a)(b)'}}}"), @r"
    `seed[0].get.capture.a.regex` has 2 groups, and takes one value
     --> soak.yaml:4:41
      |
    4 |   - get: {path: /, capture: {a: {regex: '(a)(b)'}}}
      |                                         ^^^^^^^^
      |
      = help: keep the group around what is taken, and write the others as `(?:…)`
    ");
}

#[test]
fn capture_of_a_broken_regex() {
    insta::assert_snapshot!(seed("- get: {path: /, capture: {a: {regex: '(a'}}}"), @r"
    `seed[0].get.capture.a.regex` is not a regular expression: unclosed group
     --> soak.yaml:4:41
      |
    4 |   - get: {path: /, capture: {a: {regex: '(a'}}}
      |                                         ^^^^
      |
      = help: check brackets and backslashes; in double quotes YAML wants `\\` for `\`, in single quotes not
    ");
}

#[test]
fn attribute_of_a_regex() {
    insta::assert_snapshot!(seed("- get: {path: /, capture: {a: {regex: 'a', attr: b}}}"), @r"
    `attr` does not go with `regex`
     --> soak.yaml:4:46
      |
    4 |   - get: {path: /, capture: {a: {regex: 'a', attr: b}}}
      |                                              ^^^^
      |
      = help: remove it
    ");
}

#[test]
fn list_of_a_cookie() {
    insta::assert_snapshot!(seed("- get: {path: /, capture: {a: {cookie: b, all: true}}}"), @r"
    `all` does not go with `cookie`
     --> soak.yaml:4:45
      |
    4 |   - get: {path: /, capture: {a: {cookie: b, all: true}}}
      |                                             ^^^
      |
      = help: remove it; there is one cookie at most
    ");
}

#[test]
fn status_that_is_not_wanted() {
    insta::assert_snapshot!(seed("- get: {path: /, capture: {a: {status: false}}}"), @r"
    `status` can only be `true`
     --> soak.yaml:4:42
      |
    4 |   - get: {path: /, capture: {a: {status: false}}}
      |                                          ^^^^^
      |
      = help: write `status: true`, or take another value
    ");
}

#[test]
fn header_with_a_colon() {
    insta::assert_snapshot!(seed("- get: {path: /, capture: {a: {header: 'location:'}}}"), @r"
    `location:` cannot be the name of a header
     --> soak.yaml:4:42
      |
    4 |   - get: {path: /, capture: {a: {header: 'location:'}}}
      |                                          ^^^^^^^^^^^
      |
      = help: write the name alone, for example `location`
    ");
}

#[test]
fn cookie_with_a_value() {
    insta::assert_snapshot!(seed("- get: {path: /, capture: {a: {cookie: 'a=b'}}}"), @r"
    `a=b` cannot be the name of a cookie
     --> soak.yaml:4:42
      |
    4 |   - get: {path: /, capture: {a: {cookie: 'a=b'}}}
      |                                          ^^^^^
      |
      = help: write the name alone, for example `sessionid`
    ");
}

#[test]
fn header_of_a_command() {
    insta::assert_snapshot!(seed("- exec: {command: [a], capture: {a: {header: b}}}"), @r"
    the output of a command has no header to be taken
     --> soak.yaml:4:40
      |
    4 |   - exec: {command: [a], capture: {a: {header: b}}}
      |                                        ^^^^^^
      |
      = help: write one of `json`, `css`, `regex` and `status`
    ");
}

#[test]
fn status_of_a_line() {
    insta::assert_snapshot!(seed("- log: {matches: a, capture: {a: {status: true}}}"), @r"
    a line of the log has no status to be taken
     --> soak.yaml:4:37
      |
    4 |   - log: {matches: a, capture: {a: {status: true}}}
      |                                     ^^^^^^
      |
      = help: write one of `json`, `css` and `regex`
    ");
}

#[test]
fn cookie_of_an_event() {
    insta::assert_snapshot!(seed("- sse: {path: /, capture: {a: {cookie: b}}}"), @r"
    an event has no cookie to be taken
     --> soak.yaml:4:34
      |
    4 |   - sse: {path: /, capture: {a: {cookie: b}}}
      |                                  ^^^^^^
      |
      = help: write one of `json`, `css` and `regex`
    ");
}

#[test]
fn capture_with_a_name_of_two_words() {
    insta::assert_snapshot!(seed("- get: {path: /, capture: {a-b: {status: true}}}"), @r"
    `a-b` cannot be used as a name
     --> soak.yaml:4:30
      |
    4 |   - get: {path: /, capture: {a-b: {status: true}}}
      |                              ^^^
      |
      = help: use letters, digits and `_`, and begin with a letter
    ");
}

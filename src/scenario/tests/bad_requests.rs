//! What is said of requests that cannot be made.

use super::*;

#[test]
fn text_body_and_file() {
    insta::assert_snapshot!(seed("- post: {path: /, body: x, body_file: y}"), @r"
    a request has one body, and this one has both `body` and `body_file`
     --> soak.yaml:4:30
      |
    4 |   - post: {path: /, body: x, body_file: y}
      |                              ^^^^^^^^^
      |
      = help: keep one of them
    ");
}

#[test]
fn three_bodies() {
    insta::assert_snapshot!(seed("- put: {path: /, multipart: [], json: 1, body: x}"), @r"
    a request has one body, and this one has both `json` and `multipart`
     --> soak.yaml:4:35
      |
    4 |   - put: {path: /, multipart: [], json: 1, body: x}
      |                                   ^^^^
      |
      = help: keep one of them
    ");
}

#[test]
fn get_with_a_form() {
    insta::assert_snapshot!(seed("- get: {path: /, form: {a: b}}"), @r"
    a `get` sends no body
     --> soak.yaml:4:20
      |
    4 |   - get: {path: /, form: {a: b}}
      |                    ^^^^
      |
      = help: write `post`, or put it into the query: `query: {q: x}`
    ");
}

#[test]
fn body_file_that_is_missing() {
    insta::assert_snapshot!(seed("- post: {path: /, body_file: up/load.bin}"), @r"
    `seed[0].post.body_file`: the file to send does not exist
     --> soak.yaml:4:32
      |
    4 |   - post: {path: /, body_file: up/load.bin}
      |                                ^^^^^^^^^^^
      |
      = help: it was looked for at `up/load.bin`; paths count from the folder of this file
    ");
}

#[test]
fn body_file_that_is_a_folder() {
    insta::assert_snapshot!(seed("- post: {path: /, body_file: .}"), @r"
    `seed[0].post.body_file`: the file to send is no regular file
     --> soak.yaml:4:32
      |
    4 |   - post: {path: /, body_file: .}
      |                                ^
      |
      = help: it was looked for at `.`; paths count from the folder of this file
    ");
}

#[test]
fn multipart_without_parts() {
    insta::assert_snapshot!(seed("- post: {path: /, multipart: []}"), @r"
    the body has no parts
     --> soak.yaml:4:21
      |
    4 |   - post: {path: /, multipart: []}
      |                     ^^^^^^^^^
      |
      = help: write `multipart: [{name: …, text: …}]`
    ");
}

#[test]
fn multipart_that_is_a_mapping() {
    insta::assert_snapshot!(seed("- post: {path: /, multipart: {name: a}}"), @r"
    `seed[0].post.multipart`: expected a list, found a mapping
     --> soak.yaml:4:21
      |
    4 |   - post: {path: /, multipart: {name: a}}
      |                     ^^^^^^^^^
      |
      = help: write a list: begin every item with `- `
    ");
}

#[test]
fn part_that_holds_nothing() {
    insta::assert_snapshot!(seed("- post: {path: /, multipart: [{name: a}]}"), @r"
    `seed[0].post.multipart[0]` holds nothing
     --> soak.yaml:4:33
      |
    4 |   - post: {path: /, multipart: [{name: a}]}
      |                                 ^
      |
      = help: add `text: …` or `file: PATH`
    ");
}

#[test]
fn part_that_holds_two_things() {
    insta::assert_snapshot!(seed("- post: {path: /, multipart: [{name: a, text: b, file: c}]}"), @r"
    `seed[0].post.multipart[0]` holds both a text and a file
     --> soak.yaml:4:33
      |
    4 |   - post: {path: /, multipart: [{name: a, text: b, file: c}]}
      |                                 ^
      |
      = help: keep one of `text` and `file`
    ");
}

#[test]
fn part_without_a_name() {
    insta::assert_snapshot!(seed("- post: {path: /, multipart: [{text: b}]}"), @r"
    `name` is missing in `seed[0].post.multipart[0]`
     --> soak.yaml:4:33
      |
    4 |   - post: {path: /, multipart: [{text: b}]}
      |                                 ^
      |
      = help: add `name: …`
    ");
}

#[test]
fn part_with_an_unknown_key() {
    insta::assert_snapshot!(seed("- post: {path: /, multipart: [{name: a, text: b, type: c}]}"), @r"
    unknown key `type` in `seed[0].post.multipart[0]`
     --> soak.yaml:4:52
      |
    4 |   - post: {path: /, multipart: [{name: a, text: b, type: c}]}
      |                                                    ^^^^
      |
      = help: the keys of `seed[0].post.multipart[0]` are `name`, `text`, `file`, `filename` and `content_type`
    ");
}

#[test]
fn multipart_with_a_type_of_its_own() {
    insta::assert_snapshot!(seed("- post: {path: /, headers: {Content-Type: multipart/form-data}, multipart: [{name: a, text: b}]}"), @r"
    the header `Content-Type` does not go with `multipart`
     --> soak.yaml:4:31
      |
    4 |   - post: {path: /, headers: {Content-Type: multipart/form-data}, multipart: [{name: a, text: b}]}
      |                               ^^^^^^^^^^^^
      |
      = help: remove it: slowdrip sets it, with the boundary between the parts
    ");
}

#[test]
fn too_many_redirects() {
    insta::assert_snapshot!(seed("- get: {path: /, redirects: 21}"), @r"
    21 redirects are too many to follow
     --> soak.yaml:4:31
      |
    4 |   - get: {path: /, redirects: 21}
      |                               ^^
      |
      = help: write a number from 0 to 20
    ");
}

#[test]
fn redirects_without_a_number() {
    insta::assert_snapshot!(seed("- get: {path: /, redirects: yes}"), @r"
    `seed[0].get.redirects`: expected a whole number from 0 on, found the text `yes`
     --> soak.yaml:4:31
      |
    4 |   - get: {path: /, redirects: yes}
      |                               ^^^
      |
      = help: write a whole number from 0 on
    ");
}

#[test]
fn retry_for_ever() {
    insta::assert_snapshot!(seed("- get: {path: /, retry: {times: 1000}}"), @r"
    a request is tried again 1 to 20 times, not 1000
     --> soak.yaml:4:35
      |
    4 |   - get: {path: /, retry: {times: 1000}}
      |                                   ^^^^
      |
      = help: write a number from 1 to 20, or remove the `retry`
    ");
}

#[test]
fn retry_never() {
    insta::assert_snapshot!(seed("- get: {path: /, retry: {times: 0}}"), @r"
    a request is tried again 1 to 20 times, not 0
     --> soak.yaml:4:35
      |
    4 |   - get: {path: /, retry: {times: 0}}
      |                                   ^
      |
      = help: write a number from 1 to 20, or remove the `retry`
    ");
}

#[test]
fn retry_with_an_unknown_key() {
    insta::assert_snapshot!(seed("- get: {path: /, retry: {tries: 3}}"), @r"
    unknown key `tries` in `seed[0].get.retry`
     --> soak.yaml:4:28
      |
    4 |   - get: {path: /, retry: {tries: 3}}
      |                            ^^^^^
      |
      = help: did you mean `times`? The keys of `seed[0].get.retry` are `times`, `backoff`, `most` and `status`
    ");
}

#[test]
fn retry_whose_first_rest_is_the_longest() {
    insta::assert_snapshot!(seed("- get: {path: /, retry: {backoff: 1m}}"), @r"
    the first rest of 1m is longer than the longest, 10s
     --> soak.yaml:4:37
      |
    4 |   - get: {path: /, retry: {backoff: 1m}}
      |                                     ^^
      |
      = help: write a shorter `backoff`, or a longer `most`
    ");
}

#[test]
fn retry_on_no_status() {
    insta::assert_snapshot!(seed("- get: {path: /, retry: {status: []}}"), @r"
    no status is named
     --> soak.yaml:4:28
      |
    4 |   - get: {path: /, retry: {status: []}}
      |                            ^^^^^^
      |
      = help: write one, or remove the line
    ");
}

#[test]
fn status_class_that_is_none() {
    insta::assert_snapshot!(seed("- get: {path: /, expect: {status: 6xx}}"), @r"
    `6xx` is not an HTTP status
     --> soak.yaml:4:37
      |
    4 |   - get: {path: /, expect: {status: 6xx}}
      |                                     ^^^
      |
      = help: write a number from 100 to 599, or a class such as `2xx`
    ");
}

#[test]
fn status_in_words() {
    insta::assert_snapshot!(seed("- get: {path: /, expect: {status: ok}}"), @r"
    `ok` is not an HTTP status
     --> soak.yaml:4:37
      |
    4 |   - get: {path: /, expect: {status: ok}}
      |                                     ^^
      |
      = help: write a number from 100 to 599, or a class such as `2xx`
    ");
}

#[test]
fn latency_without_a_unit() {
    insta::assert_snapshot!(seed("- get: {path: /, expect: {latency: 500}}"), @r"
    `seed[0].get.expect.latency`: `500` has no unit
     --> soak.yaml:4:38
      |
    4 |   - get: {path: /, expect: {latency: 500}}
      |                                      ^^^
      |
      = help: did you mean `500s` or `500m`?
    ");
}

#[test]
fn expectation_with_an_unknown_key() {
    insta::assert_snapshot!(seed("- get: {path: /, expect: {mathces: x}}"), @r"
    unknown key `mathces` in `seed[0].get.expect`
     --> soak.yaml:4:29
      |
    4 |   - get: {path: /, expect: {mathces: x}}
      |                             ^^^^^^^
      |
      = help: did you mean `matches`? The keys of `seed[0].get.expect` are `status`, `header`, `json`, `contains`, `matches` and `latency`
    ");
}

#[test]
fn expectation_of_a_broken_regex() {
    insta::assert_snapshot!(seed("- get: {path: /, expect: {matches: \"(\"}}"), @r#"
    `seed[0].get.expect.matches` is not a regular expression: unclosed group
     --> soak.yaml:4:38
      |
    4 |   - get: {path: /, expect: {matches: "("}}
      |                                      ^^^
      |
      = help: check brackets and backslashes; in double quotes YAML wants `\\` for `\`, in single quotes not
    "#);
}

#[test]
fn expectation_of_an_empty_regex() {
    insta::assert_snapshot!(seed("- get: {path: /, expect: {matches: \"\"}}"), @r#"
    `seed[0].get.expect.matches` is empty
     --> soak.yaml:4:38
      |
    4 |   - get: {path: /, expect: {matches: ""}}
      |                                      ^^
      |
      = help: give it a value, or remove the line
    "#);
}

#[test]
fn json_expectation_of_a_broken_regex() {
    insta::assert_snapshot!(seed("- get: {path: /, expect: {json: {$.a: {matches: \"[\"}}}}"), @r#"
    `seed[0].get.expect.json.$.a.matches` is not a regular expression: unclosed character class
     --> soak.yaml:4:51
      |
    4 |   - get: {path: /, expect: {json: {$.a: {matches: "["}}}}
      |                                                   ^^^
      |
      = help: check brackets and backslashes; in double quotes YAML wants `\\` for `\`, in single quotes not
    "#);
}

#[test]
fn json_expectation_of_text_for_a_number() {
    insta::assert_snapshot!(seed("- get: {path: /, expect: {json: {$.a: {at_most: \"5\"}}}}"), @r#"
    `at_most` needs a number
     --> soak.yaml:4:51
      |
    4 |   - get: {path: /, expect: {json: {$.a: {at_most: "5"}}}}
      |                                                   ^^^
      |
      = help: write a number, without quotes
    "#);
}

#[test]
fn json_expectation_of_nothing() {
    insta::assert_snapshot!(seed("- get: {path: /, expect: {json: {$.a: {}}}}"), @r"
    `seed[0].get.expect.json.$.a` does not say what to expect
     --> soak.yaml:4:36
      |
    4 |   - get: {path: /, expect: {json: {$.a: {}}}}
      |                                    ^^^
      |
      = help: write a value, `{at_least: 5}`, `{at_most: 9}`, `{matches: REGEX}`, `{exists: true}`, or `{equals: {…}}` for a whole object
    ");
}

#[test]
fn exit_code_of_a_request() {
    insta::assert_snapshot!(seed("- get: {path: /, expect: {exit: 0}}"), @r"
    unknown key `exit` in `seed[0].get.expect`
     --> soak.yaml:4:29
      |
    4 |   - get: {path: /, expect: {exit: 0}}
      |                             ^^^^
      |
      = help: the keys of `seed[0].get.expect` are `status`, `header`, `json`, `contains`, `matches` and `latency`
    ");
}

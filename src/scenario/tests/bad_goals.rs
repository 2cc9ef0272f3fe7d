//! What is said of requests that would go nowhere.

use super::*;

#[test]
fn query_that_is_a_list() {
    insta::assert_snapshot!(seed("- get: {path: /, query: [a]}"), @r"
    `seed[0].get.query`: expected a mapping of names to values, found a list
     --> soak.yaml:4:20
      |
    4 |   - get: {path: /, query: [a]}
      |                    ^^^^^
      |
      = help: write `name: value`, one on a line
    ");
}

#[test]
fn query_of_mappings() {
    insta::assert_snapshot!(seed("- get: {path: /, query: {a: {b: c}}}"), @r"
    `seed[0].get.query.a`: expected a single value or a list, found a mapping
     --> soak.yaml:4:28
      |
    4 |   - get: {path: /, query: {a: {b: c}}}
      |                            ^
      |
      = help: write a single value or a list
    ");
}

#[test]
fn tls_that_is_a_word() {
    insta::assert_snapshot!(seed("- get: {path: /, tls: on}"), @r"
    `seed[0].get.tls`: `on` is neither `true` nor a mapping
     --> soak.yaml:4:25
      |
    4 |   - get: {path: /, tls: on}
      |                         ^^
      |
      = help: write `tls: true`, or `tls: {ca: FILE}` for a certificate of your own
    ");
}

#[test]
fn tls_with_an_unknown_key() {
    insta::assert_snapshot!(seed("- get: {path: /, tls: {insecure: true}}"), @r"
    unknown key `insecure` in `seed[0].get.tls`
     --> soak.yaml:4:26
      |
    4 |   - get: {path: /, tls: {insecure: true}}
      |                          ^^^^^^^^
      |
      = help: the keys of `seed[0].get.tls` are `ca`, `verify` and `name`
    ");
}

#[test]
fn tls_with_a_missing_certificate() {
    insta::assert_snapshot!(seed("- get: {path: /, tls: {ca: ca.pem}}"), @r"
    `seed[0].get.tls.ca`: the file of certificates does not exist
     --> soak.yaml:4:30
      |
    4 |   - get: {path: /, tls: {ca: ca.pem}}
      |                              ^^^^^^
      |
      = help: it was looked for at `ca.pem`; paths count from the folder of this file
    ");
}

#[test]
fn tls_with_an_address_for_a_name() {
    insta::assert_snapshot!(seed("- get: {path: /, tls: {name: \"https://app\"}}"), @r#"
    `https://app` cannot be the name of a host
     --> soak.yaml:4:32
      |
    4 |   - get: {path: /, tls: {name: "https://app"}}
      |                                ^^^^^^^^^^^^^
      |
      = help: write the host's name alone, for example `name: app.example`
    "#);
}

#[test]
fn auth_that_says_nothing() {
    insta::assert_snapshot!(seed("- get: {path: /, auth: {}}"), @r"
    `seed[0].get.auth` does not say who asks
     --> soak.yaml:4:20
      |
    4 |   - get: {path: /, auth: {}}
      |                    ^^^^
      |
      = help: write `auth: {basic: {user: …, password: …}}` or `auth: {bearer: …}`
    ");
}

#[test]
fn auth_in_two_ways() {
    insta::assert_snapshot!(seed("- get: {path: /, auth: {bearer: a, basic: {user: b, password: c}}}"), @r"
    a request has one `auth`
     --> soak.yaml:4:20
      |
    4 |   - get: {path: /, auth: {bearer: a, basic: {user: b, password: c}}}
      |                    ^^^^
      |
      = help: keep one of `basic` and `bearer`
    ");
}

#[test]
fn auth_beside_its_header() {
    insta::assert_snapshot!(seed("- get: {path: /, headers: {Authorization: x}, auth: {bearer: a}}"), @r"
    both `auth` and the header `authorization` say who asks
     --> soak.yaml:4:49
      |
    4 |   - get: {path: /, headers: {Authorization: x}, auth: {bearer: a}}
      |                                                 ^^^^
      |
      = help: keep one of them
    ");
}

#[test]
fn auth_without_a_password() {
    insta::assert_snapshot!(seed("- get: {path: /, auth: {basic: {user: b}}}"), @r"
    `password` is missing in `seed[0].get.auth.basic`
     --> soak.yaml:4:27
      |
    4 |   - get: {path: /, auth: {basic: {user: b}}}
      |                           ^^^^^
      |
      = help: add `password: …`
    ");
}

#[test]
fn auth_with_an_unknown_key() {
    insta::assert_snapshot!(seed("- get: {path: /, auth: {token: a}}"), @r"
    unknown key `token` in `seed[0].get.auth`
     --> soak.yaml:4:27
      |
    4 |   - get: {path: /, auth: {token: a}}
      |                           ^^^^^
      |
      = help: the keys of `seed[0].get.auth` are `basic` and `bearer`
    ");
}

#[test]
fn port_zero() {
    insta::assert_snapshot!(seed("- get: {path: /, port: 0}"), @r"
    there is no port 0
     --> soak.yaml:4:26
      |
    4 |   - get: {path: /, port: 0}
      |                          ^
      |
      = help: write a number from 1 to 65535
    ");
}

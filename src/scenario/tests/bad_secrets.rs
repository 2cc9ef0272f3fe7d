//! What is said of secrets that cannot be read, and of builders.

use super::*;

/// The message on a variable from this file, which holds these bytes.
fn of_file(bytes: &[u8]) -> String {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("token"), bytes).unwrap();
    let text = with("vars: {token: {from_file: token}}\n");
    let path = folder.path().join("soak.yaml");
    let error = parse(&path, &text, &Overrides::default(), &env).unwrap_err().to_string();
    error.replace(&folder.path().display().to_string(), "DIR")
}

#[test]
fn file_that_is_missing() {
    insta::assert_snapshot!(error(&with("vars: {token: {from_file: token}}\n")), @r"
    `vars.token.from_file`: the file of the secret does not exist
     --> soak.yaml:3:27
      |
    3 | vars: {token: {from_file: token}}
      |                           ^^^^^
      |
      = help: it was looked for at `token`; paths count from the folder of this file
    ");
}

#[test]
fn folder() {
    insta::assert_snapshot!(error(&with("vars: {token: {from_file: .}}\n")), @r"
    `vars.token.from_file`: the file of the secret is no regular file
     --> soak.yaml:3:27
      |
    3 | vars: {token: {from_file: .}}
      |                           ^
      |
      = help: it was looked for at `.`; paths count from the folder of this file
    ");
}

#[test]
fn two_sources() {
    insta::assert_snapshot!(error(&with("vars: {token: {from_file: token, from_env: TOKEN}}\n")), @r"
    `vars.token` comes from two places
     --> soak.yaml:3:8
      |
    3 | vars: {token: {from_file: token, from_env: TOKEN}}
      |        ^^^^^
      |
      = help: keep one of `from_env` and `from_file`
    ");
}

#[test]
fn no_source() {
    insta::assert_snapshot!(error(&with("vars: {token: {}}\n")), @r"
    `vars.token` does not say where the value comes from
     --> soak.yaml:3:8
      |
    3 | vars: {token: {}}
      |        ^^^^^
      |
      = help: add `from_env: VARIABLE` or `from_file: PATH`
    ");
}

#[test]
fn unknown_source() {
    insta::assert_snapshot!(error(&with("vars: {token: {from_vault: token}}\n")), @r"
    unknown key `from_vault` in `vars.token`
     --> soak.yaml:3:16
      |
    3 | vars: {token: {from_vault: token}}
      |                ^^^^^^^^^^
      |
      = help: the keys of `vars.token` are `from_env` and `from_file`
    ");
}

#[test]
fn empty_file() {
    insta::assert_snapshot!(of_file(b"\n"), @r"
    `vars.token`: what `DIR/token` holds is too short to be kept out of the reports
     --> DIR/soak.yaml:3:27
      |
    3 | vars: {token: {from_file: token}}
      |                           ^^^^^
      |
      = help: write at least 4 bytes, or a value that is no secret here
    ");
}

#[test]
fn short_secret() {
    insta::assert_snapshot!(of_file(b"abc\r\n"), @r"
    `vars.token`: what `DIR/token` holds is too short to be kept out of the reports
     --> DIR/soak.yaml:3:27
      |
    3 | vars: {token: {from_file: token}}
      |                           ^^^^^
      |
      = help: write at least 4 bytes, or a value that is no secret here
    ");
}

#[test]
fn large_file() {
    insta::assert_snapshot!(of_file(&vec![b'x'; 64 * 1024 + 1]), @r"
    `vars.token`: `DIR/token` is too large
     --> DIR/soak.yaml:3:27
      |
    3 | vars: {token: {from_file: token}}
      |                           ^^^^^
      |
      = help: a secret has at most 64 KiB; check that the path names the file of one
    ");
}

#[test]
fn bytes_that_are_no_text() {
    insta::assert_snapshot!(of_file(b"abc\xff\xfedef"), @r"
    `vars.token`: `DIR/token` is not UTF-8
     --> DIR/soak.yaml:3:27
      |
    3 | vars: {token: {from_file: token}}
      |                           ^^^^^
      |
      = help: write the secret as text, for example in base64
    ");
}

#[test]
fn text_with_a_nul() {
    insta::assert_snapshot!(of_file(b"abcd\0efgh"), @r"
    `vars.token`: `DIR/token` holds a NUL character
     --> DIR/soak.yaml:3:27
      |
    3 | vars: {token: {from_file: token}}
      |                           ^^^^^
      |
      = help: remove it
    ");
}

#[test]
fn unknown_builder() {
    insta::assert_snapshot!(error(&target("build: {context: ., builder: buildx}")), @r"
    `target.build.builder`: `buildx` is not known
     --> soak.yaml:2:39
      |
    2 | target: {build: {context: ., builder: buildx}}
      |                                       ^^^^^^
      |
      = help: did you mean `buildkit`? `target.build.builder` is one of `auto`, `classic` and `buildkit`
    ");
}

#[test]
fn the_largest_secret_is_read() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("token"), vec![b'x'; 64 * 1024]).unwrap();
    let text = with("vars: {token: {from_file: token}}\n");
    let scenario = parse(&folder.path().join("soak.yaml"), &text, &Overrides::default(), &env).unwrap();
    assert_eq!(scenario.vars["token"].len(), 64 * 1024);
}

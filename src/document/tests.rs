//! What is refused before it is read, and where things stand.

use std::path::PathBuf;
use std::process::Command;

use proptest::prelude::*;

use super::*;

const ANY: Kind = Kind {
    noun: "test",
    whole: "the test",
    smallest: "`a: 1`",
    not_yet: &[],
    synonyms: &[],
    bare: &[],
    nulls_below: &["json"],
};

fn read(path: &Path) -> String {
    let shown = Document::read(path, ANY).unwrap_err().to_string();
    shown.replace(&path.parent().unwrap().display().to_string(), "DIR")
}

fn file(folder: &tempfile::TempDir, bytes: &[u8]) -> PathBuf {
    let path = folder.path().join("x.yaml");
    std::fs::write(&path, bytes).unwrap();
    path
}

fn parse(text: &str) -> Document {
    Document::parse(Path::new("x.yaml"), text.to_owned(), ANY).unwrap()
}

#[test]
fn refuses_a_file_of_a_hundred_megabytes_without_reading_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.yaml");
    // A file of holes: reading it would take its time, and its size is all that is looked at.
    std::fs::File::create(&path).unwrap().set_len(100_000_000).unwrap();
    insta::assert_snapshot!(read(&path), @r"
    the file is larger than 1 MiB (95 MiB), and is not read
    --> DIR/x.yaml
     = help: check that the path names a test file
    ");
}

#[test]
fn reads_a_file_of_the_largest_size_allowed() {
    let folder = tempfile::tempdir().unwrap();
    let mut text = b"a: 1\n#".to_vec();
    text.resize(usize::try_from(Document::MAX_BYTES).unwrap(), b'x');
    let path = file(&folder, &text);
    assert!(Document::read(&path, ANY).is_ok());
    text.push(b'x');
    std::fs::write(&path, &text).unwrap();
    insta::assert_snapshot!(read(&path), @r"
    the file is larger than 1 MiB (1 MiB), and is not read
    --> DIR/x.yaml
     = help: check that the path names a test file
    ");
}

#[test]
fn refuses_a_file_that_is_not_there() {
    let folder = tempfile::tempdir().unwrap();
    insta::assert_snapshot!(read(&folder.path().join("x.yaml")), @r"
    cannot read the file: there is no such file
    --> DIR/x.yaml
     = help: check the path; it counts from the folder in which slowdrip runs
    ");
}

#[test]
fn refuses_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.yaml");
    std::fs::create_dir(&path).unwrap();
    insta::assert_snapshot!(read(&path), @r"
    cannot read the file: it is a folder
    --> DIR/x.yaml
     = help: name a test file in it
    ");
}

#[test]
fn refuses_a_pipe_without_waiting_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.yaml");
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    insta::assert_snapshot!(read(&path), @r"
    cannot read the file: it is not a regular file
    --> DIR/x.yaml
     = help: pipes and devices are not read; write the text to a file
    ");
}

#[test]
fn refuses_text_that_is_not_utf_8_and_says_where() {
    let folder = tempfile::tempdir().unwrap();
    insta::assert_snapshot!(read(&file(&folder, b"name: x\r\n# caf\xe9\n")), @r"
    the file is not UTF-8 text: byte 0xe9
     --> DIR/x.yaml:2:6
      |
    2 | # caf�
      |      ^
      |
      = help: save the file as UTF-8
    ");
}

#[test]
fn knows_utf_16_when_it_sees_it() {
    let folder = tempfile::tempdir().unwrap();
    insta::assert_snapshot!(read(&file(&folder, b"\xff\xfea\x00")), @r"
    the file is not UTF-8 text: byte 0xff
     --> DIR/x.yaml:1:1
      |
    1 | ��a␀
      | ^
      |
      = help: the file looks like UTF-16; save it as UTF-8
    ");
}

#[test]
fn finds_every_place_by_its_path() {
    let text = "a:\n  b: [1, {c: \"x\"}]\n  'd e': |\n    text\n? f\n: - 2\n  - g: 3\n";
    let document = parse(text);
    let root = document.root();
    let at = |place: Place<'_>| (place.location().line, place.location().column);
    assert_eq!(at(root.key("a").key("b")), (2, 3), "a list shows its key");
    assert_eq!(at(root.key("a").key("b").item(0)), (2, 7));
    assert_eq!(at(root.key("a").key("b").item(1).key("c")), (2, 14));
    assert_eq!(root.key("a").key("b").item(1).key("c").path(), "a.b[1].c");
    assert_eq!(root.key("a").key("d e").key_location(), Location { line: 3, column: 3 });
    assert_eq!(root.key("a").key("d e").text(), Some("text\n"));
    assert_eq!(at(root.key("f").item(0)), (6, 5));
    assert_eq!(at(root.key("f").item(1).key("g")), (7, 8));
    assert_eq!(root.key("f").item(1).parent().path(), "f");
    assert_eq!(root.keys(), ["a", "f"]);
    assert_eq!(at(root.key("nope").key("nope").item(4)), (1, 1), "what is not there is where it should be");
}

#[test]
fn empty_values_mean_something_below_some_keys_only() {
    let nulls: Result<serde_json::Value, _> = parse("json: {a: null, b: [~]}\n").decode();
    assert!(nulls.is_ok());
    for text in ["a: {b: null}\n", "a: [1, ~]\n", "json:\n", "a: {b: }\n"] {
        let refused: Result<serde_json::Value, _> = parse(text).decode();
        assert!(refused.unwrap_err().message.ends_with("has no value"), "{text}");
    }
}

proptest! {
    /// The tree and the values must tell the same story, or errors would show the wrong place.
    #[test]
    fn both_parsers_see_the_same_scalars(
        entries in proptest::collection::btree_map("[a-z]{1,6}", "[a-zA-Z0-9 :#'\"{},.\\\\é😀-]{0,12}", 1..8)
    ) {
        let text = serde_yaml::to_string(&entries).unwrap();
        let document = parse(&text);
        let decoded: std::collections::BTreeMap<String, Scalar> = document.decode().unwrap();
        for (key, value) in &entries {
            prop_assert_eq!(document.root().key(key).text(), Some(value.as_str()));
            prop_assert_eq!(decoded[key].at(document.root().key(key)), value.as_str());
        }
    }
}

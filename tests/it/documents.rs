//! Holds the documents against the code and against each other.

use std::fs;
use std::path::{Path, PathBuf};

use slowdrip::model::Metric;
use slowdrip::scenario::{self, Overrides};
use slowdrip::threshold;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The Markdown files at the top of the repository and in `docs/`.
fn documents() -> Vec<PathBuf> {
    let mut out: Vec<PathBuf> = [root().to_path_buf(), root().join("docs")]
        .iter()
        .flat_map(|folder| fs::read_dir(folder).expect("a folder of documents can be listed"))
        .map(|entry| entry.expect("an entry can be read").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect();
    out.sort();
    out
}

/// The text without fenced blocks, in which nothing is a link or a heading.
fn prose(text: &str) -> String {
    let mut fenced = false;
    let lines = text.lines().filter(|line| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        !fenced && !fence
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The fenced blocks of YAML.
fn examples(text: &str) -> Vec<String> {
    let blocks = text.split("```yaml\n").skip(1);
    blocks.filter_map(|rest| rest.split("```").next()).map(str::to_owned).collect()
}

/// The YAML files of a folder of the repository; none where there is no such folder.
fn yaml_files(folder: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(root().join(folder)).into_iter().flatten();
    let mut out: Vec<PathBuf> = entries
        .map(|entry| entry.expect("an entry can be read").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .collect();
    out.sort();
    out
}

/// An environment in which every variable is set.
fn anything(_: &str) -> Option<String> {
    Some("an example's value".to_owned())
}

/// What stands in the round brackets of `[…](…)`.
fn links(text: &str) -> Vec<String> {
    text.split("](").skip(1).filter_map(|rest| rest.split([')', ' ']).next()).map(str::to_owned).collect()
}

/// The anchors that a forge gives to the headings of a document.
fn anchors(text: &str) -> Vec<String> {
    let headings = text.lines().filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim());
    headings
        .map(|heading| {
            let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
            kept.collect::<String>().to_lowercase().replace(' ', "-")
        })
        .collect()
}

#[test]
fn every_link_of_the_documents_leads_somewhere() {
    let mut problems = Vec::new();
    for document in documents() {
        let text = prose(&read(&document));
        for link in links(&text).iter().filter(|link| !link.contains("://") && !link.starts_with("mailto:")) {
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { document.clone() } else { document.parent().unwrap().join(file) };
            if !target.exists() {
                problems.push(format!("{}: `{link}` leads to no file", document.display()));
            } else if !anchor.is_empty() && !anchors(&prose(&read(&target))).iter().any(|known| known == anchor) {
                problems.push(format!("{}: `{link}` leads to no heading", document.display()));
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn the_reference_of_thresholds_lists_every_built_in_metric() {
    let text = read(&root().join("docs/thresholds.md"));
    let missing: Vec<String> =
        Metric::all().map(|metric| metric.to_string()).filter(|name| !text.contains(&format!("`{name}`"))).collect();
    assert!(missing.is_empty(), "docs/thresholds.md does not list {}", missing.join(", "));
}

#[test]
fn every_example_of_the_documents_is_read() {
    let folder = tempfile::tempdir().unwrap();
    // What the examples name beside themselves.
    for name in ["my-app", "scenarios/stub", "thresholds"] {
        fs::create_dir_all(folder.path().join(name)).unwrap();
        fs::write(folder.path().join(name).join("Dockerfile"), "FROM scratch\n").unwrap();
    }
    fs::write(folder.path().join("thresholds/my-app.yaml"), "classes: {}\n").unwrap();
    let mut problems = Vec::new();
    for document in documents() {
        for example in examples(&read(&document)) {
            let has = |key: &str| example.lines().any(|line| line.starts_with(key));
            let file = folder.path().join("scenarios/example.yaml");
            let outcome = if ["classes:", "events:", "log:", "acks:", "precedents:"].into_iter().any(has) {
                threshold::parse(&file, &example).map(drop)
            } else {
                // A part of a scenario is made a whole one.
                let whole = if has("name:") { "" } else { "name: example\ntarget: {image: example, publish: [80]}\n" };
                let beside = if has("name:") || has("sidecars:") { "" } else { "sidecars: {stub: {image: stub}}\n" };
                fs::write(&file, format!("{whole}{beside}{example}")).unwrap();
                scenario::load(&file, &Overrides::default(), &anything).map(drop)
            };
            problems.extend(outcome.err().map(|error| format!("{}: {error}", document.display())));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n\n"));
}

#[test]
fn every_scenario_of_the_repository_is_read_and_bears_the_name_of_its_file() {
    // `slowdrip demo` makes the context of the demo application; one that is empty will do here.
    let context = tempfile::tempdir().unwrap();
    fs::write(context.path().join("Dockerfile"), "FROM scratch\n").unwrap();
    let filled = vec![("context".to_owned(), context.path().display().to_string())];
    for file in &yaml_files("scenarios") {
        let set = if read(file).contains("{{ context }}") { filled.clone() } else { Vec::new() };
        let overrides = Overrides { set, ..Overrides::default() };
        let scenario = scenario::load(file, &overrides, &anything).unwrap_or_else(|error| panic!("{error}"));
        // The workflows find a scenario's reports by the name of its file.
        assert_eq!(Some(scenario.name.as_str()), file.file_stem().and_then(|stem| stem.to_str()), "{}", file.display());
    }
}

#[test]
fn every_thresholds_file_of_the_repository_is_read() {
    for file in yaml_files("thresholds") {
        threshold::load(&file).unwrap_or_else(|error| panic!("{error}"));
    }
}

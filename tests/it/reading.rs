//! Holds `docs/reading-a-report.md` against the report of the leaking night in the repository, rendered anew.

use std::collections::BTreeSet;
use std::path::Path;

use slowdrip::{history, report};

const NIGHT: &str = "20261123-071840-cd7d";

/// The page as a browser's text: tags out, references resolved, white space folded.
fn words(html: &str) -> String {
    let mut text = String::new();
    let mut inside = false;
    for c in html.chars() {
        match c {
            '<' => inside = true,
            '>' => inside = false,
            c if !inside => text.push(c),
            _ => {}
        }
    }
    for (reference, plain) in [
        ("&#x2f;", "/"),
        ("&#x27;", "'"),
        ("&quot;", "\""),
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&ensp;", " "),
        ("&amp;", "&"),
    ] {
        text = text.replace(reference, plain);
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn every_question_has_its_element_on_the_leaking_night() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let reports = root.join("reports");
    let night = history::load(&reports.join("local-deep-research").join(NIGHT)).unwrap();
    let (lines, _) = history::read_lines(&reports, "local-deep-research").unwrap();
    let earlier = history::earlier(&lines, NIGHT, night.record.started);
    let previous = history::load(&reports.join("local-deep-research").join(&earlier.last().unwrap().run)).unwrap();
    let html = report::render(&night, Some(&previous), &earlier).unwrap().html;
    let text = words(&html);
    let guide = std::fs::read_to_string(root.join("docs/reading-a-report.md")).unwrap();
    let rows: Vec<Vec<&str>> = guide
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| ---") && !line.starts_with("| Question"))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .filter(|cells: &Vec<&str>| cells.len() == 3)
        .collect();
    assert!(rows.len() > 20, "{}", rows.len());
    let mut anchors = BTreeSet::new();
    for cells in &rows {
        for anchor in cells[1].split("(`#").skip(1).filter_map(|rest| rest.split('`').next()) {
            // A night where everything was decided has nothing to say there.
            if anchor != "undecided" {
                assert!(html.contains(&format!("id=\"{anchor}\"")), "#{anchor} is not on the page");
            }
            anchors.insert(anchor.to_owned());
        }
        for said in cells[2].split('"').skip(1).step_by(2) {
            assert!(text.contains(said), "the page does not say `{said}` ({})", cells[0]);
        }
    }
    // No section of the page that the guide is silent about.
    for id in html.split("<h2 id=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert!(anchors.contains(id) || ["findings", "gaps", "failure"].contains(&id), "#{id} is not in the guide");
    }
}

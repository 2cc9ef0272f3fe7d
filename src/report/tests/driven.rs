//! What a scenario did to the target and asked of it, on the pages.

use super::super::{render, testing};
use super::{page, sections};
use crate::model::{ChurnRecord, StoredNight};

#[test]
fn a_driven_night_tells_of_its_steps_its_own_figures_and_its_named_snapshots() {
    let night = testing::driven();
    let pages = render(&night, None, &[]).unwrap();
    let order = ["work", "own", "named", "end", "events"];
    let found = sections(&night);
    let places: Vec<usize> = order.iter().map(|id| found.iter().position(|one| one == id).unwrap()).collect();
    assert!(places.is_sorted(), "{found:?}");
    for said in [
        "- Churn: **87 iterations** (by 3 users)",
        "| post /api/start&#95;research | news-churn.yaml:46 | 87 | 0 | 31 ms | 78 ms | 295 ms | 1 s |",
        "| delete /api/research/{{ id }} | news-churn.yaml:70 | 0 | 0 | – | – | – | – |",
        "- Difference: **–** (mem.rss is on quite another scale)",
        "- Correlation: **1** (Pearson's, over 186 pairs)",
        "| Class | warm | before the research | after the research | after the research |",
        "| Taken at | -0:04 (seed) | 1:00 (soak) | 16:40 (soak) | 29:10 (soak) |",
        "87 begins of the churn are not listed here",
    ] {
        assert!(pages.markdown.contains(said), "{said}");
    }
    assert!(pages.html.contains("open_files: 16 to 19"));
    // More names than fit are counted.
    let mut many = night;
    many.probes = (0..5).flat_map(|_| many.probes.clone()).collect();
    assert!(render(&many, None, &[]).unwrap().markdown.contains("and 8 more snapshots, in probes.jsonl"));
}

#[test]
fn a_churn_that_failed_too_often_or_never_began_is_a_workload_that_did_not_run() {
    let mut night = testing::clean(30);
    let title = |night: &StoredNight| {
        let page = page(night);
        let sections = page["sections"].as_array().unwrap();
        sections.iter().find(|one| one["id"] == "work").unwrap()["title"].as_str().unwrap().to_owned()
    };
    let churn = |begun, failed| Some(ChurnRecord { begun, failed, max_failed: 0.1, ..ChurnRecord::default() });
    for (begun, failed, said) in [
        (20, 2, "The workload ran"),
        (20, 3, "The workload did not run as it should"),
        (0, 0, "The workload did not run as it should"),
    ] {
        night.record.churn = churn(begun, failed);
        assert_eq!(title(&night), said);
    }
    // A night without counters has a section too.
    night.record.counters.clear();
    assert_eq!(title(&night), "The workload did not run as it should");
}

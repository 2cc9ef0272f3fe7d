//! Everything can be planted, and nothing is left of it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::*;
use crate::model::FdClass;

/// In the environment of a test that was started by itself.
const ALONE: &str = "SLOWDRIP_TEST_ALONE";

#[test]
fn every_kind_of_dead_handle_has_a_plant_of_its_name() {
    for kind in DeadKind::ALL {
        let name = serde_json::to_value(kind).unwrap().as_str().unwrap().replace('_', "-");
        let plant: Plant = name.parse().unwrap();
        assert_eq!(plant.sort(), Sort::Dead, "{name}");
    }
}

#[test]
fn every_plant_says_what_it_is() {
    for plant in Plant::all() {
        assert!(!plant.about().is_empty(), "{plant:?}");
        assert!(!plant.about().ends_with('.'), "{plant:?}");
    }
}

#[test]
fn the_documentation_names_every_plant() {
    let page = include_str!("../../../../docs/demo.md");
    for plant in Plant::all() {
        assert!(page.contains(&format!("| `{}` |", plant.name())), "{plant:?}");
    }
}

/// What is open in this process: the link of each descriptor.
fn open() -> BTreeMap<i32, PathBuf> {
    let list = std::fs::read_dir("/proc/self/fd").unwrap();
    let links = list.filter_map(|entry| {
        let entry = entry.unwrap();
        // The one through which this is read is closed by now, or points here.
        let link = std::fs::read_link(entry.path()).ok()?;
        let number = entry.file_name().to_str()?.parse().ok()?;
        (!link.ends_with("fd")).then_some((number, link))
    });
    links.collect()
}

fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").unwrap().count()
}

// Descriptors and threads are those of the whole process, so this test asks for one of its own.
#[test]
fn everything_is_planted_as_listed_and_nothing_is_left_of_it() {
    if std::env::var_os(ALONE).is_none() {
        let name = "demo::app::plants::tests::everything_is_planted_as_listed_and_nothing_is_left_of_it";
        let mut command = std::process::Command::new(std::env::current_exe().unwrap());
        let output = command.args(["--exact", name, "--test-threads=1"]).env(ALONE, "1").output().unwrap();
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success() && said.contains("1 passed"), "{said}");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let children = Children::start(PathBuf::from("/bin/true")).unwrap();
    let (before, threads_before) = (open(), threads());
    let mut gardens = Vec::new();
    for (number, plant) in Plant::all().enumerate() {
        let folder = dir.path().join(number.to_string());
        match Garden::plant(&[plant.name().parse().unwrap()], &folder, &children) {
            Ok(garden) => gardens.push(garden),
            // It needs a process of the application's own program, which a unit test is not.
            Err(error) => assert!(error.source.to_string().contains("ended before it was ready"), "{error:?}"),
        }
    }
    let during = open();
    for planted in gardens.iter().flat_map(Garden::planted) {
        assert!(planted.skipped.is_some() || planted.class.is_some() || planted.name == "own-output", "{planted:?}");
        for fd in &planted.fds {
            let link = during.get(fd).unwrap_or_else(|| panic!("not open: {planted:?}")).to_string_lossy().into_owned();
            assert!(before.contains_key(fd) == (planted.name == "own-output"), "{planted:?}");
            let expected = match planted.class {
                Some(Metric::Fd(FdClass::Socket)) => "socket:[",
                Some(Metric::Fd(FdClass::Pipe)) => "pipe:[",
                Some(Metric::Fd(FdClass::Eventpoll)) => "anon_inode:[eventpoll]",
                Some(Metric::Fd(FdClass::Pidfd)) => "pidfd",
                Some(Metric::Fd(FdClass::Pty)) => "/dev/p",
                _ => "",
            };
            assert!(link.contains(expected), "{planted:?}: {link}");
        }
    }
    gardens.iter().for_each(Garden::release);
    assert_eq!((open(), threads()), (before, threads_before));
}

#[test]
fn a_plant_that_cannot_be_made_is_an_error_with_its_name() {
    let dir = tempfile::tempdir().unwrap();
    let children = Children::start(PathBuf::from("/nowhere/slowdrip")).unwrap();
    let orders = ["all-dead".parse().unwrap()];
    let error = Garden::plant(&orders, dir.path(), &children).unwrap_err();
    assert!(error.to_string().contains("pidfd-target-gone"), "{error}");
}

#[test]
fn where_nothing_is_ordered_nothing_is_made() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("plants");
    let children = Children::start(PathBuf::from("/bin/true")).unwrap();
    assert_eq!(Garden::plant(&[], &folder, &children).unwrap().planted(), []);
    assert!(!folder.exists());
}

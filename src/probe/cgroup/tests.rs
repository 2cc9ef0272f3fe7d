use std::fs;
use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::model::Reading;
use crate::probe::testing::{Proc, Tree};

const ID: &str = "4c01db0b339c4c01db0b339c4c01db0b339c4c01db0b339c4c01db0b339c4c01";

/// A tree of processes, a list of mounts, and the files of cgroups below the same folder.
fn machine(mounts: &str, of_process: &str, files: &[(&str, &str)]) -> (Tree, Cgroups) {
    let tree = Tree::new();
    tree.add(&Proc::new(100).cgroup(of_process));
    write(tree.path(), &[("self/mountinfo", mounts)]);
    write(tree.path(), files);
    let cgroups = Cgroups::at(tree.path());
    (tree, cgroups)
}

fn write(top: &Path, files: &[(&str, &str)]) {
    for (name, text) in files {
        let path = top.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

fn look(tree: &Tree, cgroups: &mut Cgroups) -> (Option<CgroupSample>, Vec<Gap>) {
    let mut gaps = Vec::new();
    let sample = cgroups.look(&tree.root(), 100, ID, &mut gaps);
    (sample, gaps)
}

const V2: &str = "41 31 0:38 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n";

fn scope(name: &str) -> String {
    format!("sys/fs/cgroup/system.slice/docker-{ID}.scope/{name}")
}

fn v2() -> (Tree, Cgroups) {
    let files = [
        ("memory.current", "1000\n"),
        ("memory.stat", "anon 600\nfile 300\nkernel 100\nkernel_stack 5\nslab 6\nanon_thp 7\n"),
        ("memory.max", "max\n"),
        ("memory.events", "low 0\nhigh 0\nmax 3\noom 2\noom_kill 1\noom_group_kill 0\n"),
        ("pids.current", "12\n"),
        ("pids.max", "512\n"),
        ("cpu.stat", "usage_usec 900\nuser_usec 1\nnr_throttled 1\nthrottled_usec 70\n"),
        ("io.stat", "8:0 rbytes=10 wbytes=20 rios=1 wios=1\n8:16 rbytes=1 wbytes=2\n"),
    ]
    .map(|(name, text)| (scope(name), text));
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), *text)).collect();
    machine(V2, &format!("0::/system.slice/docker-{ID}.scope/init\n"), &files)
}

#[test]
fn reads_every_figure_of_version_2() {
    let (tree, mut cgroups) = v2();
    let (sample, gaps) = look(&tree, &mut cgroups);
    let expected = CgroupSample {
        memory: Reading::Value(1000),
        anon: Reading::Value(600),
        file: Reading::Value(300),
        kernel: Reading::Value(100),
        memory_max: Reading::Value(None),
        memory_max_events: Reading::Value(3),
        oom_kills: Reading::Value(1),
        pids: Reading::Value(12),
        pids_max: Reading::Value(Some(512)),
        cpu_us: Reading::Value(900),
        throttled_us: Reading::Value(70),
        io_read: Reading::Value(11),
        io_write: Reading::Value(22),
    };
    assert_eq!((sample, gaps), (Some(expected), Vec::new()));
}

#[test]
fn reads_every_figure_of_version_1() {
    let mounts = "32 31 0:29 / /cg/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n\
        35 31 0:32 / /cg/memory rw - cgroup cgroup rw,memory\n\
        38 31 0:35 / /cg/blkio rw - cgroup cgroup rw,blkio\n\
        39 31 0:36 / /cg/pids rw - cgroup cgroup rw,pids\n\
        40 31 0:37 / /cg/systemd rw - cgroup cgroup rw,name=systemd\n";
    let of = |controller: &str, name: &str| format!("cg/{controller}/docker/{ID}/{name}");
    let files = [
        (of("memory", "memory.usage_in_bytes"), "1000\n"),
        (of("memory", "memory.stat"), "cache 1\nrss 2\ntotal_cache 300\ntotal_rss 600\ntotal_rss_huge 9\n"),
        (of("memory", "memory.kmem.usage_in_bytes"), "100\n"),
        (of("memory", "memory.limit_in_bytes"), "9223372036854771712\n"),
        (of("memory", "memory.failcnt"), "3\n"),
        (of("memory", "memory.oom_control"), "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n"),
        (of("pids", "pids.current"), "12\n"),
        (of("pids", "pids.max"), "max\n"),
        (of("cpu,cpuacct", "cpuacct.usage"), "900999\n"),
        (of("cpu,cpuacct", "cpu.stat"), "nr_periods 1\nnr_throttled 1\nthrottled_time 70000\n"),
        (of("blkio", "blkio.throttle.io_service_bytes"), "8:0 Read 11\n8:0 Write 22\n8:0 Total 33\nTotal 33\n"),
    ];
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), *text)).collect();
    let of_process = format!(
        "12:pids:/docker/{ID}\n5:cpu,cpuacct:/docker/{ID}\n4:memory:/docker/{ID}\n3:blkio:/docker/{ID}\n1:name=systemd:/x\n"
    );
    let (tree, mut cgroups) = machine(mounts, &of_process, &files);
    let expected = CgroupSample {
        memory: Reading::Value(1000),
        anon: Reading::Value(600),
        file: Reading::Value(300),
        kernel: Reading::Value(100),
        memory_max: Reading::Value(None),
        memory_max_events: Reading::Value(3),
        oom_kills: Reading::Value(1),
        pids: Reading::Value(12),
        pids_max: Reading::Value(None),
        cpu_us: Reading::Value(900),
        throttled_us: Reading::Value(70),
        io_read: Reading::Value(11),
        io_write: Reading::Value(22),
    };
    assert_eq!(look(&tree, &mut cgroups), (Some(expected), Vec::new()));
}

#[test]
fn where_both_versions_are_used_a_controller_is_read_where_it_is() {
    let mounts =
        "35 31 0:32 / /cg/memory rw - cgroup cgroup rw,memory\n41 31 0:38 / /cg/unified rw - cgroup2 none rw\n";
    let v1 = format!("cg/memory/docker/{ID}/memory.usage_in_bytes");
    let v2 = format!("cg/unified/docker/{ID}/pids.current");
    let wrong = format!("cg/unified/docker/{ID}/memory.current");
    let files = [(v1.as_str(), "7\n"), (v2.as_str(), "3\n"), (wrong.as_str(), "9\n")];
    let (tree, mut cgroups) = machine(mounts, &format!("4:memory:/docker/{ID}\n0::/docker/{ID}\n"), &files);
    let sample = look(&tree, &mut cgroups).0.unwrap();
    assert_eq!((sample.memory, sample.pids), (Reading::Value(7), Reading::Value(3)));
    // A controller that is not there is no zero, and no gap.
    assert_eq!((sample.cpu_us, sample.io_read), (Reading::Gone, Reading::Gone));
}

#[test]
fn an_older_kernel_tells_its_share_in_parts() {
    let (tree, mut cgroups) = v2();
    write(tree.path(), &[(&scope("memory.stat"), "anon 1\nkernel_stack 5\nslab 6\npercpu 7\n")]);
    let sample = look(&tree, &mut cgroups).0.unwrap();
    assert_eq!((sample.kernel, sample.file), (Reading::Value(18), Reading::Gone));
}

#[test]
fn a_cgroup_of_another_or_of_nobody_is_none() {
    for (mounts, of_process) in [
        (V2, "0::/\n"),
        (V2, "0::/system.slice/cron.service\n"),
        ("", "0::/docker/ID\n"),
        // Beside the folder that is mounted, and above the root of the namespace.
        ("41 31 0:38 /docker/other /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n", "0::/docker/ID\n"),
        (V2, "0::/../ID\n"),
    ] {
        let (tree, mut cgroups) = machine(mounts, &of_process.replace("ID", ID), &[]);
        assert_eq!(look(&tree, &mut cgroups), (None, Vec::new()), "{of_process}");
    }
}

#[test]
fn a_namespace_of_cgroups_moves_the_root() {
    for (root, path) in [("/..", "/../docker-ID.scope/init"), ("/kubepods/x", "/kubepods/x/docker-ID.scope")] {
        let mounts = format!("41 31 0:38 {root} /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
        let file = format!("sys/fs/cgroup/docker-{ID}.scope/pids.current");
        let (tree, mut cgroups) = machine(&mounts, &format!("0::{}\n", path.replace("ID", ID)), &[(&file, "4\n")]);
        assert_eq!(look(&tree, &mut cgroups).0.unwrap().pids, Reading::Value(4), "{root}");
    }
}

#[test]
fn what_cannot_be_understood_is_a_gap() {
    let (tree, mut cgroups) = v2();
    write(tree.path(), &[(&scope("memory.current"), "many\n")]);
    fs::remove_file(tree.path().join(scope("pids.max"))).unwrap();
    let (sample, gaps) = look(&tree, &mut cgroups);
    let sample = sample.unwrap();
    assert!(matches!(sample.memory, Reading::Malformed(_)));
    assert_eq!(sample.pids_max, Reading::Gone);
    assert_eq!(gaps, [Gap { what: "memory of the cgroup".to_owned(), reason: GapReason::Malformed, count: 1 }]);
}

#[test]
fn the_first_process_may_end_and_another_take_its_place() {
    let (tree, mut cgroups) = v2();
    assert!(look(&tree, &mut cgroups).0.is_some());
    // On v1 a zombie is back in the root; the cgroup is there as long as other processes are.
    tree.add(&Proc::new(100).zombie());
    assert!(look(&tree, &mut cgroups).0.is_some());
    fs::remove_dir_all(tree.path().join(scope(""))).unwrap();
    let (sample, gaps) = look(&tree, &mut cgroups);
    assert_eq!((sample, gaps.len(), gaps[0].reason), (None, 1, GapReason::Gone));
    // Started again.
    tree.add(&Proc::new(200).cgroup(&format!("0::/system.slice/docker-{ID}.scope\n")));
    write(tree.path(), &[(&scope("pids.current"), "1\n")]);
    let mut gaps = Vec::new();
    let sample = cgroups.look(&tree.root(), 200, ID, &mut gaps).unwrap();
    assert_eq!((sample.pids, gaps), (Reading::Value(1), Vec::new()));
}

#[test]
fn a_process_that_is_gone_is_nobodys_gap_twice() {
    let (tree, mut cgroups) = v2();
    tree.remove(100);
    assert_eq!(look(&tree, &mut cgroups), (None, Vec::new()));
}

proptest! {
    #[test]
    fn a_path_never_leads_out_of_the_folder_that_is_mounted(
        root in "(/|/\\.\\.|/[ab]|/\\.\\./[ab])",
        path in "(/(\\.\\.|[ab]|docker-ID\\.scope|ID|)){0,5}",
    ) {
        let path = path.replace("ID", ID);
        let lines = [CgroupLine { controllers: b"", path: path.as_bytes() }];
        let mounts = [CgroupMount { controllers: None, root: root.into_bytes(), point: b"/cg".to_vec() }];
        if let Some(Place::V2(place)) = place(&lines, &mounts, Path::new("/top"), "memory", ID) {
            prop_assert!(place.starts_with("/top/cg"));
            prop_assert!(place.components().all(|part| part.as_os_str() != ".."));
            prop_assert!(place.file_name().unwrap().to_string_lossy().contains(ID));
        }
    }
}

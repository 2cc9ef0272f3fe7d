//! What the engine, the cgroup and the disk tell of a container.

use slowdrip::model::{DiskSample, Phase, Reading, TargetSample};
use slowdrip::probe::{Depth, ProcRoot, Sampler};
use slowdrip::target::Facts;

use super::*;

/// The first answer of a measurement, which comes by itself.
async fn measured(facts: &mut Facts) -> TargetSample {
    let began = Instant::now();
    while began.elapsed() < SOON {
        let mut sample = TargetSample::default();
        facts.enter(&mut sample);
        if sample.disk.is_some() {
            return sample;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the disk was not measured");
}

#[tokio::test]
async fn a_containers_snapshots_tell_of_its_cgroup_its_health_and_its_disk() {
    let Some(docker) = docker_or_skip() else { return };
    let dir = tempfile::tempdir().unwrap();
    let context = demo_context(dir.path(), &[]);
    let mut plan = scenario(build(&context), ReadyCheck::Healthcheck);
    plan.target.options = ContainerOptions {
        volumes: vec![Volume::Fresh("/data".into()), Volume::Fresh("/data/within".into())],
        memory: Some(256 << 20),
        healthcheck: Some(Healthcheck::Test {
            test: ["CMD", "/slowdrip", "--help"].map(String::from).into(),
            interval: Duration::from_secs(1),
            timeout: Duration::from_secs(20),
            retries: 3,
            start_period: Duration::from_secs(1),
        }),
        ..plan.target.options
    };
    let run = unique_run("facts");
    let mut target = up(&plan, &run).await;
    let state = target.state().await.unwrap();

    let mut facts = Facts::default();
    facts.note(&target, &state);
    facts.measure(&target, false);
    // While one measurement is under way no other begins.
    facts.measure(&target, true);
    let sample = measured(&mut facts).await;
    assert_eq!((sample.health.as_deref(), sample.restarts), (Some("healthy"), Some(0)));
    let DiskSample { layer, volumes } = sample.disk.unwrap();
    assert!(layer.value().is_some_and(|bytes| *bytes < 10 << 20), "{layer:?}");
    let sizes: Vec<(&str, &Reading<u64>)> = volumes.iter().map(|(path, size)| (path.as_str(), size)).collect();
    assert_eq!(sizes.iter().map(|(path, _)| *path).collect::<Vec<_>>(), ["/data", "/data/within"]);
    if rustix::process::geteuid().is_root() {
        let [data, within] = [sizes[0].1.value().unwrap(), sizes[1].1.value().unwrap()];
        assert!(*data > 4096 && *data < 10 << 20, "{data}");
        assert!(*within <= 8192, "the volume within has its own figure: {within}");
    } else {
        assert_eq!(sizes[0].1, &Reading::Denied);
    }
    // Only once for each measurement, and the next has its time.
    facts.measure(&target, false);
    let mut again = TargetSample::default();
    facts.enter(&mut again);
    assert_eq!((again.disk, again.health.as_deref()), (None, Some("healthy")));

    let mut sampler = Sampler::new(ProcRoot::system(), target.scope().unwrap());
    let snapshot = sampler.snapshot(0, 0, jiff::Timestamp::now(), Phase::Soak, Depth::Full);
    let cgroup = snapshot.target.cgroup.unwrap();
    let own = snapshot.processes.first().unwrap();
    let rss = *own.rss.value().unwrap();
    assert!(cgroup.memory.value().is_some_and(|bytes| *bytes > 0 && *bytes <= 256 << 20), "{cgroup:?}");
    assert_eq!(cgroup.memory_max, Reading::Value(Some(256 << 20)));
    assert!(cgroup.pids.value().is_some_and(|pids| pids >= own.threads.value().unwrap()), "{cgroup:?}");
    assert!(cgroup.cpu_us.value().is_some_and(|used| *used > 0), "{cgroup:?}");
    assert_eq!(cgroup.oom_kills, Reading::Value(0));
    assert_eq!(own.facts.exe.as_deref(), Some("/slowdrip"));
    assert!(own.facts.thread_names.iter().map(|(_, count)| count).sum::<u64>() > 1, "{:?}", own.facts.thread_names);
    if rustix::process::geteuid().is_root() {
        let Some(Reading::Value(pss)) = own.facts.pss else { panic!("{:?}", own.facts.pss) };
        assert!(pss > 0 && pss <= rss, "{pss} of {rss}");
    }

    target.remove().await.unwrap();
    assert_eq!(docker.of_run(&run), Vec::<String>::new());
}

#[tokio::test]
async fn a_process_of_this_machine_has_no_disk_and_no_engine() {
    let program = Attached::start();
    let plan = scenario(TargetKind::Pid(program.0.id()), ReadyCheck::Log(regex::Regex::new("x").unwrap()));
    let mut target = target(&plan, &unique_run("facts")).await;
    target.start(&|_| {}).await.unwrap();
    let mut facts = Facts::default();
    facts.note(&target, &target.state().await.unwrap());
    facts.measure(&target, true);
    let mut sample = TargetSample::default();
    facts.enter(&mut sample);
    assert_eq!(sample, TargetSample::default());
}

/// A process that is there before the target is.
struct Attached(std::process::Child);

impl Attached {
    fn start() -> Self {
        Self(Command::new("sleep").arg("600").spawn().unwrap())
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_costly_share_of_memory_is_read_at_the_first_and_the_last_snapshots_only() {
    let fixture = crate::fixture::Fixture::new();
    fixture.process("full", "", "soak: {duration: 4s, interval: 1s, settle: 2s}\nstop: {within: 5s}");
    let output = fixture.run(&["run", "full.yaml"]);
    let run = fixture.only_run("full");
    let text = std::fs::read_to_string(run.join("samples.jsonl")).unwrap();
    let looks: Vec<slowdrip::model::Snapshot> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let full: Vec<u32> = looks
        .iter()
        .filter(|look| look.processes.iter().any(|process| process.facts.pss.is_some()))
        .map(|look| look.seq)
        .collect();
    let last_of = |phase| looks.iter().rfind(|look| look.phase == phase).unwrap().seq;
    assert_eq!(full, [0, last_of(Phase::Soak), last_of(Phase::Settle)], "{}", crate::fixture::stdout(&output));
    assert!(looks.len() > 5);
}

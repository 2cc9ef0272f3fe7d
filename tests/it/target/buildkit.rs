//! Images that only BuildKit can build, on a real engine.

use std::sync::Mutex;

use super::control::{busybox_or_skip, shell_context};
use super::*;

fn kind(context: &Path, cache: bool, builder: Builder) -> TargetKind {
    let TargetKind::Build(build) = build(context) else { panic!("not a build") };
    TargetKind::Build(Build { cache, builder, ..build })
}

/// Builds and starts; the lines that were told meanwhile.
async fn started(plan: &Scenario, run: &str) -> (Target, Result<(), TargetError>, Vec<String>) {
    let mut target = target(plan, run).await;
    let told = Mutex::new(Vec::new());
    let outcome = target.start(&|line| told.lock().unwrap().push(line.to_owned())).await;
    (target, outcome, told.into_inner().unwrap())
}

fn images_without_a_name(docker: Docker) -> Vec<String> {
    let found = docker.run(&["image", "ls", "--filter", "dangling=true", "--quiet", "--no-trunc"]);
    found.lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn a_cache_mount_is_built_by_buildkit_and_the_image_goes_with_the_run() {
    let Some(docker) = docker_or_skip().filter(|_| busybox_or_skip()) else { return };
    let dir = tempfile::tempdir().unwrap();
    let lines = "ARG APP_VERSION\nLABEL version=$APP_VERSION\nRUN --mount=type=cache,id=slowdrip-it,target=/cache [\"/bin/busybox\", \"sh\", \"-c\", \"echo made it >/made\"]\nCMD [\"/bin/busybox\", \"sleep\", \"600\"]\n";
    let context = shell_context(dir.path(), lines);
    let plan = scenario(kind(&context, true, Builder::Auto), ReadyCheck::Started);
    for round in 0..2 {
        let run = unique_run("buildkit");
        let (mut target, outcome, told) = started(&plan, &run).await;
        let record = target.record();
        let made = target.exec(None, &["/bin/busybox", "cat", "/made"].map(String::from)).await;
        let image = docker.of_run(&run).into_iter().find(|thing| thing.starts_with("image "));
        target.remove().await.unwrap();
        outcome.unwrap();
        assert_eq!(made.unwrap().stdout, b"made it\n");
        assert!(told[0].ends_with("by BuildKit, which line 6 needs (RUN --mount)"), "{told:?}");
        let step = told.iter().find(|line| line.contains("] RUN --mount=type=cache")).unwrap();
        assert!(round == 0 || step.ends_with("(cached)"), "{told:?}");
        assert_eq!((record.labels["version"].as_str(), record.labels["APP_VERSION"].as_str()), ("1.2.3", "1.2.3"));
        assert_eq!(image.unwrap(), format!("image slowdrip/it:{run}"));
        assert_eq!(docker.of_run(&run), Vec::<String>::new());
        let digest = record.image.unwrap();
        assert!(digest.starts_with("sha256:") && !images_without_a_name(docker).contains(&digest), "{digest}");
    }
}

#[tokio::test]
async fn a_plain_file_stays_with_the_classic_builder_unless_the_scenario_says_otherwise() {
    let Some(docker) = docker_or_skip().filter(|_| busybox_or_skip()) else { return };
    let dir = tempfile::tempdir().unwrap();
    let context = shell_context(dir.path(), "CMD [\"/bin/busybox\", \"sleep\", \"600\"]\n");
    for (builder, classic) in [(Builder::Auto, true), (Builder::Classic, true), (Builder::BuildKit, false)] {
        let mut plan = scenario(kind(&context, false, builder), ReadyCheck::Started);
        if let TargetKind::Build(build) = &mut plan.target.kind {
            build.network = Some("host".into());
            build.args.clear();
        }
        let run = unique_run("builder");
        let (mut target, outcome, told) = started(&plan, &run).await;
        target.remove().await.unwrap();
        outcome.unwrap();
        assert_eq!(told.iter().any(|line| line.starts_with("Step 1/")), classic, "{builder:?}: {told:?}");
        assert_eq!(told.iter().any(|line| line.contains("] COPY busybox /bin/sh")), !classic, "{builder:?}: {told:?}");
        assert_eq!(docker.of_run(&run), Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_step_that_fails_is_shown_with_what_it_wrote_last() {
    let Some(docker) = docker_or_skip().filter(|_| busybox_or_skip()) else { return };
    let dir = tempfile::tempdir().unwrap();
    let script = "exec >&2; n=0; while [ $n -lt 50 ]; do n=$((n+1)); echo line $n; done; echo 'last words'; exit 3";
    let words = serde_json::to_string(&["/bin/busybox", "sh", "-c", script]).unwrap();
    let lines = format!(
        "FROM scratch AS wanted\nCOPY busybox /bin/busybox\nRUN --mount=type=tmpfs,target=/scratch {words}\nFROM scratch\n"
    );
    let context = shell_context(dir.path(), &lines);
    let mut plan = scenario(kind(&context, false, Builder::Auto), ReadyCheck::Started);
    if let TargetKind::Build(build) = &mut plan.target.kind {
        build.stage = Some("wanted".into());
    }
    let err = failure(docker, &plan).await;
    let TargetError::BuildFailed { message, lines, .. } = &err else { panic!("{err}") };
    assert!(message.contains("exit code: 3"), "{message}");
    assert_eq!(lines.len(), 30, "{lines:?}");
    assert!(lines[0].contains("RUN --mount=type=tmpfs"), "{lines:?}");
    assert!(lines[28] == "line 50" && lines[29] == "last words", "{lines:?}");
}

#[tokio::test]
async fn what_this_engines_buildkit_does_not_know_is_said_with_what_to_do() {
    let Some(docker) = docker_or_skip().filter(|_| busybox_or_skip()) else { return };
    let version = docker.run(&["version", "--format", "{{.Server.Version}}"]);
    let old = version.split('.').next().unwrap().parse::<u32>().unwrap() < 23;
    let dir = tempfile::tempdir().unwrap();
    for (lines, hint) in [
        ("COPY <<END /made\nhello there\nEND\nCMD [\"/bin/busybox\", \"sleep\", \"600\"]\n", "does not know heredocs"),
        ("COPY --link busybox /x\nCMD [\"/bin/busybox\", \"sleep\", \"600\"]\n", "does not know the flag"),
    ] {
        let context = shell_context(dir.path(), lines);
        let plan = scenario(kind(&context, true, Builder::Auto), ReadyCheck::Started);
        if old {
            let err = failure(docker, &plan).await.to_string();
            assert!(err.contains(hint), "{err}");
        } else {
            let run = unique_run("newer");
            let (mut target, outcome, _told) = started(&plan, &run).await;
            target.remove().await.unwrap();
            outcome.unwrap();
        }
    }
}

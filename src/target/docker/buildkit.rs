//! Builds by BuildKit: when it is asked, what it tells, and what can be done where it fails.

use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::io::{self, Read as _};
use std::sync::atomic::{AtomicU32, Ordering};

use bollard::body_try_stream;
use bollard::moby::buildkit::v1::StatusResponse;
use bollard::models::BuildInfo;
use bollard::query_parameters::BuildImageOptions;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{Stream, StreamExt, stream};
use tokio::sync::mpsc;

use super::build::LAST;
use super::{Engine, words};
use crate::scenario::{Build, Builder};
use crate::target::dockerfile::{Need, needs_buildkit};
use crate::target::error::TargetError;
use crate::target::lines::Splitter;

/// A longer Dockerfile was not written by people, bytes.
const LONGEST: u64 = 4 << 20;
/// So many messages may wait to be shown.
const MESSAGES: usize = 64;
/// What BuildKit calls steps that it ended because of another one.
const CUT_OFF: &str = "context canceled";

/// Who builds an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Chosen {
    /// The classic builder; `asked` where the scenario says so.
    Classic { asked: bool },
    /// BuildKit, and what in the Dockerfile needs it, where that was found.
    BuildKit { need: Option<Need> },
}

impl Chosen {
    /// As the scenario says, or as the Dockerfile needs it.
    pub(super) fn of(build: &Build) -> Result<Self, TargetError> {
        let path = build.context.join(&build.dockerfile);
        let read = || {
            let mut bytes = Vec::new();
            fs::File::open(&path)?.take(LONGEST).read_to_end(&mut bytes)?;
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        };
        let need = || {
            let text = read().map_err(|err: io::Error| TargetError::Context {
                path: path.clone(),
                reason: format!("{err}; correct `dockerfile`, which is relative to the context"),
            })?;
            Ok(needs_buildkit(&text))
        };
        Ok(match build.builder {
            Builder::Classic => Self::Classic { asked: true },
            Builder::BuildKit => Self::BuildKit { need: need()? },
            Builder::Auto => match need()? {
                Some(need) => Self::BuildKit { need: Some(need) },
                None => Self::Classic { asked: false },
            },
        })
    }

    pub(super) fn is_buildkit(&self) -> bool {
        matches!(self, Self::BuildKit { .. })
    }

    /// ` by BuildKit, which line 4 needs (RUN --mount)`; nothing where the classic builder is asked.
    pub(super) fn aside(&self) -> String {
        match self {
            Self::Classic { .. } => String::new(),
            Self::BuildKit { need: None } => " by BuildKit".to_owned(),
            Self::BuildKit { need: Some(need) } => {
                format!(" by BuildKit, which line {} needs ({})", need.line, need.what)
            }
        }
    }

    /// What can be done about a failure that has a known cause.
    pub(super) fn hint(&self, message: &str, lines: &[String]) -> &'static str {
        let said = |words: &str| lines.iter().map(String::as_str).chain([message]).any(|line| line.contains(words));
        let parsed = said("nknown flag") || said("nknown instruction");
        match self {
            Self::Classic { asked } if said("BuildKit") || said("nknown flag") => {
                if *asked {
                    "; the classic builder cannot build this Dockerfile, BuildKit can: write `builder: auto` in `build`"
                } else {
                    "; the classic builder cannot build this Dockerfile, BuildKit can: write `builder: buildkit` in `build`"
                }
            }
            Self::BuildKit { .. }
                if said("builder version") || said("uildKit is not") || said("uildkit not supported") =>
            {
                "; this engine has no BuildKit: use a newer one, or write a Dockerfile for `builder: classic`"
            }
            Self::BuildKit { need: Some(need) } if parsed && need.what.contains("<<") => {
                "; this engine's BuildKit does not know heredocs: use engine 23 or later, or write the lines as one `RUN a && b`, or as files that are copied"
            }
            Self::BuildKit { .. } if said("nknown flag") => {
                "; this engine's BuildKit does not know the flag: use engine 23 or later, or write the Dockerfile without it"
            }
            Self::BuildKit { need: Some(need) }
                if need.what.starts_with("# syntax=") && (said("gateway.v0") || said("resolve image config")) =>
            {
                "; for `# syntax=` the engine fetches its frontend from a registry: build where there is a network, or remove the line where the engine's own will do"
            }
            Self::Classic { .. } | Self::BuildKit { .. } => "",
        }
    }
}

impl Engine {
    /// A build by BuildKit, as it is told. The session that goes with it has connections and tasks of its own, which the client
    /// never ends: so it gets a runtime of its own, and they end with that. Dropping the stream ends the build.
    pub(super) fn build_apart(
        &self,
        options: BuildImageOptions,
        context: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
    ) -> BoxStream<'static, Result<BuildInfo, String>> {
        let (sender, messages) = mpsc::channel(MESSAGES);
        let host = self.host.clone();
        let apart = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            match runtime {
                Ok(runtime) => runtime.block_on(told(&host, options, context, sender)),
                Err(err) => drop(sender.blocking_send(Err(format!("no room for its session: {err}")))),
            }
        };
        drop(tokio::task::spawn_blocking(apart));
        let next = |mut messages: mpsc::Receiver<_>| async move { Some((messages.recv().await?, messages)) };
        stream::unfold(messages, next).boxed()
    }
}

async fn told(
    host: &str,
    options: BuildImageOptions,
    context: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
    to: mpsc::Sender<Result<BuildInfo, String>>,
) {
    let telling = async {
        let engine = match Engine::connect_to(host).await {
            Ok(engine) => engine.patient(),
            Err(err) => return drop(to.send(Err(err.to_string())).await),
        };
        let mut output = engine.build_image(options, None, Some(body_try_stream(context)));
        while let Some(step) = output.next().await {
            if to.send(step.map_err(|err| words(&err))).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = telling => {}
        () = to.closed() => {}
    }
}

/// The name of a session: no two builds have the same.
pub(super) fn session(run: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("slowdrip-{run}-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// What BuildKit tells, step by step.
#[derive(Debug, Default)]
pub(super) struct Trace {
    // By digest.
    steps: BTreeMap<String, Step>,
    failed: Option<String>,
}

#[derive(Debug, Default)]
struct Step {
    name: String,
    told: bool,
    output: Splitter,
    last: VecDeque<String>,
}

impl Trace {
    /// The lines that a message adds: steps as they begin, and what they write.
    pub(super) fn take(&mut self, status: &StatusResponse) -> Vec<String> {
        let mut lines = Vec::new();
        for vertex in &status.vertexes {
            let step = self.steps.entry(vertex.digest.clone()).or_default();
            step.name.clone_from(&vertex.name);
            if !step.told && (vertex.cached || vertex.started.is_some()) {
                step.told = true;
                lines.push(if vertex.cached { format!("{} (cached)", vertex.name) } else { vertex.name.clone() });
            }
            if !vertex.error.is_empty() && !vertex.error.contains(CUT_OFF) {
                self.failed.get_or_insert_with(|| vertex.digest.clone());
            }
        }
        for log in &status.logs {
            let step = self.steps.entry(log.vertex.clone()).or_default();
            for line in step.output.push(&log.msg) {
                step.keep(&line);
                lines.push(line);
            }
        }
        lines
    }

    /// The step that failed and the end of what it wrote, where one did.
    pub(super) fn failed(&mut self) -> Option<Vec<String>> {
        let step = self.steps.get_mut(self.failed.as_ref()?)?;
        if let Some(line) = step.output.finish() {
            step.keep(&line);
        }
        Some([step.name.clone()].into_iter().chain(step.last.drain(..)).collect())
    }
}

impl Step {
    fn keep(&mut self, line: &str) {
        // One line of what a message shows is the step's name.
        if self.last.len() + 1 >= LAST {
            self.last.pop_front();
        }
        self.last.push_back(line.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap as Map;

    use bollard::moby::buildkit::v1::{Vertex, VertexLog};

    use super::*;

    fn vertex(digest: &str, begun: bool) -> Vertex {
        let started = begun.then(Default::default);
        Vertex { digest: digest.into(), name: format!("step {digest}"), started, ..Vertex::default() }
    }

    fn log(vertex: &str, text: &str) -> VertexLog {
        VertexLog { vertex: vertex.into(), msg: text.as_bytes().to_vec(), ..VertexLog::default() }
    }

    fn status(vertexes: Vec<Vertex>, logs: Vec<VertexLog>) -> StatusResponse {
        StatusResponse { vertexes, logs, ..StatusResponse::default() }
    }

    #[test]
    fn steps_are_told_once_as_they_begin_and_lines_as_they_are_whole() {
        let mut trace = Trace::default();
        assert_eq!(trace.take(&status(vec![vertex("a", false), vertex("b", true)], vec![])), ["step b"]);
        let cached = Vertex { cached: true, ..vertex("a", true) };
        assert_eq!(trace.take(&status(vec![cached, vertex("b", true)], vec![])), ["step a (cached)"]);
        assert_eq!(trace.take(&status(vec![], vec![log("b", "one\ntw"), log("a", "x\n")])), ["one", "x"]);
        assert_eq!(trace.take(&status(vec![], vec![log("b", "o\n")])), ["two"]);
        assert_eq!(trace.failed(), None);
    }

    #[test]
    fn of_several_steps_the_one_that_failed_is_shown_with_its_last_lines() {
        let mut trace = Trace::default();
        trace.take(&status(vec![vertex("a", true), vertex("b", true)], vec![log("a", "noise\n")]));
        let many: String = (0..100).map(|n| format!("{n}\n")).collect();
        trace.take(&status(vec![], vec![log("b", &many), log("b", "last words")]));
        let failed = |digest, error: &str| Vertex { error: error.into(), ..vertex(digest, true) };
        trace.take(&status(vec![failed("a", "context canceled"), failed("b", "exit code: 3")], vec![]));
        let shown = trace.failed().unwrap();
        assert_eq!((shown.len(), shown[0].as_str(), shown[1].as_str()), (LAST, "step b", "72"));
        assert_eq!(shown[LAST - 1], "last words");
    }

    #[test]
    fn the_builder_is_what_the_scenario_says_or_the_dockerfile_needs() {
        let dir = tempfile::tempdir().unwrap();
        let of = |text: &str, builder| {
            fs::write(dir.path().join("Dockerfile"), text).unwrap();
            let build = Build {
                context: dir.path().to_owned(),
                dockerfile: "Dockerfile".into(),
                args: Map::new(),
                stage: None,
                network: None,
                cache: true,
                builder,
            };
            Chosen::of(&build).unwrap()
        };
        let (plain, mount) = ("FROM x\n", "FROM x\nRUN --mount=type=cache true\n");
        assert_eq!(of(plain, Builder::Auto), Chosen::Classic { asked: false });
        assert_eq!(of(mount, Builder::Classic), Chosen::Classic { asked: true });
        assert_eq!(of(plain, Builder::BuildKit).aside(), " by BuildKit");
        assert_eq!(of(mount, Builder::Auto).aside(), " by BuildKit, which line 2 needs (RUN --mount)");
    }

    #[test]
    fn failures_with_a_known_cause_say_what_to_do() {
        let need = |what: &str| Chosen::BuildKit { need: Some(Need { line: 1, what: what.into() }) };
        let lines = |line: &str| vec![line.to_owned()];
        let auto = Chosen::Classic { asked: false };
        assert!(auto.hint("the --mount option requires BuildKit", &[]).contains("`builder: buildkit`"));
        assert!(Chosen::Classic { asked: true }.hint("", &lines("Unknown flag: mount")).contains("`builder: auto`"));
        assert!(need("RUN <<EOF").hint("unknown instruction: HELLO", &[]).contains("does not know heredocs"));
        assert!(need("COPY --link").hint("Unknown flag: link", &[]).contains("without it"));
        assert!(need("# syntax=a").hint("failed to solve with frontend gateway.v0", &[]).contains("a registry"));
        assert_eq!(need("RUN --mount").hint("exit code: 3", &[]), "");
        assert_eq!(auto.hint("returned a non-zero code: 1", &[]), "");
    }
}

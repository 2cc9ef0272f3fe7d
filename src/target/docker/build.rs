//! Builds images by one of the engine's builders.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::time::Duration;

use bollard::body_try_stream;
use bollard::moby::buildkit::v1::StatusResponse;
use bollard::models::BuildInfoAux;
use bollard::query_parameters::{BuildImageOptions, BuildImageOptionsBuilder, BuilderVersion};
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};

use super::buildkit::{Chosen, Trace, session};
use super::image::{Image, Making, is_noise, tag};
use super::{Engine, is_gone, refused, words};
use crate::model::redact::is_secret_name;
use crate::scenario::Build;
use crate::target::context::{Context, UNREAD};
use crate::target::error::TargetError;
use crate::target::lines::{Splitter, shown};

/// How many lines of a failed build a message shows.
pub(super) const LAST: usize = 30;

/// So often a build is begun whose image somebody else removes before it is marked.
const TRIES: u32 = 3;

impl Engine {
    pub(super) async fn build(
        &self,
        build: &Build,
        sidecar: Option<&str>,
        making: &Making<'_>,
    ) -> Result<Image, TargetError> {
        let name = sidecar.map_or_else(|| "the target".to_owned(), |sidecar| format!("sidecar `{sidecar}`"));
        let chosen = Chosen::of(build)?;
        let aside = shown(&chosen.aside(), making.redactor);
        (making.progress)(&format!("building {name} from {}{aside}", build.context.display()));
        let mut tries = 1;
        loop {
            let built = self.build_once(build, &chosen, &name, making).await?;
            match self.finish(build, &chosen, &built, &tag(making.marks, sidecar), &name, making).await {
                // Another run that built the very same image has just removed its own. From BuildKit's cache it comes at once.
                Err(Unfinished::Gone(_)) if chosen.is_buildkit() && tries < TRIES => tries += 1,
                Err(Unfinished::Gone(err) | Unfinished::Failed(err)) => return Err(err),
                Ok(image) => return Ok(image),
            }
        }
    }

    /// Builds, and returns the id of an image that nobody is known to own yet.
    async fn build_once(
        &self,
        build: &Build,
        chosen: &Chosen,
        name: &str,
        making: &Making<'_>,
    ) -> Result<String, TargetError> {
        let context = Context::open(&build.context, &build.dockerfile)?;
        let args: HashMap<String, String> =
            build.args.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
        let mut options =
            BuildImageOptionsBuilder::new().dockerfile(&context.dockerfile()).buildargs(&args).rm(true).forcerm(true);
        options = options.nocache(!build.cache);
        if let Some(stage) = &build.stage {
            options = options.target(stage);
        }
        if let Some(network) = &build.network {
            options = options.networkmode(network);
        }
        if chosen.is_buildkit() {
            options = options.version(BuilderVersion::BuilderBuildKit).session(&session(&making.marks.run));
        }
        let (pieces, sent) = context.stream();
        let pieces = stream::unfold(pieces, |mut pieces| async move {
            let piece = pieces.recv().await?;
            Some((piece, pieces))
        });
        let mut tail = Tail::new(making);
        let message = match self.run_build(options.build(), pieces, &mut tail).await {
            Ok(built) => return Ok(built),
            Err(message) => message,
        };
        // A context that broke off is the cause, whatever the engine made of it; one that was not read is not.
        let sent = tokio::time::timeout(Duration::from_secs(2), sent).await;
        if let Ok(Ok(Err(fault))) = sent
            && !fault.to_string().contains(UNREAD)
        {
            return Err(fault);
        }
        let lines = tail.of_the_failure();
        let hint = chosen.hint(&message, &lines);
        Err(TargetError::BuildFailed { name: name.to_owned(), message, hint, lines })
    }

    /// What makes a built image the run's own.
    async fn finish(
        &self,
        build: &Build,
        chosen: &Chosen,
        built: &str,
        tag: &str,
        name: &str,
        making: &Making<'_>,
    ) -> Result<Image, Unfinished> {
        let found = match self.api.inspect_image(built).await {
            Ok(found) => found,
            Err(err) if is_gone(&err) => return Err(Unfinished::Gone(refused("look at the built image")(err))),
            Err(err) => return Err(Unfinished::Failed(refused("look at the built image")(err))),
        };
        let mut image = Image::of(found, built);
        let shown_args = build.args.iter().filter(|(key, _)| !is_secret_name(key));
        image.versions.extend(shown_args.map(|(key, value)| (key.clone(), making.redactor.mask(value))));
        // BuildKit has a cache of its own: without a name an image of its is of no use to a later build.
        let cache = build.cache && !chosen.is_buildkit();
        image.id = self.mark(built, tag, cache, name, making).await?;
        Ok(image)
    }

    /// Runs a build to its end and returns the image's id, or the engine's words.
    async fn run_build(
        &self,
        options: BuildImageOptions,
        context: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
        tail: &mut Tail<'_>,
    ) -> Result<String, String> {
        let patient = self.patient();
        let mut output = if options.version == BuilderVersion::BuilderBuildKit {
            self.build_apart(options, context)
        } else {
            let output = patient.build_image(options, None, Some(body_try_stream(context)));
            output.map(|step| step.map_err(|err| words(&err))).boxed()
        };
        let mut id = None;
        let mut failure = None;
        while let Some(step) = output.next().await {
            match step {
                Ok(info) => {
                    tail.take(info.stream.unwrap_or_default().as_bytes());
                    let status = info.status.unwrap_or_default();
                    if !is_noise(&status) {
                        tail.line(&status);
                    }
                    // Every stage tells its id; the last one is the image.
                    match info.aux {
                        Some(BuildInfoAux::Default(image)) => id = image.id.or(id),
                        Some(BuildInfoAux::BuildKit(status)) => tail.trace(&status),
                        None => {}
                    }
                }
                Err(err) => {
                    failure = Some(shown(&err, tail.making.redactor));
                    break;
                }
            }
        }
        tail.end();
        match failure {
            Some(message) => Err(message),
            None => id.ok_or_else(|| "the engine does not tell the image's id".to_owned()),
        }
    }

    /// Puts the run's labels and tag on a layer of their own. Inside the build each label would be one more image, and the
    /// image itself would be another one every night, even where nothing changed.
    async fn mark(
        &self,
        image: &str,
        tag: &str,
        cache: bool,
        name: &str,
        making: &Making<'_>,
    ) -> Result<String, Unfinished> {
        let uncached = (!cache).then(|| format!("{}=\"none\"", crate::target::owner::CACHE));
        let marks = making.marks.labels.iter().map(|(key, value)| format!("{key}=\"{value}\""));
        let labels: Vec<String> = marks.chain(uncached).collect();
        let dockerfile = format!("FROM {image}\nLABEL {}\n", labels.join(" "));
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o644);
        header.set_size(dockerfile.len() as u64);
        let mut context = tar::Builder::new(Vec::new());
        let written = context.append_data(&mut header, "Dockerfile", dockerfile.as_bytes());
        let failed = |message: String| {
            let gone = message.contains("No such image") || message.contains("not found");
            let err = TargetError::BuildFailed { name: name.to_owned(), message, hint: "", lines: Vec::new() };
            if gone { Unfinished::Gone(err) } else { Unfinished::Failed(err) }
        };
        let bytes = written.and_then(|()| context.into_inner()).map_err(|err| failed(err.to_string()))?;
        let options = BuildImageOptionsBuilder::new().t(tag).rm(true).forcerm(true).build();
        let quiet = Making { progress: &|_| {}, ..*making };
        let mut tail = Tail::new(&quiet);
        self.run_build(options, stream::iter([Ok(bytes.into())]), &mut tail).await.map_err(failed)
    }
}

/// Why a built image did not become the run's own.
enum Unfinished {
    /// It is not there any more.
    Gone(TargetError),
    Failed(TargetError),
}

/// The end of a build's output; every line is also reported at once.
struct Tail<'a> {
    last: VecDeque<String>,
    splitter: Splitter,
    trace: Trace,
    making: &'a Making<'a>,
}

impl<'a> Tail<'a> {
    fn new(making: &'a Making<'a>) -> Self {
        Self { last: VecDeque::new(), splitter: Splitter::default(), trace: Trace::default(), making }
    }

    fn trace(&mut self, status: &StatusResponse) {
        for line in self.trace.take(status) {
            self.line(&line);
        }
    }

    /// The lines that a message shows: those of the step that failed, where it is known, else the last of all.
    fn of_the_failure(mut self) -> Vec<String> {
        let failed = self.trace.failed().unwrap_or_default();
        let failed: Vec<String> = failed.iter().map(|line| shown(line.trim_end(), self.making.redactor)).collect();
        if failed.is_empty() { self.last.into() } else { failed }
    }

    fn take(&mut self, bytes: &[u8]) {
        for line in self.splitter.push(bytes) {
            self.line(&line);
        }
    }

    fn end(&mut self) {
        if let Some(line) = self.splitter.finish() {
            self.line(&line);
        }
    }

    fn line(&mut self, line: &str) {
        let line = shown(line.trim_end(), self.making.redactor);
        if line.is_empty() {
            return;
        }
        (self.making.progress)(&line);
        if self.last.len() >= LAST {
            self.last.pop_front();
        }
        self.last.push_back(line);
    }
}

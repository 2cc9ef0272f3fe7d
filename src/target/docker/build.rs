//! Builds images by the engine's classic builder.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::time::Duration;

use bollard::body_try_stream;
use bollard::models::BuildInfoAux;
use bollard::query_parameters::{BuildImageOptions, BuildImageOptionsBuilder};
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};

use super::image::{Image, Making, is_noise, tag};
use super::{Engine, refused, words};
use crate::model::redact::is_secret_name;
use crate::scenario::Build;
use crate::target::context::{Context, UNREAD};
use crate::target::error::TargetError;
use crate::target::lines::{Splitter, shown};

/// How many lines of a failed build a message shows.
const LAST: usize = 30;

impl Engine {
    pub(super) async fn build(
        &self,
        build: &Build,
        sidecar: Option<&str>,
        making: &Making<'_>,
    ) -> Result<Image, TargetError> {
        let name = sidecar.map_or_else(|| "the target".to_owned(), |sidecar| format!("sidecar `{sidecar}`"));
        (making.progress)(&format!("building {name} from {}", build.context.display()));
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
        let (pieces, sent) = context.stream();
        let pieces = stream::unfold(pieces, |mut pieces| async move {
            let piece = pieces.recv().await?;
            Some((piece, pieces))
        });
        let mut tail = Tail { last: VecDeque::new(), splitter: Splitter::default(), making };
        let built = match self.run_build(options.build(), pieces, &mut tail).await {
            Ok(built) => built,
            Err(message) => {
                // A context that broke off is the cause, whatever the engine made of it; one that was not read is not.
                let sent = tokio::time::timeout(Duration::from_secs(2), sent).await;
                if let Ok(Ok(Err(fault))) = sent
                    && !fault.to_string().contains(UNREAD)
                {
                    return Err(fault);
                }
                let hint = hint(&message, &tail.last);
                return Err(TargetError::BuildFailed { name, message, hint, lines: tail.last.into() });
            }
        };
        let found = self.api.inspect_image(&built).await.map_err(refused("look at the built image"))?;
        let mut image = Image::of(found, &built);
        let shown_args = build.args.iter().filter(|(key, _)| !is_secret_name(key));
        image.versions.extend(shown_args.map(|(key, value)| (key.clone(), making.redactor.mask(value))));
        image.id = self.mark(&built, &tag(making.marks, sidecar), build.cache, name, making).await?;
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
        let mut output = patient.build_image(options, None, Some(body_try_stream(context)));
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
                    id = match info.aux {
                        Some(BuildInfoAux::Default(image)) => image.id.or(id),
                        Some(BuildInfoAux::BuildKit(_)) | None => id,
                    };
                }
                Err(err) => {
                    failure = Some(shown(&words(&err), tail.making.redactor));
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
        name: String,
        making: &Making<'_>,
    ) -> Result<String, TargetError> {
        let uncached = (!cache).then(|| format!("{}=\"none\"", crate::target::owner::CACHE));
        let marks = making.marks.labels.iter().map(|(key, value)| format!("{key}=\"{value}\""));
        let labels: Vec<String> = marks.chain(uncached).collect();
        let dockerfile = format!("FROM {image}\nLABEL {}\n", labels.join(" "));
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o644);
        header.set_size(dockerfile.len() as u64);
        let mut context = tar::Builder::new(Vec::new());
        let written = context.append_data(&mut header, "Dockerfile", dockerfile.as_bytes());
        let failed = |message| TargetError::BuildFailed { name: name.clone(), message, hint: "", lines: Vec::new() };
        let bytes = written.and_then(|()| context.into_inner()).map_err(|err| failed(err.to_string()))?;
        let options = BuildImageOptionsBuilder::new().t(tag).rm(true).forcerm(true).build();
        let quiet = Making { progress: &|_| {}, ..*making };
        let mut tail = Tail { last: VecDeque::new(), splitter: Splitter::default(), making: &quiet };
        self.run_build(options, stream::iter([Ok(bytes.into())]), &mut tail).await.map_err(failed)
    }
}

/// What can be done about a failure that has a known cause.
fn hint(message: &str, lines: &VecDeque<String>) -> &'static str {
    let mut all = lines.iter().map(String::as_str).chain([message]);
    let buildkit = |line: &str| line.contains("BuildKit") || line.contains("nknown flag: mount");
    if all.any(buildkit) {
        "; slowdrip uses the engine's classic builder: build this Dockerfile with `docker build -t NAME .` and use `image: NAME`"
    } else {
        ""
    }
}

/// The end of a build's output; every line is also reported at once.
struct Tail<'a> {
    last: VecDeque<String>,
    splitter: Splitter,
    making: &'a Making<'a>,
}

impl Tail<'_> {
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

//! Images: find them, or pull them. How they are built is in `build.rs`.

use std::collections::BTreeMap;

use bollard::models::ImageInspect;
use bollard::query_parameters::CreateImageOptionsBuilder;
use futures_util::StreamExt;

use super::{Engine, Marks, is_gone, refused, words};
use crate::model::Redactor;
use crate::scenario::TargetKind;
use crate::target::Progress;
use crate::target::error::TargetError;
use crate::target::lines::shown;

/// Lines of a pull that come many times a second.
const NOISE: [&str; 6] =
    ["Downloading", "Extracting", "Waiting", "Pulling fs layer", "Verifying Checksum", "Download complete"];
/// The key of every label and argument that tells which version an image is.
const VERSION_WORDS: [&str; 5] = ["version", "revision", "commit", "vcs-ref", "ref"];

/// An image that can be run.
#[derive(Debug, Clone)]
pub(super) struct Image {
    /// How it is named in a create call: its id.
    pub(super) id: String,
    /// What identifies it in a record: the registry's digest, else its id.
    pub(super) digest: String,
    /// Build arguments and labels that name a version.
    pub(super) versions: BTreeMap<String, String>,
}

impl Image {
    pub(super) fn of(found: ImageInspect, reference: &str) -> Self {
        let id = found.id.unwrap_or_else(|| reference.to_owned());
        let digest = found.repo_digests.and_then(|all| all.into_iter().next()).unwrap_or_else(|| id.clone());
        let labels = found.config.and_then(|config| config.labels).unwrap_or_default();
        let versions = labels.into_iter().filter(|(key, _)| names_a_version(key)).collect();
        Self { id, digest, versions }
    }
}

/// True for lines of progress that come many times a second, and for empty ones.
pub(super) fn is_noise(status: &str) -> bool {
    status.is_empty() || NOISE.iter().any(|noise| status.starts_with(noise))
}

fn names_a_version(key: &str) -> bool {
    let last = key.rsplit('.').next().unwrap_or(key).to_ascii_lowercase();
    VERSION_WORDS.contains(&last.as_str())
}

/// Who reports on the making of an image.
pub(super) struct Making<'a> {
    pub(super) marks: &'a Marks,
    pub(super) redactor: &'a Redactor,
    pub(super) progress: &'a Progress<'a>,
}

impl Engine {
    /// The image of the target (`sidecar` is `None`) or of a sidecar, made or fetched where need be.
    pub(super) async fn image(
        &self,
        kind: &TargetKind,
        sidecar: Option<&str>,
        making: &Making<'_>,
    ) -> Result<Image, TargetError> {
        match kind {
            TargetKind::Build(build) => self.build(build, sidecar, making).await,
            TargetKind::Image(name) => self.find_or_pull(name, making).await,
            TargetKind::Container(_) | TargetKind::Command { .. } | TargetKind::Pid(_) => {
                Err(TargetError::NoImage { name: sidecar.unwrap_or("the target").to_owned(), kind: kind.key() })
            }
        }
    }

    /// An image that is there, for the record; `None` where the engine does not know it (any more).
    pub(super) async fn found_image(&self, name: &str) -> Option<Image> {
        self.api.inspect_image(name).await.ok().map(|found| Image::of(found, name))
    }

    async fn find_or_pull(&self, name: &str, making: &Making<'_>) -> Result<Image, TargetError> {
        match self.api.inspect_image(name).await {
            Ok(found) => return Ok(Image::of(found, name)),
            Err(err) if is_gone(&err) => {}
            Err(err) => return Err(refused("look for the image")(err)),
        }
        let shown_name = shown(name, making.redactor);
        if name.starts_with("sha256:") {
            return Err(TargetError::ImageMissing {
                image: shown_name,
                pull: "an id cannot be pulled, only a name".into(),
            });
        }
        (making.progress)(&format!("pulling {shown_name}"));
        let missing = |err: &bollard::errors::Error| TargetError::ImageMissing {
            image: shown_name.clone(),
            pull: shown(&words(err), making.redactor),
        };
        let (repository, tag) = split_reference(name);
        let options = CreateImageOptionsBuilder::new().from_image(repository).tag(tag).build();
        let patient = self.patient();
        let mut pull = patient.create_image(Some(options), None, None);
        while let Some(step) = pull.next().await {
            let status = step.map_err(|err| missing(&err))?.status.unwrap_or_default();
            if !is_noise(&status) {
                (making.progress)(&shown(&status, making.redactor));
            }
        }
        self.api.inspect_image(name).await.map(|found| Image::of(found, name)).map_err(|err| missing(&err))
    }
}

/// The tag of a built image. Names of scenarios allow more than names of images do, so runs of separators are joined.
pub(super) fn tag(marks: &Marks, sidecar: Option<&str>) -> String {
    let name = sidecar.map_or_else(|| marks.scenario.clone(), |sidecar| format!("{}-{sidecar}", marks.scenario));
    let parts: Vec<String> = name
        .to_ascii_lowercase()
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|part| !part.is_empty())
        .map(str::to_owned)
        .collect();
    let name = if parts.is_empty() { "scenario".to_owned() } else { parts.join("-") };
    format!("{REPOSITORY}{name}:{}", marks.run)
}

/// Built images are named like this.
pub(super) const REPOSITORY: &str = "slowdrip/";

/// Repository and tag; without a tag `latest`, for else the engine would fetch all tags there are.
fn split_reference(name: &str) -> (&str, &str) {
    if name.contains('@') {
        return (name, "");
    }
    let base = name.rfind('/').map_or(0, |slash| slash + 1);
    match name.get(base..).and_then(|rest| rest.find(':')) {
        Some(colon) => (name.get(..base + colon).unwrap_or(name), name.get(base + colon + 1..).unwrap_or("latest")),
        None => (name, "latest"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_cut_at_its_tag_and_not_at_the_port() {
        assert_eq!(split_reference("app"), ("app", "latest"));
        assert_eq!(split_reference("host:5000/team/app"), ("host:5000/team/app", "latest"));
        assert_eq!(split_reference("host:5000/app:1.2"), ("host:5000/app", "1.2"));
        assert_eq!(split_reference("app@sha256:00"), ("app@sha256:00", ""));
    }

    #[test]
    fn a_tag_is_valid_whatever_the_scenario_is_called() {
        let tag_of = |name: &str, sidecar| tag(&Marks::new(name, "20261122-020000-3fa9"), sidecar);
        assert_eq!(tag_of("local-deep-research", None), "slowdrip/local-deep-research:20261122-020000-3fa9");
        assert_eq!(tag_of("-a..b__c", Some("x")), "slowdrip/a-b-c-x:20261122-020000-3fa9");
        assert_eq!(tag_of("...", None), "slowdrip/scenario:20261122-020000-3fa9");
    }

    #[test]
    fn labels_that_name_a_version_are_told_from_others() {
        assert!(names_a_version("org.opencontainers.image.version") && names_a_version("org.label-schema.vcs-ref"));
        assert!(names_a_version("VERSION") && !names_a_version("maintainer") && !names_a_version("slowdrip.run"));
    }
}

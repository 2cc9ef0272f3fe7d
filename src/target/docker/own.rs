//! The image of this very program, for helpers: made once for each process, removed when no helper needs it any more.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use bollard::body_try_stream;
use bollard::query_parameters::CreateImageOptionsBuilder;
use futures_util::{StreamExt, stream};
use tokio::sync::Mutex;

use super::remove::{Kind, Thing};
use super::{Engine, Marks, words};
use crate::pack::{self, Contents};
use crate::target::context::in_pieces;
use crate::target::error::TargetError;
use crate::target::owner;

/// The scenario that the image's labels name: it belongs to none.
const SCENARIO: &str = "probe";

/// The image, once it is there. One process speaks to one engine.
static IMAGE: Mutex<Option<OwnImage>> = Mutex::const_new(None);

/// How many helpers need it.
static LEASES: AtomicUsize = AtomicUsize::new(0);

/// An image of this program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OwnImage {
    /// Its id.
    pub(super) id: String,
    /// True where `LD_LIBRARY_PATH` must be set.
    pub(super) dynamic: bool,
}

/// While it lives, the image stays.
#[derive(Debug)]
pub(super) struct Lease(());

impl Lease {
    fn new() -> Self {
        LEASES.fetch_add(1, Ordering::SeqCst);
        Self(())
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        LEASES.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Engine {
    /// The image of this program, made where it is not there yet. It is imported as a single layer: nothing of it is left in
    /// the cache of the builder, and a making that is broken off leaves nothing.
    pub(super) async fn own_image(&self) -> Result<(OwnImage, Lease), TargetError> {
        // Taken before the wait, so that nobody removes the image in between.
        let lease = Lease::new();
        let mut held = IMAGE.lock().await;
        if let Some(image) = held.clone() {
            // Somebody may have pruned it meanwhile.
            if self.api.inspect_image(&image.id).await.is_ok() {
                return Ok((image, lease));
            }
        }
        let image = self.import().await?;
        *held = Some(image.clone());
        Ok((image, lease))
    }

    async fn import(&self) -> Result<OwnImage, TargetError> {
        let failed = |message: String| TargetError::Helper { verb: "packed", message };
        let contents = tokio::task::spawn_blocking(pack::contents).await.map_err(|err| failed(err.to_string()))?;
        let contents = contents.map_err(|err| failed(err.to_string()))?;
        let dynamic = contents.dynamic;
        let options = CreateImageOptionsBuilder::new().from_src("-").changes(vec![labels()]).build();
        let pieces = in_pieces(move |to| archive(&contents, to));
        let pieces = stream::unfold(pieces, |mut pieces| async move { Some((pieces.recv().await?, pieces)) });
        let patient = self.patient();
        let mut answers = patient.create_image(Some(options), Some(body_try_stream(pieces)), None);
        let mut id = None;
        while let Some(answer) = answers.next().await {
            let status = answer.map_err(|err| failed(words(&err)))?.status;
            id = status.map(|status| status.trim().to_owned()).filter(|status| status.starts_with("sha256:")).or(id);
        }
        let id = id.ok_or_else(|| failed("the engine does not tell the image's id".to_owned()))?;
        Ok(OwnImage { id, dynamic })
    }

    /// Removes the image, unless a helper still needs it.
    pub(super) async fn remove_own_image(&self) -> Result<(), TargetError> {
        let mut held = IMAGE.lock().await;
        if LEASES.load(Ordering::SeqCst) > 0 {
            return Ok(());
        }
        let Some(image) = held.take() else { return Ok(()) };
        let thing = Thing {
            kind: Kind::Image,
            id: image.id.clone(),
            name: image.id,
            labels: [(owner::CACHE.to_owned(), "none".to_owned())].into(),
        };
        self.remove_surely(thing).await
    }
}

/// The labels by which a sweep finds the image when this process is gone. Of no night: the next night uses it too.
fn labels() -> String {
    let marks = Marks::new(SCENARIO, &format!("probe-{}", std::process::id()));
    let uncached = format!("{}=\"none\"", owner::CACHE);
    let marks = marks.labels.iter().map(|(key, value)| format!("{key}=\"{value}\""));
    let labels: Vec<String> = marks.chain([uncached]).collect();
    format!("LABEL {}", labels.join(" "))
}

/// Writes the image's only layer.
fn archive(contents: &Contents, to: &mut dyn Write) -> io::Result<()> {
    let mut tar = tar::Builder::new(to);
    for (file, at) in &contents.files {
        let mut from = File::open(file)?;
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Regular);
        header.set_mode(0o755);
        header.set_uid(0);
        header.set_gid(0);
        header.set_size(from.metadata()?.len());
        let name: PathBuf = at.strip_prefix("/").map_or_else(|_| at.clone(), Path::to_owned);
        tar.append_data(&mut header, name, &mut from)?;
    }
    tar.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_layer_holds_the_program_where_it_is_started() {
        let dir = tempfile::tempdir().unwrap();
        let library = dir.path().join("libx.so.1.2");
        std::fs::write(&library, "library").unwrap();
        let program = dir.path().join("program");
        std::fs::write(&program, "program").unwrap();
        let contents = Contents {
            files: vec![
                (program, PathBuf::from(pack::IN_IMAGE)),
                (library, Path::new(pack::LIBRARIES).join("libx.so.1")),
            ],
            dynamic: true,
        };
        let mut layer = Vec::new();
        archive(&contents, &mut layer).unwrap();
        let mut archive = tar::Archive::new(layer.as_slice());
        let found: Vec<(String, u32)> = archive
            .entries()
            .unwrap()
            .map(Result::unwrap)
            .map(|entry| (entry.path().unwrap().to_string_lossy().into_owned(), entry.header().mode().unwrap()))
            .collect();
        assert_eq!(found, [("slowdrip".to_owned(), 0o755), ("opt/slowdrip/lib/libx.so.1".to_owned(), 0o755)]);
    }

    #[test]
    fn the_image_bears_its_owner() {
        let labels = labels();
        assert!(labels.starts_with("LABEL ") && labels.contains("slowdrip.owner=\""), "{labels}");
        assert!(labels.contains("slowdrip.cache=\"none\"") && !labels.contains('\n'));
    }
}

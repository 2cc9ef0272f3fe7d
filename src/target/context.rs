//! The build context as a tar stream: what `.dockerignore` leaves, modes and symlinks kept, special files skipped.

use std::fs::{self, File, Metadata};
use std::io::{self, Read, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Component, Path, PathBuf};

use bytes::Bytes;
use tokio::sync::mpsc;

use super::error::TargetError;
use super::ignored::Ignored;
use crate::model::text::printable;

/// Pieces on their way to the engine; more would only wait in memory.
const PIECES: usize = 8;
/// What stands in the error where the fault is not the context's.
pub(super) const UNREAD: &str = "the engine stopped reading the context";
const PIECE: usize = 64 * 1024;

/// A context that was looked at and can be sent.
#[derive(Debug)]
pub(super) struct Context {
    root: PathBuf,
    ignored: Ignored,
    // Sent even where a pattern leaves it out, for the engine must read it.
    dockerfile: PathBuf,
}

impl Context {
    /// Checks the folder, the Dockerfile in it and the rules of `.dockerignore`.
    ///
    /// # Errors
    /// One of these is missing or cannot be read.
    pub(super) fn open(root: &Path, dockerfile: &str) -> Result<Self, TargetError> {
        let meta =
            fs::metadata(root).map_err(|err| fault(root, &format!("{err}; correct `context` in the scenario")))?;
        if !meta.is_dir() {
            return Err(fault(root, "it is not a folder; correct `context` in the scenario"));
        }
        let path = root.join(dockerfile);
        let parts = Path::new(dockerfile).components();
        if parts.clone().any(|part| !matches!(part, Component::Normal(_) | Component::CurDir)) {
            return Err(fault(&path, "it lies outside the context; `dockerfile` is relative to the context"));
        }
        File::open(&path)
            .map_err(|err| fault(&path, &format!("{err}; correct `dockerfile`, which is relative to the context")))?;
        // A file beside the Dockerfile goes before the common one.
        let own = root.join(format!("{dockerfile}.dockerignore"));
        let rules = if own.is_file() { own } else { root.join(".dockerignore") };
        let text = match fs::read_to_string(&rules) {
            Ok(text) => text,
            Err(err) if err.kind() == io::ErrorKind::NotFound => String::new(),
            Err(err) => return Err(fault(&rules, &err.to_string())),
        };
        let ignored = Ignored::parse(&text).map_err(|reason| fault(&rules, &reason))?;
        let dockerfile = parts.filter(|part| matches!(part, Component::Normal(_))).collect();
        Ok(Self { root: root.to_owned(), ignored, dockerfile })
    }

    /// The Dockerfile's name in the tar.
    pub(super) fn dockerfile(&self) -> String {
        self.dockerfile.to_string_lossy().into_owned()
    }

    /// Writes the tar, entries in the order of their names.
    ///
    /// # Errors
    /// A file that cannot be read, by name; or the reader went away.
    pub(super) fn write(&self, to: impl Write) -> Result<(), TargetError> {
        let mut tar = tar::Builder::new(to);
        tar.follow_symlinks(false);
        self.folder(Path::new(""), &mut tar)?;
        tar.finish().map_err(|err| fault(&self.root, &err.to_string()))
    }

    fn folder<W: Write>(&self, below: &Path, tar: &mut tar::Builder<W>) -> Result<(), TargetError> {
        let path = self.root.join(below);
        let listed: io::Result<Vec<_>> = fs::read_dir(&path).and_then(Iterator::collect);
        let mut entries = listed.map_err(|err| unreadable(&path, &err))?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let name = below.join(entry.file_name());
            let path = entry.path();
            let meta = match fs::symlink_metadata(&path) {
                Ok(meta) => meta,
                // It went away between the listing and the look: it is no longer part of the context.
                Err(err) if err.kind() == io::ErrorKind::NotFound => continue,
                Err(err) => return Err(unreadable(&path, &err)),
            };
            let excluded = self.ignored.excludes(&name) && name != self.dockerfile;
            if meta.is_dir() {
                if !excluded {
                    let mut header = header_of(&meta, tar::EntryType::Directory);
                    tar.append_data(&mut header, &name, io::empty()).map_err(|err| fault(&path, &err.to_string()))?;
                }
                if !excluded || !self.ignored.is_final() || self.dockerfile.starts_with(&name) {
                    self.folder(&name, tar)?;
                }
            } else if !excluded {
                entry_of(&path, &name, &meta, tar)?;
            }
        }
        Ok(())
    }

    /// The tar in pieces, made by a thread of its own. Its outcome is the second part: the stream itself only breaks off.
    pub(super) fn stream(
        self,
    ) -> (mpsc::Receiver<io::Result<Bytes>>, tokio::task::JoinHandle<Result<(), TargetError>>) {
        let (sender, receiver) = mpsc::channel(PIECES);
        let made = tokio::task::spawn_blocking(move || {
            let mut pieces = Pieces { sender, held: Vec::with_capacity(PIECE) };
            let written = self
                .write(&mut pieces)
                .and_then(|()| pieces.flush().map_err(|err| fault(&self.root, &err.to_string())));
            if let Err(err) = &written {
                // Without an error in the stream the engine would take half a context for a whole one.
                let broken = io::Error::other(err.to_string());
                let _gone = pieces.sender.blocking_send(Err(broken));
            }
            written
        });
        (receiver, made)
    }
}

fn entry_of<W: Write>(path: &Path, name: &Path, meta: &Metadata, tar: &mut tar::Builder<W>) -> Result<(), TargetError> {
    let kind = meta.file_type();
    if kind.is_symlink() {
        let target = fs::read_link(path).map_err(|err| unreadable(path, &err))?;
        let mut header = header_of(meta, tar::EntryType::Symlink);
        return tar.append_link(&mut header, name, target).map_err(|err| fault(path, &err.to_string()));
    }
    if kind.is_fifo() || kind.is_socket() || kind.is_char_device() || kind.is_block_device() {
        return Ok(());
    }
    let file = File::open(path).map_err(|err| unreadable(path, &err))?;
    // Size and bytes must fit together, so both come from the opened file.
    let meta = file.metadata().map_err(|err| unreadable(path, &err))?;
    let mut header = header_of(&meta, tar::EntryType::Regular);
    header.set_size(meta.len());
    let mut exact = Exact { file, left: meta.len(), path };
    tar.append_data(&mut header, name, &mut exact).map_err(|err| fault(path, &err.to_string()))
}

/// Owner and group become root, as with `docker build`: the numbers of this machine mean nothing in the image.
fn header_of(meta: &Metadata, kind: tar::EntryType) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(meta.mode() & 0o7777);
    header.set_mtime(u64::try_from(meta.mtime()).unwrap_or_default());
    header.set_uid(0);
    header.set_gid(0);
    header.set_size(0);
    header
}

fn unreadable(path: &Path, err: &io::Error) -> TargetError {
    fault(path, &format!("{err}; make it readable, or name it in `.dockerignore`"))
}

fn fault(path: &Path, reason: &str) -> TargetError {
    TargetError::Context { path: PathBuf::from(printable(&path.to_string_lossy())), reason: reason.to_owned() }
}

/// Exactly as many bytes of a file as its header says.
struct Exact<'a> {
    file: File,
    left: u64,
    path: &'a Path,
}

impl Read for Exact<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            return Ok(0);
        }
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let Some(room) = buffer.get_mut(..most) else { return Ok(0) };
        let read = self.file.read(room)?;
        if read == 0 {
            let name = printable(&self.path.to_string_lossy());
            return Err(io::Error::other(format!(
                "{name} became shorter while it was read; run again when it is at rest"
            )));
        }
        self.left = self.left.saturating_sub(read as u64);
        Ok(read)
    }
}

/// What `write` writes, in pieces, made by a thread of its own. An error breaks the stream off.
pub(super) fn in_pieces(
    write: impl FnOnce(&mut dyn Write) -> io::Result<()> + Send + 'static,
) -> mpsc::Receiver<io::Result<Bytes>> {
    let (sender, receiver) = mpsc::channel(PIECES);
    tokio::task::spawn_blocking(move || {
        let mut pieces = Pieces { sender, held: Vec::with_capacity(PIECE) };
        if let Err(err) = write(&mut pieces).and_then(|()| pieces.flush()) {
            let _gone = pieces.sender.blocking_send(Err(err));
        }
    });
    receiver
}

/// Collects bytes and sends them on.
struct Pieces {
    sender: mpsc::Sender<io::Result<Bytes>>,
    held: Vec<u8>,
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.held.extend_from_slice(bytes);
        if self.held.len() >= PIECE {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.held.is_empty() {
            return Ok(());
        }
        let piece = std::mem::replace(&mut self.held, Vec::with_capacity(PIECE));
        let sent = self.sender.blocking_send(Ok(piece.into()));
        sent.map_err(|_closed| io::Error::new(io::ErrorKind::BrokenPipe, UNREAD))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::os::unix::net::UnixListener;

    use super::*;

    fn names(tar: &[u8]) -> BTreeMap<String, (u32, Option<String>)> {
        let mut archive = tar::Archive::new(tar);
        let entries = archive.entries().unwrap().map(Result::unwrap);
        entries
            .map(|entry| {
                let link = entry.link_name().unwrap().map(|link| link.to_string_lossy().into_owned());
                (entry.path().unwrap().to_string_lossy().into_owned(), (entry.header().mode().unwrap(), link))
            })
            .collect()
    }

    fn written(root: &Path, dockerfile: &str) -> BTreeMap<String, (u32, Option<String>)> {
        let mut out = Vec::new();
        Context::open(root, dockerfile).unwrap().write(&mut out).unwrap();
        names(&out)
    }

    #[test]
    fn keeps_modes_and_symlinks_and_skips_special_files_and_what_is_ignored() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        fs::write(root.join("Dockerfile"), "FROM scratch").unwrap();
        fs::write(root.join(".dockerignore"), "*\n!src\nsrc/*.o\n").unwrap();
        fs::create_dir_all(root.join("src/deep")).unwrap();
        fs::write(root.join("src/run.sh"), "#!/bin/sh").unwrap();
        fs::set_permissions(root.join("src/run.sh"), fs::Permissions::from_mode(0o750)).unwrap();
        fs::write(root.join("src/x.o"), "").unwrap();
        fs::write(root.join("secret"), "").unwrap();
        symlink("/nowhere/at all", root.join("src/deep/link")).unwrap();
        let _socket = UnixListener::bind(root.join("src/socket")).unwrap();

        let found = written(root, "Dockerfile");
        let paths: Vec<&str> = found.keys().map(String::as_str).collect();
        assert_eq!(paths, ["Dockerfile", "src", "src/deep", "src/deep/link", "src/run.sh"]);
        assert_eq!(found["src/run.sh"].0, 0o750);
        assert_eq!(found["src/deep/link"].1.as_deref(), Some("/nowhere/at all"));
    }

    #[test]
    fn sends_a_dockerfile_in_an_ignored_folder_and_long_names() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        let long = "n".repeat(180);
        fs::create_dir_all(root.join("docker")).unwrap();
        fs::write(root.join("docker/app.Dockerfile"), "FROM scratch").unwrap();
        fs::write(root.join("docker/other"), "").unwrap();
        fs::write(root.join(".dockerignore"), "docker\n").unwrap();
        fs::create_dir(root.join(&long)).unwrap();
        fs::write(root.join(&long).join("x"), "").unwrap();
        let found = written(root, "./docker/app.Dockerfile");
        assert!(found.contains_key("docker/app.Dockerfile") && !found.contains_key("docker/other"));
        assert!(found.contains_key(&format!("{long}/x")));
    }

    #[test]
    fn names_the_folder_the_dockerfile_and_the_rule_at_fault() {
        let dir = tempfile::tempdir().unwrap();
        let open = |root: &Path| Context::open(root, "Dockerfile").unwrap_err().to_string();
        assert!(open(&dir.path().join("gone")).contains("correct `context`"));
        assert!(open(dir.path()).contains("correct `dockerfile`"));
        let outside = Context::open(dir.path(), "../Dockerfile").unwrap_err().to_string();
        assert!(outside.contains("outside the context"), "{outside}");
        fs::write(dir.path().join("Dockerfile"), "FROM scratch").unwrap();
        fs::write(dir.path().join(".dockerignore"), "[\n").unwrap();
        assert!(open(dir.path()).contains(".dockerignore"));
    }

    #[test]
    fn a_file_that_cannot_be_read_is_named() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("Dockerfile"), "FROM scratch").unwrap();
        let context = Context::open(dir.path(), "Dockerfile").unwrap();
        // Permissions do not stop root, but a name that ends a line must not either break the message.
        let err = unreadable(&dir.path().join("a\nb"), &io::Error::from(io::ErrorKind::PermissionDenied)).to_string();
        assert!(err.contains("a\\nb") && err.contains("`.dockerignore`"), "{err}");
        assert!(context.write(io::sink()).is_ok());
    }

    #[tokio::test]
    async fn the_stream_carries_the_whole_tar_and_ends_when_nobody_reads() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("Dockerfile"), "FROM scratch").unwrap();
        fs::write(dir.path().join("big"), vec![7_u8; 3 * 1024 * 1024]).unwrap();
        let (mut pieces, made) = Context::open(dir.path(), "Dockerfile").unwrap().stream();
        let mut all = Vec::new();
        while let Some(piece) = pieces.recv().await {
            all.extend_from_slice(&piece.unwrap());
        }
        made.await.unwrap().unwrap();
        assert_eq!(names(&all).len(), 2);

        let (pieces, made) = Context::open(dir.path(), "Dockerfile").unwrap().stream();
        drop(pieces);
        assert!(made.await.unwrap().is_err());
    }
}

//! A build context for an image FROM scratch that holds nothing but this very program, see [`pack`].

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::pack::{self, IN_IMAGE, LIBRARIES, PackError};

/// Why there is no build context.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// The program cannot be packed.
    #[error("{0}; or run the demo without Docker")]
    Pack(#[from] PackError),
    /// A file of the context could not be written.
    #[error("{path} could not be written; choose another folder for temporary files by TMPDIR")]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// Makes a build context in `dir`, which must exist and should be empty.
///
/// # Errors
/// The program cannot be read, understood or copied.
pub fn context(dir: &Path) -> Result<(), ImageError> {
    let contents = pack::contents()?;
    let root = dir.join("root");
    for (file, at) in &contents.files {
        place(file, &root, at)?;
    }
    let path = dir.join("Dockerfile");
    fs::write(&path, dockerfile(contents.dynamic)).map_err(|source| ImageError::Write { path, source })
}

fn dockerfile(dynamic: bool) -> String {
    let mut lines = vec!["FROM scratch".to_owned(), "COPY root/ /".to_owned()];
    if dynamic {
        lines.push(format!("ENV LD_LIBRARY_PATH={LIBRARIES}"));
    }
    // Made as a folder of the image and not as a volume, which would outlive the container.
    lines.push("WORKDIR /data".to_owned());
    lines.push(format!("ENTRYPOINT [\"{IN_IMAGE}\"]"));
    lines.push("CMD [\"demo-app\", \"--listen\", \"0.0.0.0:8080\", \"--data\", \"/data\"]".to_owned());
    lines.push("EXPOSE 8080\n".to_owned());
    lines.join("\n")
}

/// Copies a file into the image's root, at this path of the image.
fn place(file: &Path, root: &Path, at: &Path) -> Result<(), ImageError> {
    let path = root.join(at.strip_prefix("/").unwrap_or(at));
    let written = |source| ImageError::Write { path: path.clone(), source };
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(written)?;
    }
    // Opened apart from the copy, so that an error says which of the two files is to blame.
    let mut from = fs::File::open(file).map_err(|source| PackError::Read { path: file.to_owned(), source })?;
    let permissions =
        from.metadata().map_err(|source| PackError::Read { path: file.to_owned(), source })?.permissions();
    let mut to = fs::File::create(&path).map_err(written)?;
    io::copy(&mut from, &mut to).map_err(written)?;
    to.set_permissions(permissions).map_err(written)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// The program, under a name that stays the same when its file is replaced.
    const PROGRAM: &str = "/proc/self/exe";

    #[test]
    fn the_context_holds_the_running_program() {
        let dir = tempfile::tempdir().unwrap();
        context(dir.path()).unwrap();
        let packed = dir.path().join("root/slowdrip");
        assert_eq!(fs::metadata(&packed).unwrap().len(), fs::metadata(PROGRAM).unwrap().len());
        assert_ne!(fs::metadata(&packed).unwrap().permissions().mode() & 0o111, 0);
        let dockerfile = fs::read_to_string(dir.path().join("Dockerfile")).unwrap();
        assert!(dockerfile.starts_with("FROM scratch\n"), "{dockerfile}");
    }

    #[test]
    fn a_dynamic_program_is_told_where_its_libraries_are() {
        assert!(dockerfile(true).contains("LD_LIBRARY_PATH"));
        assert!(!dockerfile(false).contains("LD_LIBRARY_PATH"));
    }
}

//! A build context for an image FROM scratch that holds nothing but this very program.
//!
//! A static program needs nothing else. One that is linked dynamically (`cargo install` makes such) takes its loader and its shared
//! libraries along, as they are mapped right now: what runs here runs there.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Component, Path, PathBuf};

use object::elf::{DT_SONAME, FileHeader64};
use object::endian::Endianness;
use object::read::elf::{Dyn, FileHeader, ProgramHeader};

/// The program, under a name that stays the same when its file is replaced.
const PROGRAM: &str = "/proc/self/exe";
/// What is mapped into it.
const MAPS: &str = "/proc/self/maps";
/// Where the image has the program.
const IN_IMAGE: &str = "/slowdrip";
/// Where the image has shared libraries.
const LIBRARIES: &str = "/opt/slowdrip/lib";

/// Why there is no build context.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// A file of the system could not be read.
    #[error("{path} could not be read, and has to go into the demo's image")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file of the context could not be written.
    #[error("{path} could not be written; choose another folder for temporary files by TMPDIR")]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The program is in a form that cannot be packed.
    #[error("the program is no 64-bit ELF file that can be packed into an image; run the demo without Docker")]
    Format(#[source] object::read::Error),
    /// The program names a loader in a way that cannot be put into an image.
    #[error(
        "the program's loader `{0}` is not an absolute path; build a static program, or run the demo without Docker"
    )]
    Loader(String),
}

/// Makes a build context in `dir`, which must exist and should be empty.
///
/// # Errors
/// The program cannot be read, understood or copied.
pub fn context(dir: &Path) -> Result<(), ImageError> {
    let program = read(Path::new(PROGRAM))?;
    let maps = read(Path::new(MAPS))?;
    let own = fs::read_link(PROGRAM).map_err(|source| ImageError::Read { path: PathBuf::from(PROGRAM), source })?;
    let needs = Needs::of(&program, &maps, &own)?;

    let root = dir.join("root");
    place(Path::new(PROGRAM), &root, Path::new(IN_IMAGE))?;
    if let Some(loader) = &needs.loader {
        place(loader, &root, loader)?;
    }
    for (name, library) in &needs.libraries {
        place(library, &root, &Path::new(LIBRARIES).join(name))?;
    }
    let path = dir.join("Dockerfile");
    fs::write(&path, dockerfile(needs.loader.is_some())).map_err(|source| ImageError::Write { path, source })
}

/// What a program needs beside itself.
#[derive(Debug, PartialEq, Eq)]
struct Needs {
    /// The loader that it names; `None`: it is static.
    loader: Option<PathBuf>,
    /// Shared libraries: the name by which they are asked for, and the file.
    libraries: BTreeMap<OsString, PathBuf>,
}

impl Needs {
    fn of(program: &[u8], maps: &[u8], own: &Path) -> Result<Self, ImageError> {
        let Some(loader) = interpreter(program).map_err(ImageError::Format)? else {
            return Ok(Self { loader: None, libraries: BTreeMap::new() });
        };
        let loader = PathBuf::from(OsString::from_vec(loader));
        let plain = loader.components().all(|part| matches!(part, Component::RootDir | Component::Normal(_)));
        if !loader.is_absolute() || !plain {
            return Err(ImageError::Loader(loader.display().to_string()));
        }
        // The loader is mapped under its real name, which need not be the name that the program asks for.
        let loaded = fs::canonicalize(&loader).unwrap_or_else(|_| loader.clone());
        let mut libraries = BTreeMap::new();
        for path in mapped_code(maps) {
            if path != own && path != loader && path != loaded {
                let soname = soname(&read(&path)?).map_err(ImageError::Format)?;
                let name = soname.or_else(|| path.file_name().map(OsStr::to_owned)).unwrap_or_default();
                libraries.insert(name, path);
            }
        }
        Ok(Self { loader: Some(loader), libraries })
    }
}

/// Files of which code is mapped, each once.
fn mapped_code(maps: &[u8]) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = maps
        .split(|byte| *byte == b'\n')
        .filter_map(|line| {
            // Address, permissions, offset, device, inode; then blanks and the name, which may hold blanks itself.
            let permissions = line.split(|byte| *byte == b' ').nth(1)?;
            let name = line.get(line.iter().position(|byte| *byte == b'/')?..)?;
            // A library that was replaced since: the new one stands where the old one stood.
            let name = name.strip_suffix(b" (deleted)").unwrap_or(name);
            permissions.contains(&b'x').then(|| PathBuf::from(OsStr::from_bytes(name)))
        })
        .collect();
    paths.sort();
    paths.dedup();
    paths
}

/// The loader that an ELF file names.
fn interpreter(elf: &[u8]) -> Result<Option<Vec<u8>>, object::read::Error> {
    let header = FileHeader64::<Endianness>::parse(elf)?;
    let endian = header.endian()?;
    for segment in header.program_headers(endian, elf)? {
        if let Some(loader) = segment.interpreter(endian, elf)? {
            return Ok(Some(loader.to_vec()));
        }
    }
    Ok(None)
}

/// The name by which programs ask for a shared library: its file may be called otherwise.
fn soname(elf: &[u8]) -> Result<Option<OsString>, object::read::Error> {
    let header = FileHeader64::<Endianness>::parse(elf)?;
    let endian = header.endian()?;
    let sections = header.sections(endian, elf)?;
    let Some((entries, names)) = sections.dynamic(endian, elf)? else { return Ok(None) };
    let names = sections.strings(endian, elf, names)?;
    match entries.iter().find(|entry| entry.tag32(endian) == Some(DT_SONAME)) {
        Some(entry) => entry.string(endian, names).map(|name| Some(OsStr::from_bytes(name).to_owned())),
        None => Ok(None),
    }
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

fn read(path: &Path) -> Result<Vec<u8>, ImageError> {
    fs::read(path).map_err(|source| ImageError::Read { path: path.to_owned(), source })
}

/// Copies a file into the image's root, at this path of the image.
fn place(file: &Path, root: &Path, at: &Path) -> Result<(), ImageError> {
    let path = root.join(at.strip_prefix("/").unwrap_or(at));
    let written = |source| ImageError::Write { path: path.clone(), source };
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(written)?;
    }
    // Opened apart from the copy, so that an error says which of the two files is to blame.
    let mut from = fs::File::open(file).map_err(|source| ImageError::Read { path: file.to_owned(), source })?;
    let permissions =
        from.metadata().map_err(|source| ImageError::Read { path: file.to_owned(), source })?.permissions();
    let mut to = fs::File::create(&path).map_err(written)?;
    io::copy(&mut from, &mut to).map_err(written)?;
    to.set_permissions(permissions).map_err(written)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

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
    fn a_dynamic_program_takes_its_loader_and_libraries_along() {
        // The shell of the system stands in: it is a dynamic program nearly everywhere, and where it is not, there is nothing to see.
        let shell = fs::canonicalize("/bin/sh").unwrap();
        let program = fs::read(&shell).unwrap();
        let Some(loader) = interpreter(&program).unwrap() else { return };
        let output = std::process::Command::new("/bin/sh").args(["-c", "cat /proc/$$/maps"]).output().unwrap();
        let needs = Needs::of(&program, &output.stdout, &shell).unwrap();
        assert_eq!(needs.loader.as_deref().map(|path| path.as_os_str().as_bytes()), Some(loader.as_slice()));
        let names: Vec<_> = needs.libraries.keys().map(|name| name.to_string_lossy()).collect();
        assert!(names.iter().any(|name| name.starts_with("libc.")), "{names:?}");
        assert!(!names.iter().any(|name| name.starts_with("ld-")), "{names:?}");
        assert!(dockerfile(true).contains("LD_LIBRARY_PATH"));
    }

    #[test]
    fn only_files_with_mapped_code_count_and_each_once() {
        let maps = b"55d0-55d1 r--p 00000000 08:01 11                         /usr/bin/a b\n\
            55d1-55d2 r-xp 00001000 08:01 11                         /usr/bin/a b\n\
            7f00-7f01 r-xp 00000000 08:01 12                         /lib/libm.so.6\n\
            7f01-7f02 r-xp 00001000 08:01 12                         /lib/libm.so.6\n\
            7f02-7f03 r-xp 00000000 08:01 13                         /lib/old.so (deleted)\n\
            7f03-7f04 r--p 00000000 08:01 14                         /usr/lib/locale/archive\n\
            7f04-7f05 r-xp 00000000 00:00 0                          [vdso]\n\
            7f05-7f06 rwxp 00000000 00:00 0 \n";
        assert_eq!(mapped_code(maps), ["/lib/libm.so.6", "/lib/old.so", "/usr/bin/a b"].map(PathBuf::from));
    }

    #[test]
    fn what_is_no_elf_file_is_refused_and_not_a_panic() {
        for bytes in [&b""[..], b"#!/bin/sh\n", b"\x7fELF\x02\x01\x01"] {
            assert!(Needs::of(bytes, b"", Path::new("/x")).is_err());
        }
    }
}

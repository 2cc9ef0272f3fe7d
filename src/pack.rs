//! This very program, packed: what an image FROM scratch needs to run it.
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
/// Where an image has the program.
pub const IN_IMAGE: &str = "/slowdrip";
/// Where an image has the shared libraries of a dynamic program; its loader looks there when `LD_LIBRARY_PATH` says so.
pub const LIBRARIES: &str = "/opt/slowdrip/lib";

/// Why the program cannot be packed.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// A file of the system could not be read.
    #[error("{path} could not be read, and has to go into the image")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The program is in a form that cannot be packed.
    #[error("the program is no 64-bit ELF file that can be packed into an image")]
    Format(#[source] object::read::Error),
    /// The program names a loader in a way that cannot be put into an image.
    #[error("the program's loader `{0}` is not an absolute path; build a static program")]
    Loader(String),
}

/// What has to be in an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contents {
    /// Files of this machine, and where the image has them. The first is the program.
    pub files: Vec<(PathBuf, PathBuf)>,
    /// True where `LD_LIBRARY_PATH` must be [`LIBRARIES`].
    pub dynamic: bool,
}

/// Finds out what the running program needs.
///
/// # Errors
/// The program cannot be read or understood.
pub fn contents() -> Result<Contents, PackError> {
    let program = read(Path::new(PROGRAM))?;
    let maps = read(Path::new(MAPS))?;
    let own = fs::read_link(PROGRAM).map_err(|source| PackError::Read { path: PathBuf::from(PROGRAM), source })?;
    let needs = Needs::of(&program, &maps, &own)?;
    let mut files = vec![(PathBuf::from(PROGRAM), PathBuf::from(IN_IMAGE))];
    files.extend(needs.loader.iter().map(|loader| (loader.clone(), loader.clone())));
    files.extend(needs.libraries.iter().map(|(name, file)| (file.clone(), Path::new(LIBRARIES).join(name))));
    Ok(Contents { files, dynamic: needs.loader.is_some() })
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
    fn of(program: &[u8], maps: &[u8], own: &Path) -> Result<Self, PackError> {
        let Some(loader) = interpreter(program).map_err(PackError::Format)? else {
            return Ok(Self { loader: None, libraries: BTreeMap::new() });
        };
        let loader = PathBuf::from(OsString::from_vec(loader));
        let plain = loader.components().all(|part| matches!(part, Component::RootDir | Component::Normal(_)));
        if !loader.is_absolute() || !plain {
            return Err(PackError::Loader(loader.display().to_string()));
        }
        // The loader is mapped under its real name, which need not be the name that the program asks for.
        let loaded = fs::canonicalize(&loader).unwrap_or_else(|_| loader.clone());
        let mut libraries = BTreeMap::new();
        for path in mapped_code(maps) {
            if path != own && path != loader && path != loaded {
                let soname = soname(&read(&path)?).map_err(PackError::Format)?;
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

fn read(path: &Path) -> Result<Vec<u8>, PackError> {
    fs::read(path).map_err(|source| PackError::Read { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn the_first_file_is_the_running_program() {
        let contents = contents().unwrap();
        assert_eq!(contents.files[0], (PathBuf::from(PROGRAM), PathBuf::from(IN_IMAGE)));
        assert_eq!(contents.dynamic, contents.files.len() > 1);
    }
}

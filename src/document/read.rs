//! From the disk to text.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

use super::error::{self, Span};
use super::{Document, FileError, Kind};
use crate::model::text;

/// Reads a file as text, and refuses what cannot be a configuration file before it is read.
pub(super) fn text(path: &Path, kind: Kind) -> Result<String, FileError> {
    let unreadable = |error: std::io::Error| unreadable(path, &error);
    // A pipe or a device would be waited on for ever when opened, so the look comes before the opening.
    let about = std::fs::metadata(path).map_err(unreadable)?;
    if about.is_dir() {
        let help = format!("name a {} file in it", kind.noun);
        return Err(FileError::new(path, "cannot read the file: it is a folder", help));
    }
    if !about.is_file() {
        return Err(FileError::new(
            path,
            "cannot read the file: it is not a regular file",
            "pipes and devices are not read; write the text to a file",
        ));
    }
    let too_large = |size: u64| {
        #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
        let (size, most) = (text::bytes(size as f64), text::bytes(Document::MAX_BYTES as f64));
        FileError::new(
            path,
            format!("the file is larger than {most} ({size}), and is not read"),
            format!("check that the path names a {} file", kind.noun),
        )
    };
    if about.len() > Document::MAX_BYTES {
        return Err(too_large(about.len()));
    }
    let mut bytes = Vec::new();
    // The file may have grown since.
    let mut file = File::open(path).map_err(unreadable)?.take(Document::MAX_BYTES + 1);
    file.read_to_end(&mut bytes).map_err(unreadable)?;
    let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    if size > Document::MAX_BYTES {
        return Err(too_large(size));
    }
    String::from_utf8(bytes).map_err(|error| not_utf8(path, &error))
}

fn not_utf8(path: &Path, bad: &std::string::FromUtf8Error) -> FileError {
    let good = bad.utf8_error().valid_up_to();
    let byte = bad.as_bytes().get(good).copied().unwrap_or_default();
    let before = bad.as_bytes().get(..good).map(String::from_utf8_lossy).unwrap_or_default();
    let text = String::from_utf8_lossy(bad.as_bytes());
    let help = if bad.as_bytes().starts_with(&[0xff, 0xfe]) || bad.as_bytes().starts_with(&[0xfe, 0xff]) {
        "the file looks like UTF-16; save it as UTF-8"
    } else {
        "save the file as UTF-8"
    };
    let span = Span::of(error::end_of(&before), 1);
    FileError::located(path, &text, span, format!("the file is not UTF-8 text: byte 0x{byte:02x}"), help)
}

fn unreadable(path: &Path, error: &std::io::Error) -> FileError {
    let kind = error.kind();
    let (problem, help) = if kind == ErrorKind::NotFound {
        ("there is no such file".to_owned(), "check the path; it counts from the folder in which slowdrip runs")
    } else if kind == ErrorKind::PermissionDenied {
        ("permission denied".to_owned(), "allow the user who runs slowdrip to read it")
    } else {
        let said = error.to_string();
        (
            said.split(" (os error").next().unwrap_or_default().to_lowercase(),
            "check that the path names a file that can be read",
        )
    };
    FileError::new(path, format!("cannot read the file: {problem}"), help)
}

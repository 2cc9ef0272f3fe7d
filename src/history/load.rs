//! A stored night, loaded again.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{StoreError, records};
use crate::model::{Assessment, FdCensus, KeptFigure, ProcId, RUN_FORMAT, Reading, RunRecord, Snapshot, StoredNight};

/// Why a night cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A file cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The folder is not a run's.
    #[error("{} is not the folder of a run: it holds no run.json; name a folder such as reports/<scenario>/<run>", .0.display())]
    NotARun(PathBuf),
    /// A newer slowdrip wrote it.
    #[error("{} was written by a newer slowdrip (format {format}, this build reads up to {RUN_FORMAT}); use that version", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        format: u64,
    },
    /// A file does not hold what it should.
    #[error("{} cannot be understood: {message}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong, with line and column.
        message: String,
    },
    /// No run fits what was asked for.
    #[error("{0}")]
    NoSuchRun(String),
}

/// Loads a night from its folder.
///
/// # Errors
/// The folder is not a run's, or its record cannot be read. Samples that cannot be read are counted, not fatal.
pub fn load(folder: &Path) -> Result<StoredNight, LoadError> {
    let record = load_record(folder)?;
    let (snapshots, unread_lines) = load_snapshots(&folder.join("samples.jsonl"))?;
    let assessment = load_versioned::<Assessment>(&folder.join("findings.json"))?;
    let thresholds = read(&folder.join("thresholds.yaml"))?.unwrap_or_default();
    Ok(StoredNight {
        record,
        snapshots,
        assessment,
        thresholds,
        unread_lines,
        evidence: evidence_of(folder)?,
        log: super::log::read(&folder.join("log.jsonl"))?,
        figures: figures(folder)?,
        probes: records::read(&folder.join("probes.jsonl"), records::PROBES)?,
    })
}

fn figures(folder: &Path) -> Result<Vec<KeptFigure>, StoreError> {
    let mut figures: Vec<KeptFigure> = records::read(&folder.join("figures.jsonl"), records::FIGURES)?;
    figures.sort_by_key(|figure| figure.at_ms);
    Ok(figures)
}

/// Loads the record of a night alone, which is small.
///
/// # Errors
/// The folder is not a run's, or its record cannot be read.
pub fn load_record(folder: &Path) -> Result<RunRecord, LoadError> {
    load_versioned(&folder.join("run.json"))?.ok_or_else(|| LoadError::NotARun(folder.to_owned()))
}

/// A file that names the version of its format; `None` where there is none.
fn load_versioned<T: serde::de::DeserializeOwned>(path: &Path) -> Result<Option<T>, LoadError> {
    let Some(text) = read(path)? else { return Ok(None) };
    // The format is looked at first: what is newer may well not fit this build's types.
    let value: serde_json::Value = parse(path, &text)?;
    if let Some(format) = value.get("format").and_then(serde_json::Value::as_u64)
        && format > u64::from(RUN_FORMAT)
    {
        return Err(LoadError::Newer { path: path.to_owned(), format });
    }
    parse(path, &text).map(Some)
}

fn parse<T: serde::de::DeserializeOwned>(path: &Path, text: &str) -> Result<T, LoadError> {
    serde_json::from_str(text)
        .map_err(|error| LoadError::Malformed { path: path.to_owned(), message: error.to_string() })
}

fn read(path: &Path) -> Result<Option<String>, StoreError> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StoreError::new("read", path, error)),
    }
}

/// Lets a process whose descriptors are as they were share them with the snapshot before: a night of a hundred processes that
/// idle is then a fifth of its size. `known` is what the processes had in the snapshot before.
fn share(snapshot: &mut Snapshot, known: &mut HashMap<ProcId, Arc<FdCensus>>) {
    let mut now = HashMap::with_capacity(known.len());
    snapshot.processes.shrink_to_fit();
    for process in &mut snapshot.processes {
        let Reading::Value(census) = &mut process.fds else { continue };
        if let Some(same) = known.get(&process.id).filter(|before| *before == census) {
            *census = Arc::clone(same);
        }
        now.insert(process.id, Arc::clone(census));
    }
    *known = now;
}

fn load_snapshots(path: &Path) -> Result<(Vec<Snapshot>, u64), StoreError> {
    let file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok((Vec::new(), 0)),
        Err(error) => return Err(StoreError::new("read", path, error)),
    };
    let mut snapshots: Vec<Snapshot> = Vec::new();
    let mut known = HashMap::new();
    let mut unread = 0;
    for line in BufReader::new(file).split(b'\n') {
        let line = line.map_err(|error| StoreError::new("read", path, error))?;
        if line.is_empty() {
            continue;
        }
        match serde_json::from_slice(&line) {
            Ok(mut snapshot) => {
                share(&mut snapshot, &mut known);
                snapshots.push(snapshot);
            }
            Err(_) => unread += 1,
        }
    }
    Ok((snapshots, unread))
}

fn evidence_of(folder: &Path) -> Result<Vec<String>, StoreError> {
    let path = folder.join("evidence");
    let mut names = Vec::new();
    match std::fs::read_dir(&path) {
        Ok(entries) => {
            for entry in entries.flatten() {
                names.push(format!("evidence/{}", entry.file_name().to_string_lossy()));
            }
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(StoreError::new("read", &path, error)),
    }
    names.sort();
    Ok(names)
}

/// The folders of a scenario's runs, oldest first (a run's id begins with its time).
///
/// # Errors
/// The scenario's folder cannot be read.
pub fn runs_of(reports: &Path, scenario: &str) -> Result<Vec<PathBuf>, StoreError> {
    let folder = reports.join(scenario);
    let entries = match std::fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(StoreError::new("read", &folder, error)),
    };
    let mut runs: Vec<PathBuf> =
        entries.flatten().map(|entry| entry.path()).filter(|path| path.join("run.json").is_file()).collect();
    runs.sort();
    Ok(runs)
}

/// The folder of a run that a person named: a folder, or a run's id below `reports`.
///
/// # Errors
/// There is none, or the id is not unique.
pub fn find_run(reports: &Path, name: &str) -> Result<PathBuf, LoadError> {
    let direct = Path::new(name);
    if direct.join("run.json").is_file() {
        return Ok(direct.to_owned());
    }
    if direct.is_dir() {
        return Err(LoadError::NotARun(direct.to_owned()));
    }
    let missing = || {
        LoadError::NoSuchRun(format!("there is no run `{name}`, neither as a folder nor below {}", reports.display()))
    };
    let Ok(entries) = std::fs::read_dir(reports) else { return Err(missing()) };
    let mut found: Vec<PathBuf> = entries
        .flatten()
        .map(|scenario| scenario.path().join(name))
        .filter(|path| path.join("run.json").is_file())
        .collect();
    found.sort();
    match found.as_slice() {
        [one] => Ok(one.clone()),
        [] => Err(missing()),
        [first, second, ..] => Err(LoadError::NoSuchRun(format!(
            "`{name}` is the id of more than one run; name its folder: {} or {}",
            first.display(),
            second.display()
        ))),
    }
}

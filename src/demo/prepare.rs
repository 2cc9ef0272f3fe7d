//! Writes what the demo's night needs into a folder.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};

use super::image::{self, ImageError};
use super::shipped::Shipped;

/// Why the demo could not be prepared.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// The image's context could not be made.
    #[error("the demo's image could not be prepared")]
    Image(#[from] ImageError),
    /// A file could not be written.
    #[error("{path} could not be written; choose another folder for temporary files by TMPDIR")]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// No free port was given.
    #[error("127.0.0.1 has no free port for the demo application")]
    Port(#[source] io::Error),
    /// The program does not know where it is.
    #[error("the demo application is this very program, whose path cannot be found out")]
    Program(#[source] io::Error),
    /// A path that cannot be written in a scenario.
    #[error("{0} holds bytes that are not UTF-8; use another folder, for example by TMPDIR")]
    Path(PathBuf),
}

/// What to load and run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepared {
    /// The scenario file. Its thresholds stand where it says.
    pub scenario_path: PathBuf,
    /// Variables of the scenario, as `--set` would give them.
    pub set: Vec<(String, String)>,
}

/// Writes the demo's scenario, its thresholds and what the target needs into `dir`, which must exist: an image of this program with
/// `docker`, a folder for its data without.
///
/// # Errors
/// Something could not be written, or this program not be packed.
pub fn prepare(dir: &Path, docker: bool) -> Result<Prepared, PrepareError> {
    let (name, scenario) =
        if docker { ("demo.yaml", super::SCENARIO) } else { ("demo-process.yaml", super::SCENARIO_PROCESS) };
    let scenario_path = folder(dir, "scenarios")?.join(name);
    write(&scenario_path, scenario)?;
    write(&folder(dir, "thresholds")?.join("demo.yaml"), super::THRESHOLDS)?;
    let set = if docker {
        let context = folder(dir, "context")?;
        image::context(&context)?;
        vec![("context".to_owned(), text(context)?)]
    } else {
        // By its path and not as /proc/self/exe, which would be the shell of whoever repeats the command line.
        let binary = std::env::current_exe().map_err(PrepareError::Program)?;
        vec![
            ("binary".to_owned(), text(binary)?),
            ("port".to_owned(), free_port().map_err(PrepareError::Port)?.to_string()),
            ("data".to_owned(), text(folder(dir, "data")?)?),
        ]
    };
    Ok(Prepared { scenario_path, set })
}

/// Writes a shipped scenario, its thresholds and an image of this program into `dir`, which must exist; with `fault` the application has the
/// form that leaks.
///
/// # Errors
/// Something could not be written, or this program not be packed.
pub fn prepare_shipped(dir: &Path, shipped: &Shipped, fault: bool) -> Result<Prepared, PrepareError> {
    let file = format!("{}.yaml", shipped.name);
    let scenario_path = folder(dir, "scenarios")?.join(&file);
    write(&scenario_path, shipped.scenario)?;
    write(&folder(dir, "thresholds")?.join(&file), shipped.thresholds)?;
    let context = folder(dir, "context")?;
    image::context(&context)?;
    let mut set = vec![("context".to_owned(), text(context)?)];
    if fault {
        set.push(("fault".to_owned(), shipped.fault.to_owned()));
    }
    Ok(Prepared { scenario_path, set })
}

/// A port that was free a moment ago. Somebody may take it before the application does; the application then says so and ends.
fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

fn folder(dir: &Path, name: &str) -> Result<PathBuf, PrepareError> {
    let path = dir.join(name);
    match fs::create_dir_all(&path) {
        Ok(()) => Ok(path),
        Err(source) => Err(PrepareError::Write { path, source }),
    }
}

fn write(path: &Path, text: &str) -> Result<(), PrepareError> {
    fs::write(path, text).map_err(|source| PrepareError::Write { path: path.to_owned(), source })
}

fn text(path: PathBuf) -> Result<String, PrepareError> {
    path.into_os_string().into_string().map_err(|raw| PrepareError::Path(PathBuf::from(raw)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn thresholds_named_by(prepared: &Prepared) -> PathBuf {
        let scenario: serde_yaml::Value =
            serde_yaml::from_str(&fs::read_to_string(&prepared.scenario_path).unwrap()).unwrap();
        prepared.scenario_path.parent().unwrap().join(scenario["thresholds"].as_str().unwrap())
    }

    #[test]
    fn the_thresholds_stand_where_the_scenario_says() {
        for docker in [true, false] {
            let dir = tempfile::tempdir().unwrap();
            let prepared = prepare(dir.path(), docker).unwrap();
            assert!(thresholds_named_by(&prepared).is_file(), "{prepared:?}");
        }
    }

    #[test]
    fn a_shipped_scenario_finds_its_thresholds_and_its_context() {
        for shipped in Shipped::ALL {
            let dir = tempfile::tempdir().unwrap();
            let prepared = prepare_shipped(dir.path(), &shipped, true).unwrap();
            assert!(thresholds_named_by(&prepared).is_file(), "{prepared:?}");
            assert!(dir.path().join("context/Dockerfile").is_file());
            assert_eq!(prepared.set[1], ("fault".to_owned(), shipped.fault.to_owned()));
            assert_eq!(prepare_shipped(dir.path(), &shipped, false).unwrap().set.len(), 1);
        }
    }

    #[test]
    fn every_variable_that_is_set_is_one_of_the_scenario() {
        for docker in [true, false] {
            let dir = tempfile::tempdir().unwrap();
            let prepared = prepare(dir.path(), docker).unwrap();
            let text = fs::read_to_string(&prepared.scenario_path).unwrap();
            let scenario: serde_yaml::Value = serde_yaml::from_str(&text).unwrap();
            for (name, _) in &prepared.set {
                assert!(scenario["vars"].get(name.as_str()).is_some(), "{name}");
                assert!(text.contains(&format!("{{{{ {name} }}}}")), "{name}");
            }
        }
    }
}

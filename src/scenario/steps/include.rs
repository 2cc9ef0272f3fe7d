//! Steps of other files.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;

use super::{Scope, steps};
use crate::document::{self, Document, Either, FileError, Kind, Place};
use crate::scenario::wire::{FlowWire, IncludeWire};
use crate::scenario::{Action, expect, load, reader};

/// What a flow file is, to the reader of documents.
const FLOW: Kind =
    Kind { noun: "flow", whole: "the flow file", smallest: "`steps: [{get: {path: /}}]`", ..load::SCENARIO };

/// Files within files.
const DEEPEST: usize = 16;

/// The JSON Schema (draft 7) of flow files, as indented text.
pub(in crate::scenario) fn flow_schema() -> String {
    document::schema::<FlowWire>()
}

/// The flow files that a scenario includes, read once each, and the steps that were read.
#[derive(Default)]
pub(in crate::scenario) struct Files {
    folder: PathBuf,
    known: RefCell<BTreeMap<PathBuf, Rc<Flow>>>,
    texts: RefCell<Vec<(String, String)>>,
    steps: Cell<usize>,
}

struct Flow {
    document: Document,
    wire: FlowWire,
}

/// A file that is being read.
#[derive(Debug, Clone)]
pub(in crate::scenario) struct Link {
    /// The one name that no other path to it has.
    file: PathBuf,
    /// As it is shown.
    shown: String,
}

impl Files {
    /// None yet; paths are shown from the folder of the scenario.
    pub(in crate::scenario) fn new(folder: &Path) -> Self {
        Self { folder: absolute(folder), ..Self::default() }
    }

    /// The file as a part of the chain that leads to a step.
    pub(in crate::scenario) fn link(&self, path: &Path) -> Link {
        Link { file: path.canonicalize().unwrap_or_else(|_| absolute(path)), shown: self.shown(path) }
    }

    /// Texts by the paths from the scenario's folder, in the order in which they were met.
    pub(in crate::scenario) fn into_texts(self) -> Vec<(String, String)> {
        self.texts.into_inner()
    }

    /// Counts one more step, and says how many there are.
    pub(super) fn count(&self) -> usize {
        self.steps.set(self.steps.get() + 1);
        self.steps.get()
    }

    /// The path from the scenario's folder.
    fn shown(&self, path: &Path) -> String {
        let path = absolute(path);
        let (from, to): (Vec<_>, Vec<_>) = (self.folder.components().collect(), path.components().collect());
        let shared = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
        let up = from.iter().skip(shared).map(|_| Component::ParentDir);
        up.chain(to.iter().skip(shared).copied()).collect::<PathBuf>().display().to_string()
    }

    /// Keeps a text under a path that leads out of no folder.
    fn keep(&self, shown: &str, text: &str) {
        let inside = |part: Component<'_>| match part {
            Component::Normal(part) => Some(part.to_owned()),
            Component::ParentDir => Some("up".into()),
            Component::Prefix(_) | Component::RootDir | Component::CurDir => None,
        };
        let mut name = Path::new(shown).components().filter_map(inside).collect::<PathBuf>().display().to_string();
        let mut texts = self.texts.borrow_mut();
        while texts.iter().any(|(taken, _)| *taken == name) {
            name.push('_');
        }
        texts.push((name, text.to_owned()));
    }

    fn read(&self, path: &Path, link: &Link) -> Result<Rc<Flow>, FileError> {
        if let Some(known) = self.known.borrow().get(&link.file) {
            return Ok(Rc::clone(known));
        }
        let document = Document::read(path, FLOW)?;
        let wire = document.decode()?;
        self.keep(&link.shown, document.text());
        let flow = Rc::new(Flow { document, wire });
        self.known.borrow_mut().insert(link.file.clone(), Rc::clone(&flow));
        Ok(flow)
    }
}

/// A path from the root, without `.` and `..`.
fn absolute(path: &Path) -> PathBuf {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                plain.pop();
            }
            Component::CurDir => {}
            Component::Prefix(_) | Component::RootDir | Component::Normal(_) => plain.push(part),
        }
    }
    plain
}

/// Reads the steps of a flow file.
pub(super) fn include(place: Place<'_>, wire: &Either<IncludeWire>, scope: Scope<'_>) -> Result<Action, FileError> {
    let (at, file) = match wire {
        Either::Short(file) => (place, file),
        Either::Long(wire) => (place.key("file"), &wire.file),
    };
    let path = scope.reader.file_at(at, file, "of steps")?;
    let link = scope.files.link(&path);
    let mut chain = scope.chain.to_vec();
    chain.push(link.clone());
    if let Some(begin) = scope.chain.iter().position(|other| other.file == link.file) {
        let names: Vec<&str> = chain.iter().skip(begin).map(|link| link.shown.as_str()).collect();
        let message = format!("files include each other: {}", names.join(" → "));
        return Err(at.error(message, "take one of these includes away; `repeat` takes steps several times"));
    }
    if scope.chain.len() > DEEPEST {
        let message = format!("files include each other more than {DEEPEST} deep");
        return Err(at.error(message, "put the steps together into fewer files"));
    }
    let mut with = BTreeMap::new();
    if let Either::Long(wire) = wire {
        for (at, name, value) in wire.with.at(place.key("with")) {
            reader::check_name(at, name)?;
            expect::check_json(at, value, scope.reader)?;
            with.insert(name.to_owned(), value.clone());
        }
    }
    let flow = scope.files.read(&path, &link)?;
    let reader = scope.reader.of_file(flow.document.path(), flow.document.folder());
    let inside = Scope { reader: &reader, chain: &chain, depth: scope.depth + 1, ..scope };
    let at_steps = flow.document.root().key("steps");
    if flow.wire.steps.is_empty() {
        return Err(at_steps.key_error("the flow file has no steps", "add a step, or remove the `include` of the file"));
    }
    let steps = steps(at_steps, &flow.wire.steps, inside)?;
    Ok(Action::Include { file: file.at(at).to_owned(), with, steps })
}

//! The way through a helper container.

use super::charged::Charged;
use super::protocol::{Answer, Ask, LONGEST, Looking, Opening, Request, Said};
use super::session::{Dial, Question, Session, Trouble};
use super::{AccessError, missing};
use crate::evidence::{self, EvidenceFile};
use crate::model::{Observer, Snapshot};
use crate::target::{Beside, Wire};

/// The subcommand that the helper runs.
const COMMAND: &str = "probe-helper";

/// How a line ends.
const END: &[u8] = b"\n";

/// Looks through the eyes of a helper container.
#[derive(Debug)]
pub(super) struct Helper {
    session: Session,
    charged: Charged,
    next: u64,
    // Of the last look, for one that brings none.
    observer: Observer,
}

impl Helper {
    /// Starts the helper and has it look whether it can read what must be judged.
    pub(super) async fn open(opening: Opening) -> Result<Self, AccessError> {
        let beside = Beside::of(&opening.container).await.map_err(|error| AccessError::Helper(error.to_string()))?;
        let charged = Charged::new(beside.meter());
        let session = Session::open(Dialler { beside, opening }).await.map_err(AccessError::Helper)?;
        let mut helper = Self { session, charged, next: 1, observer: Observer::default() };
        match helper.check().await {
            Ok(()) => Ok(helper),
            Err(error) => {
                helper.close().await;
                Err(error)
            }
        }
    }

    pub(super) async fn check(&mut self) -> Result<(), AccessError> {
        let mut answer = self.ask(Ask::Check).await;
        if answer.is_err() {
            // A helper that was lost is made anew by the next question.
            answer = self.ask(Ask::Check).await;
        }
        match answer {
            Ok(Said::Refused(problem)) => Err(AccessError::Helper(problem)),
            Ok(Said::Fine | Said::Snapshot(_) | Said::Files(_)) => Ok(()),
            Err(trouble) => Err(AccessError::Helper(trouble.to_string())),
        }
    }

    /// One look; where none comes, a snapshot that holds nothing but a gap.
    pub(super) async fn snapshot(&mut self, look: Looking) -> Snapshot {
        match self.ask(Ask::Snapshot(look)).await {
            Ok(Said::Snapshot(mut snapshot)) => {
                self.observer = snapshot.observer;
                self.charged.fill(&mut snapshot);
                *snapshot
            }
            Ok(Said::Fine | Said::Files(_) | Said::Refused(_)) | Err(_) => missing(&look, self.observer),
        }
    }

    pub(super) async fn evidence(&mut self) -> Vec<EvidenceFile> {
        match self.ask(Ask::Evidence).await {
            Ok(Said::Files(files)) => files,
            Ok(Said::Refused(problem)) => evidence::without_processes(&problem),
            Ok(Said::Fine | Said::Snapshot(_)) => evidence::without_processes("the helper answered something else"),
            Err(trouble) => evidence::without_processes(&format!("the helper is lost: {trouble}")),
        }
    }

    pub(super) async fn renew(&mut self) {
        self.session.renew().await;
    }

    pub(super) fn notes(&self) -> Vec<String> {
        self.session.notes()
    }

    pub(super) async fn close(&mut self) {
        self.session.close().await;
    }

    async fn ask(&mut self, ask: Ask) -> Result<Said, Trouble> {
        let id = self.next;
        self.next += 1;
        let answer = self.session.ask(question(id, ask)?).await?;
        match understood(&answer, id) {
            Ok(said) => Ok(said),
            Err(trouble) => {
                self.session.renew().await;
                Err(trouble)
            }
        }
    }
}

fn question(id: u64, ask: Ask) -> Result<Question, Trouble> {
    let mut bytes = serde_json::to_vec(&Request { id, ask }).map_err(|error| Trouble::Lost(error.to_string()))?;
    bytes.extend_from_slice(END);
    Ok(Question { bytes, end: END.to_vec(), most: LONGEST })
}

fn understood(answer: &[u8], id: u64) -> Result<Said, Trouble> {
    let answer: Answer = serde_json::from_slice(answer)
        .map_err(|error| Trouble::Lost(format!("its answer cannot be understood: {error}")))?;
    if answer.id == id { Ok(answer.said) } else { Err(Trouble::Lost("it answered another question".to_owned())) }
}

/// Starts helpers and tells them whom to watch.
struct Dialler {
    beside: Beside,
    opening: Opening,
}

impl Dial for Dialler {
    async fn dial(&mut self) -> Result<Wire, String> {
        let mut wire = self.beside.helper(&[COMMAND]).await.map_err(|error| error.to_string())?;
        let question = question(0, Ask::Open(self.opening.clone())).map_err(|trouble| trouble.to_string())?;
        let ended = |error| format!("the helper does not answer: {error}");
        wire.send(&question.bytes).await.map_err(ended)?;
        let answer = wire.until(&question.end, question.most).await.map_err(ended)?;
        match understood(&answer, 0).map_err(|trouble| trouble.to_string())? {
            Said::Refused(problem) => Err(problem),
            Said::Fine | Said::Snapshot(_) | Said::Files(_) => Ok(wire),
        }
    }

    async fn hang_up(&mut self) {
        // What is left bears its labels: the end of the run or a sweep removes it.
        let _left = self.beside.remove().await;
    }

    fn name(&self) -> &'static str {
        "the helper container"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_to_another_question_is_none() {
        let answer = serde_json::to_vec(&Answer { id: 4, said: Said::Fine }).unwrap();
        assert_eq!(understood(&answer, 4), Ok(Said::Fine));
        assert!(understood(&answer, 5).is_err());
        assert!(understood(b"{\"id\":4", 4).is_err());
    }
}

//! The helper's side: reads requests, looks at its own /proc, answers. Ends when its input does, so that it never outlives
//! whoever asks.
//!
//! It has no runtime and no threads of its own: the helper container may have few.

use std::io::{self, BufRead, Write};

use super::first::first;
use super::protocol::{Answer, Ask, EVIDENCE, Opening, Request, Said, capped};
use crate::evidence;
use crate::model::Scope;
use crate::probe::{ProcRoot, Sampler};

/// Answers requests until there are no more.
///
/// # Errors
/// The answers cannot be written, or a request is none.
pub fn serve(mut requests: impl BufRead, mut answers: impl Write, root: &ProcRoot) -> io::Result<()> {
    let mut sampler = None;
    let mut line = Vec::new();
    loop {
        line.clear();
        if requests.read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        let request: Request = serde_json::from_slice(&line).map_err(io::Error::other)?;
        if let Ask::End = request.ask {
            return Ok(());
        }
        let said = answer(request.ask, &mut sampler, root);
        serde_json::to_writer(&mut answers, &Answer { id: request.id, said }).map_err(io::Error::other)?;
        answers.write_all(b"\n")?;
        answers.flush()?;
    }
}

fn answer(ask: Ask, sampler: &mut Option<Sampler>, root: &ProcRoot) -> Said {
    if let Ask::Open(opening) = ask {
        return match open(opening, root) {
            Ok(opened) => {
                *sampler = Some(opened);
                Said::Fine
            }
            Err(problem) => Said::Refused(problem),
        };
    }
    let Some(sampler) = sampler else { return Said::Refused("nothing is being watched".to_owned()) };
    match ask {
        Ask::Check => sampler.check().map_or_else(|error| Said::Refused(error.to_string()), |()| Said::Fine),
        Ask::Snapshot(look) => {
            Said::Snapshot(Box::new(sampler.snapshot(look.seq, look.at_ms, look.wall, look.phase, look.depth)))
        }
        Ask::Evidence => Said::Files(capped(evidence::from_proc(root, sampler.scope().clone()), EVIDENCE)),
        Ask::Open(_) | Ask::End => Said::Fine,
    }
}

fn open(opening: Opening, root: &ProcRoot) -> Result<Sampler, String> {
    let Some(pid) = first(root, &opening.container) else {
        return Err(
            "no process that the helper sees is in a cgroup of the container: it has ended, or its engine uses no cgroups"
                .to_owned(),
        );
    };
    let scope = Scope::Container { pid, id: opening.container };
    let sampler = Sampler::new(root.clone(), scope).with_graces(opening.graces);
    Ok(match opening.healthcheck {
        Some(test) => sampler.with_healthcheck(test),
        None => sampler,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::protocol::Looking;
    use crate::model::Phase;
    use crate::probe::testing::{Proc, Tree};
    use crate::probe::{Depth, Graces};

    const ID: &str = "4c01db0b339c4c01db0b339c4c01db0b339c4c01db0b339c4c01db0b339c4c01";

    fn talk(tree: &Tree, asks: Vec<Ask>) -> Vec<Said> {
        let mut requests = String::new();
        for (id, ask) in asks.into_iter().enumerate() {
            requests += &serde_json::to_string(&Request { id: id as u64, ask }).unwrap();
            requests.push('\n');
        }
        let mut answers = Vec::new();
        serve(requests.as_bytes(), &mut answers, &tree.root()).unwrap();
        let answers = String::from_utf8(answers).unwrap();
        let answers: Vec<Answer> = answers.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert!(answers.iter().enumerate().all(|(at, answer)| answer.id == at as u64));
        answers.into_iter().map(|answer| answer.said).collect()
    }

    fn open() -> Ask {
        Ask::Open(Opening { container: ID.to_owned(), healthcheck: None, graces: Graces::default() })
    }

    fn look() -> Ask {
        let (wall, phase) = (jiff::Timestamp::UNIX_EPOCH, Phase::Settle);
        Ask::Snapshot(Looking { seq: 3, at_ms: 3000, wall, phase, depth: Depth::Light })
    }

    #[test]
    fn looks_are_those_of_the_container_and_of_nothing_else() {
        let tree = Tree::new();
        let inside = |pid: u32| Proc::new(pid).ppid(0).cgroup(&format!("0::/docker/{ID}\n"));
        tree.add(&inside(1).fd(3, "socket:[1]"));
        tree.add(&inside(9).ppid(1));
        // The helper itself.
        tree.add(&Proc::new(20).ppid(0).cgroup("0::/docker/another\n"));
        let said = talk(&tree, vec![open(), Ask::Check, look(), Ask::Evidence, Ask::End, look()]);
        assert_eq!(said.len(), 4, "it ends when it is told to");
        assert_eq!(said[..2], [Said::Fine, Said::Fine]);
        let Said::Snapshot(snapshot) = &said[2] else { panic!("{said:?}") };
        assert_eq!(snapshot.processes.iter().map(|process| process.id.pid).collect::<Vec<_>>(), [1, 9]);
        assert_eq!((snapshot.seq, snapshot.at_ms, snapshot.phase), (3, 3000, Phase::Settle));
        let Said::Files(files) = &said[3] else { panic!("{said:?}") };
        assert!(files.iter().any(|file| file.name == "fds-1.txt" && file.text.contains("socket:[1]")));
    }

    #[test]
    fn what_cannot_be_is_said_and_does_not_end_it() {
        let tree = Tree::new();
        tree.add(&Proc::new(20).cgroup("0::/docker/another\n"));
        let said = talk(&tree, vec![look(), open(), Ask::Check]);
        assert!(said.iter().all(|said| matches!(said, Said::Refused(_))), "{said:?}");
        assert!(serve(&b"nonsense\n"[..], io::sink(), &tree.root()).is_err());
    }
}

//! Which processes belong to the target, and whose they are.

mod healthcheck;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rustix::io::Errno;

use super::parse;
use super::root::{ProcRoot, fell_short, gap_reason, refused, shortage};
use crate::model::{Gap, GapReason, ProcId, ProcState, Reading, Role, Scope};
use healthcheck::is_healthcheck;

/// A process of the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    /// Who it is.
    pub id: ProcId,
    /// Its parent's pid.
    pub ppid: u32,
    /// Whose it is.
    pub role: Role,
    /// True where it was handed to another parent because its own ended; see [`Finder`].
    pub orphan: bool,
}

/// What one search found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The processes, by pid.
    pub members: Vec<Member>,
    /// What could not be told.
    pub gaps: Vec<Gap>,
    /// What the first process of the target said.
    pub first: Reading<ProcId>,
    /// False where the first process of a container is in none of its cgroups.
    pub in_container: bool,
}

/// Finds the processes of a target again and again.
///
/// **Container**: every process with a cgroup (in any hierarchy) that names the container's id, and the descendants of
/// those: a zombie is back in the root cgroup on cgroup v1. The container's first process and its descendants are the
/// application's. The others were started from outside by the engine, which is why their parent is not in the container:
/// the health check where the command line is that of the health check, a `docker exec` otherwise; their descendants count
/// as they do. A descendant of theirs that lost its parent and was handed to the container's first process is the
/// application's from then on: nobody else will ever reap it.
///
/// **Descent**: the process, its descendants, and those that once were its descendants.
///
/// **Orphans**: the kernel gives a process another parent only when its own has ended: then it goes to the nearest subreaper
/// among its ancestors, or to the init of its pid namespace, see proc_pid_stat(5) and PR_SET_CHILD_SUBREAPER(2const). So a
/// process of the application is an orphan from the look on that sees it under another parent than the look before, if that
/// one was a process of the target; also where it is first seen without a parent in the target and is not the first process.
/// What cannot be known: a process whose parent ended before any look saw the two together stands under its init as if that
/// had started it, and is not called an orphan. The first process of the target is none, whoever started it; nor are health
/// checks and execs, whose parent (the engine's runtime) ends once they run, until they are handed to the application.
#[derive(Debug)]
pub struct Finder {
    scope: Scope,
    healthcheck: Vec<String>,
    first: Option<ProcId>,
    known: HashMap<ProcId, Known>,
    // In how many looks a process was in no cgroup of the container.
    strangers: HashMap<ProcId, u32>,
}

/// After so many looks a process is taken for a stranger for good, and its cgroup is not read again: a process joins the
/// cgroup of a container at its birth, and the kernel takes a lock of all cgroups to tell.
const STRANGER_AFTER: u32 = 2;

#[derive(Debug, Clone, Copy)]
struct Known {
    role: Role,
    // Its parent's pid, and whether that was a process of the target.
    ppid: u32,
    had_parent: bool,
    orphan: bool,
}

/// One line of the process table.
struct Row {
    id: ProcId,
    ppid: u32,
    zombie: bool,
    in_cgroup: bool,
}

type Table = BTreeMap<u32, Row>;

/// Reads the command line of a process, at most [`COMMAND_LINE`] bytes.
pub type CommandLine<'a> = dyn FnMut(ProcId) -> Result<Vec<u8>, Errno> + 'a;

/// How much of a command line is read.
pub const COMMAND_LINE: u64 = 16 * 1024;

impl Finder {
    /// Finds the processes in `scope`.
    pub fn new(scope: Scope, healthcheck: Vec<String>) -> Self {
        Self { scope, healthcheck, first: None, known: HashMap::new(), strangers: HashMap::new() }
    }

    /// What is looked for.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// The command of the health check.
    pub fn set_healthcheck(&mut self, command: Vec<String>) {
        self.healthcheck = command;
    }

    /// Looks for other processes from now on. Processes that are known stay known.
    pub fn retarget(&mut self, scope: Scope) {
        self.scope = scope;
        self.first = None;
        self.strangers.clear();
    }

    /// Searches once.
    ///
    /// # Errors
    /// The processes cannot be listed, or nothing is left to read them with.
    pub fn find(&mut self, root: &ProcRoot) -> Result<Found, Errno> {
        self.find_by(root, &mut |id| root.open(id.pid).and_then(|dir| dir.read("cmdline", COMMAND_LINE)))
    }

    /// The same with another way to a command line, which is the one file read here that may hang.
    ///
    /// # Errors
    /// The processes cannot be listed, or nothing is left to read them with.
    pub fn find_by(&mut self, root: &ProcRoot, command_line: &mut CommandLine<'_>) -> Result<Found, Errno> {
        let pid = match &self.scope {
            Scope::Container { pid, .. } | Scope::Descent { pid } => *pid,
        };
        let mut gaps = Vec::new();
        let table = self.table(root, pid, &mut gaps)?;
        let first = self.first(root, pid, &table);
        if let Some(reason) = gap_reason(&first) {
            gaps.push(Gap { what: format!("process {pid}, the first of the target"), reason, count: 1 });
        }
        let first_row = first.value().and_then(|id| table.get(&id.pid));
        let in_container = match &self.scope {
            Scope::Container { .. } => first_row.is_none_or(|row| row.in_cgroup || row.zombie),
            Scope::Descent { .. } => true,
        };
        if !in_container {
            gaps.push(Gap { what: format!("cgroup of {pid}"), reason: GapReason::Malformed, count: 1 });
        }

        let children = children(&table);
        let own: BTreeSet<u32> = self.below(first_row.map(|row| row.id.pid), &table, &children);
        let outside = table.values().filter(|row| row.in_cgroup).map(|row| row.id.pid);
        let all = descend(own.iter().copied().chain(outside), &children);
        let roles = self.roles(&table, &children, &own, &all, command_line)?;

        let members: Vec<Member> = all
            .iter()
            .filter_map(|pid| table.get(pid))
            .map(|row| {
                let role = roles.get(&row.id.pid).copied().unwrap_or(Role::App);
                let is_first = first_row.is_some_and(|first| first.id == row.id);
                let orphan = role == Role::App && !is_first && self.lost_its_parent(row, all.contains(&row.ppid));
                Member { id: row.id, ppid: row.ppid, role, orphan }
            })
            .collect();
        let outside = table.values().filter(|row| !row.in_cgroup && !row.zombie).map(|row| {
            let looks = self.strangers.get(&row.id).copied().unwrap_or(0);
            (row.id, looks.saturating_add(1))
        });
        self.strangers = outside.collect();
        let known = |member: &Member| Known {
            role: member.role,
            ppid: member.ppid,
            had_parent: all.contains(&member.ppid),
            orphan: member.orphan,
        };
        self.known = members.iter().map(|member| (member.id, known(member))).collect();
        Ok(Found { members, gaps, first, in_container })
    }

    /// True where a process of the application has another parent than it had, or none although it is not the first.
    fn lost_its_parent(&self, row: &Row, has_parent: bool) -> bool {
        match self.known.get(&row.id) {
            Some(known) => known.orphan || (known.had_parent && known.ppid != row.ppid),
            None => !has_parent,
        }
    }

    /// Every process of the system. Those that end meanwhile are left out.
    fn table(&self, root: &ProcRoot, first: u32, gaps: &mut Vec<Gap>) -> Result<Table, Errno> {
        let mut table = Table::new();
        let (mut denied, mut malformed) = (0, 0);
        for pid in root.pids()? {
            let row = match self.row(root, pid) {
                Reading::Value(row) => row,
                Reading::Denied if pid != first => {
                    denied += 1;
                    continue;
                }
                Reading::Denied | Reading::Gone => continue,
                unread @ Reading::Malformed(_) => {
                    // Any process may be the target's: a list without some is no list.
                    if let Some(errno) = fell_short(&unread) {
                        return Err(errno);
                    }
                    malformed += u64::from(pid != first);
                    continue;
                }
            };
            table.insert(pid, row);
        }
        if malformed > 0 {
            let what = "processes that may be the target's".to_owned();
            gaps.push(Gap { what, reason: GapReason::Malformed, count: malformed });
        }
        // Without hidepid, everybody may read these files.
        if denied > 0 {
            let what = "processes that may be the target's (hidepid)".to_owned();
            gaps.push(Gap { what, reason: GapReason::Denied, count: denied });
        }
        Ok(table)
    }

    fn row(&self, root: &ProcRoot, pid: u32) -> Reading<Row> {
        let stat = match root.read(pid, "stat", 4096) {
            Ok(text) => parse::stat(&text),
            Err(errno) => return refused(errno),
        };
        let stat = match stat {
            Ok(stat) => stat,
            Err(problem) => return Reading::Malformed(problem),
        };
        let known_stranger = || self.strangers.get(&ProcId { pid, start: stat.start }) >= Some(&STRANGER_AFTER);
        let in_cgroup = match &self.scope {
            Scope::Container { .. } if known_stranger() => false,
            Scope::Container { id, .. } => match root.read(pid, "cgroup", 64 * 1024) {
                Ok(text) => parse::cgroup_names(&text, id),
                Err(errno) => return refused(errno),
            },
            Scope::Descent { .. } => false,
        };
        let (id, zombie) = (ProcId { pid, start: stat.start }, stat.state == ProcState::Zombie);
        Reading::Value(Row { id, ppid: stat.ppid, zombie, in_cgroup })
    }

    /// The first process: the one that had the pid when it was first seen.
    fn first(&mut self, root: &ProcRoot, pid: u32, table: &Table) -> Reading<ProcId> {
        let Some(row) = table.get(&pid) else {
            return match self.row(root, pid) {
                // It appeared after the list was made: the next look will have it.
                Reading::Value(_) => Reading::Gone,
                missing @ (Reading::Denied | Reading::Gone | Reading::Malformed(_)) => missing.map(|row| row.id),
            };
        };
        let first = *self.first.get_or_insert(row.id);
        if first == row.id { Reading::Value(first) } else { Reading::Gone }
    }

    /// The application's own processes: the first and its descendants, and with a descent those that once were.
    fn below(&self, first: Option<u32>, table: &Table, children: &Children) -> BTreeSet<u32> {
        let remembered = self.known.keys().filter(|_| matches!(self.scope, Scope::Descent { .. }));
        let alive = remembered.filter(|id| table.get(&id.pid).is_some_and(|row| row.id == **id)).map(|id| id.pid);
        descend(first.into_iter().chain(alive), children)
    }

    fn roles(
        &self,
        table: &Table,
        children: &Children,
        own: &BTreeSet<u32>,
        all: &BTreeSet<u32>,
        command_line: &mut CommandLine<'_>,
    ) -> Result<HashMap<u32, Role>, Errno> {
        let mut roles: HashMap<u32, Role> = own.iter().map(|pid| (*pid, Role::App)).collect();
        let outside = |pid: &&u32| !own.contains(pid);
        let tops = all
            .iter()
            .filter(outside)
            .filter_map(|pid| table.get(pid))
            .filter(|row| !all.contains(&row.ppid) || row.ppid == row.id.pid);
        for top in tops {
            let role = match self.known.get(&top.id) {
                // In the host's pid namespace orphans are handed to the engine's shim: lost by its parent, it is the
                // application's.
                Some(Known { had_parent: true, .. } | Known { role: Role::App, .. }) => Role::App,
                // A shell becomes its last command: the role is that of the first look.
                Some(known) if known.role == Role::HealthCheck => Role::HealthCheck,
                Some(_) | None => self.started_from_outside(top.id, command_line)?,
            };
            for pid in descend([top.id.pid], children) {
                roles.entry(pid).or_insert(role);
            }
        }
        Ok(roles)
    }

    fn started_from_outside(&self, id: ProcId, command_line: &mut CommandLine<'_>) -> Result<Role, Errno> {
        let text = match command_line(id) {
            Err(errno) if shortage(errno).is_some() => return Err(errno),
            // A process that has just ended, and one that is about to become the command, are nobody's health check.
            answer => answer.unwrap_or_default(),
        };
        let is_check = is_healthcheck(&parse::arguments(&text), &self.healthcheck);
        Ok(if is_check { Role::HealthCheck } else { Role::Exec })
    }
}

type Children = HashMap<u32, Vec<u32>>;

fn children(table: &Table) -> Children {
    let mut children = Children::new();
    for row in table.values() {
        children.entry(row.ppid).or_default().push(row.id.pid);
    }
    children
}

/// The processes and all their descendants.
fn descend(from: impl IntoIterator<Item = u32>, children: &Children) -> BTreeSet<u32> {
    let mut open: Vec<u32> = from.into_iter().collect();
    let mut found = BTreeSet::new();
    while let Some(pid) = open.pop() {
        if found.insert(pid) {
            open.extend(children.get(&pid).into_iter().flatten());
        }
    }
    found
}

#[cfg(test)]
mod tests;

//! Reads processes on a thread of its own, so that one that hangs in the kernel costs a gap and not the night.
//!
//! A read of /proc/PID/cmdline waits for a lock of the process's memory. Who holds that lock may sleep for ever: a page that
//! is fetched from a file server that is gone (state D). Nothing interrupts such a read. So the thread that asks is never
//! the thread that waits: when the time is up, the thread is left behind, another goes on with the next process, and the
//! process is not asked again until its thread has come back.
//!
//! One thread serves all looks. It says nothing until it has read all processes: a look costs one change of threads there and
//! one back, however many processes there are.

use std::fmt;
use std::sync::mpsc;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use crate::model::ProcId;
use crate::probe::scan::Scanner;

/// How long a process may take to answer.
pub(super) const LIMIT: Duration = Duration::from_secs(2);

/// How many threads are left behind at most. After that nobody is asked until one of them comes back.
pub(super) const MOST_LEFT: usize = 16;

/// What became of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer<T> {
    /// The answer.
    Told(T),
    /// It did not come in time.
    Late,
    /// It was not asked: it has not answered an earlier question yet.
    StillLate,
    /// It was not asked: too many others do not answer, or no thread could be started.
    Unasked,
    /// The reading itself broke off, by a fault of ours.
    Broken,
}

/// One thread that reads, and those that were left behind.
pub(super) struct Workers {
    limit: Duration,
    // Also makes the scanner of a thread that takes over from one that hangs. What scanners remember of a descriptor must
    // be the same for all of them.
    scanner: Box<dyn Fn() -> Scanner + Send>,
    worker: Option<Worker>,
    left: Vec<Left>,
}

struct Worker {
    jobs: mpsc::Sender<Job>,
    thread: JoinHandle<()>,
}

/// A thread that hangs, and where. It ends when it comes back: its queue is closed.
struct Left {
    process: ProcId,
    thread: JoinHandle<()>,
}

type Job = Box<dyn FnOnce(&mut Scanner) + Send>;

impl Workers {
    /// Nobody yet: the first question starts the thread. `scanner` makes a scanner for each thread.
    pub(super) fn new(scanner: impl Fn() -> Scanner + Send + 'static) -> Self {
        Self { limit: LIMIT, scanner: Box::new(scanner), worker: None, left: Vec::new() }
    }

    /// Waits so long for each process from now on.
    pub(super) fn set_limit(&mut self, limit: Duration) {
        self.limit = limit;
    }

    /// How long a process may take to answer.
    pub(super) fn limit(&self) -> Duration {
        self.limit
    }

    /// How many threads hang.
    pub(super) fn left_behind(&self) -> usize {
        self.left.len()
    }

    /// Asks `read` of each subject, one after the other, and returns the answers in the same order. Waits at most the
    /// limit for each subject that hangs, and never for one that hung before.
    pub(super) fn ask<S, T>(
        &mut self,
        subjects: Vec<(ProcId, S)>,
        read: impl Fn(&S, &mut Scanner) -> T + Send + Sync + 'static,
    ) -> Vec<Answer<T>>
    where
        S: Send + Sync + 'static,
        T: Send + 'static,
    {
        self.left.retain(|left| !left.thread.is_finished());
        let (subjects, read) = (Arc::new(subjects), Arc::new(read));
        let mut answers = Vec::with_capacity(subjects.len());
        while let Some((process, _)) = subjects.get(answers.len()) {
            if self.left.iter().any(|left| left.process == *process) {
                answers.push(Answer::StillLate);
                continue;
            }
            // As far as the next one that must not be asked.
            let next = answers.len();
            let stop = |(process, _): &(ProcId, S)| self.left.iter().any(|left| left.process == *process);
            let number = subjects.iter().skip(next).position(stop).unwrap_or(subjects.len() - next);
            let progress = Arc::new(Progress::new());
            let job = job(Arc::clone(&subjects), next, number, Arc::clone(&read), Arc::clone(&progress));
            if !self.start(job) {
                answers.push(Answer::Unasked);
                continue;
            }
            let (told, ended) = progress.wait(self.limit);
            answers.extend(told.into_iter().map(Answer::Told));
            if let Some((process, _)) = subjects.get(answers.len()).filter(|_| answers.len() < next + number) {
                let worker = self.worker.take();
                if ended {
                    answers.push(Answer::Broken);
                } else {
                    answers.push(Answer::Late);
                    self.left.extend(worker.map(|worker| Left { process: *process, thread: worker.thread }));
                }
            }
        }
        answers
    }

    /// Hands a job to the thread, which is started where there is none. False where there can be none.
    fn start(&mut self, job: Job) -> bool {
        if self.worker.is_none() && self.left.len() < MOST_LEFT {
            let (jobs, queue) = mpsc::channel::<Job>();
            let mut scanner = (self.scanner)();
            let work = move || queue.iter().for_each(|job| job(&mut scanner));
            let thread = Builder::new().name("reader".to_owned()).spawn(work);
            self.worker = thread.ok().map(|thread| Worker { jobs, thread });
        }
        self.worker.as_ref().is_some_and(|worker| worker.jobs.send(job).is_ok())
    }
}

impl fmt::Debug for Workers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let left: Vec<ProcId> = self.left.iter().map(|left| left.process).collect();
        f.debug_struct("Workers").field("limit", &self.limit).field("left", &left).finish_non_exhaustive()
    }
}

/// What the thread does with `number` subjects from `next` on.
fn job<S, T>(
    subjects: Arc<Vec<(ProcId, S)>>,
    next: usize,
    number: usize,
    read: Arc<impl Fn(&S, &mut Scanner) -> T + Send + Sync + 'static>,
    progress: Arc<Progress<T>>,
) -> Job
where
    S: Send + Sync + 'static,
    T: Send + 'static,
{
    Box::new(move |scanner| {
        let end = End(&progress);
        progress.lock().since = Instant::now();
        for (_, subject) in subjects.iter().skip(next).take(number) {
            let answer = read(subject, scanner);
            let mut state = progress.lock();
            if state.given_up {
                break;
            }
            state.told.push(answer);
            state.since = Instant::now();
        }
        drop(end);
    })
}

/// How far a job has come.
struct Progress<T> {
    state: Mutex<State<T>>,
    ended: Condvar,
}

struct State<T> {
    told: Vec<T>,
    // When the subject was begun that is read now.
    since: Instant,
    ended: bool,
    given_up: bool,
}

impl<T> Progress<T> {
    fn new() -> Self {
        let state = State { told: Vec::new(), since: Instant::now(), ended: false, given_up: false };
        Self { state: Mutex::new(state), ended: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The answers up to the end, or up to the first subject that takes longer than the limit; true where the job ended.
    fn wait(&self, limit: Duration) -> (Vec<T>, bool) {
        let mut state = self.lock();
        loop {
            let waited = state.since.elapsed();
            if state.ended || waited >= limit {
                state.given_up = true;
                return (std::mem::take(&mut state.told), state.ended);
            }
            let woken = self.ended.wait_timeout(state, limit - waited);
            (state, _) = woken.unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Says that a job is over when it is dropped, also by a panic.
struct End<'a, T>(&'a Progress<T>);

impl<T> Drop for End<'_, T> {
    fn drop(&mut self) {
        self.0.lock().ended = true;
        self.0.ended.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn subjects(pids: impl IntoIterator<Item = u32>) -> Vec<(ProcId, u32)> {
        pids.into_iter().map(|pid| (ProcId { pid, start: 1 }, pid)).collect()
    }

    /// Subjects that wait until the gate is dropped.
    struct Gate {
        open: mpsc::Sender<()>,
        closed: Arc<Mutex<mpsc::Receiver<()>>>,
    }

    impl Gate {
        fn new() -> Self {
            let (open, closed) = mpsc::channel();
            Self { open, closed: Arc::new(Mutex::new(closed)) }
        }

        /// Answers with the subject's number; those above 100 hang.
        fn reader(&self) -> impl Fn(&u32, &mut Scanner) -> u32 + Send + Sync + 'static {
            let closed = Arc::clone(&self.closed);
            move |pid, _| {
                if *pid > 100 {
                    // The lock is shared by all that hang: each gets it when the one before is done with it.
                    let _opened = closed.lock().unwrap_or_else(PoisonError::into_inner).recv();
                }
                *pid
            }
        }

        /// Lets all come back and waits until they have.
        fn open(self, workers: &mut Workers) {
            drop(self.open);
            while !workers.left.is_empty() {
                workers.left.retain(|left| !left.thread.is_finished());
                std::thread::yield_now();
            }
        }
    }

    fn impatient() -> Workers {
        let mut workers = Workers::new(Scanner::default);
        // Long enough for a machine that is busy with other things.
        workers.set_limit(Duration::from_secs(1));
        workers
    }

    #[test]
    fn answers_come_in_order_from_one_thread_that_is_kept() {
        let mut workers = Workers::new(Scanner::default);
        let mut ask = || workers.ask(subjects(1..=50), |pid, _: &mut Scanner| (*pid, std::thread::current().id()));
        let (first, second) = (ask(), ask());
        assert_eq!(first, second);
        let Answer::Told((_, thread)) = first[0] else { panic!("{:?}", first[0]) };
        assert_ne!(thread, std::thread::current().id());
        let expected: Vec<_> = (1..=50).map(|pid| Answer::Told((pid, thread))).collect();
        assert_eq!(first, expected);
        assert_eq!(workers.ask(Vec::<(ProcId, u32)>::new(), |pid, _| *pid), []);
    }

    #[test]
    fn one_that_hangs_is_late_and_the_others_are_read() {
        let (mut workers, gate) = (impatient(), Gate::new());
        let first = workers.ask(subjects([1, 101, 2, 3]), gate.reader());
        assert_eq!(first, [Answer::Told(1), Answer::Late, Answer::Told(2), Answer::Told(3)]);
        let begun = Instant::now();
        workers.set_limit(Duration::from_secs(60));
        let second = workers.ask(subjects([1, 101, 2, 3]), gate.reader());
        assert_eq!(second, [Answer::Told(1), Answer::StillLate, Answer::Told(2), Answer::Told(3)]);
        assert!(begun.elapsed() < Duration::from_secs(30), "nobody waits for it a second time");
        // Another process with its pid is asked.
        let reborn = vec![(ProcId { pid: 101, start: 2 }, 5)];
        assert_eq!(workers.ask(reborn, gate.reader()), [Answer::Told(5)]);
        let again = gate.reader();
        gate.open(&mut workers);
        assert_eq!(workers.ask(subjects([101]), again), [Answer::Told(101)], "it came back and is asked again");
    }

    #[test]
    fn threads_left_behind_are_bounded_and_nobody_is_asked_until_one_comes_back() {
        let (mut workers, gate) = (impatient(), Gate::new());
        workers.set_limit(Duration::from_millis(2));
        let answers = workers.ask(subjects(101..=120), gate.reader());
        let late = answers.iter().filter(|answer| **answer == Answer::Late).count();
        assert_eq!((late, workers.left.len()), (MOST_LEFT, MOST_LEFT));
        assert_eq!(answers[MOST_LEFT..], [Answer::Unasked, Answer::Unasked, Answer::Unasked, Answer::Unasked]);
        assert_eq!(workers.ask(subjects([1, 101]), gate.reader()), [Answer::Unasked, Answer::StillLate]);
        let again = gate.reader();
        gate.open(&mut workers);
        workers.set_limit(LIMIT);
        assert_eq!(workers.ask(subjects([1, 101]), again), [Answer::Told(1), Answer::Told(101)]);
    }

    #[test]
    fn an_end_does_not_wait_for_threads_that_hang() {
        let (mut workers, gate) = (impatient(), Gate::new());
        assert_eq!(workers.ask(subjects([101]), gate.reader()), [Answer::Late]);
        // Would hang here, were the thread waited for: the gate is still shut.
        drop(workers);
        drop(gate);
    }

    #[test]
    fn the_limit_is_for_each_and_not_for_all() {
        let mut workers = impatient();
        let answers = workers.ask(subjects(1..=6), |pid, _| {
            std::thread::sleep(Duration::from_millis(200));
            *pid
        });
        assert_eq!(answers, (1..=6).map(Answer::Told).collect::<Vec<_>>());
    }

    #[test]
    fn a_reader_that_panics_costs_its_own_answer_only() {
        let mut workers = Workers::new(Scanner::default);
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&calls);
        let answers = workers.ask(subjects(1..=3), move |pid, _| {
            counted.fetch_add(1, Ordering::Relaxed);
            assert_ne!(*pid, 2, "a panic that this test wants");
            *pid
        });
        assert_eq!(answers, [Answer::Told(1), Answer::Broken, Answer::Told(3)]);
        assert_eq!(calls.load(Ordering::Relaxed), 3);
    }
}

//! A command that answers requests, made anew when it is lost.
//!
//! A task of its own holds the connection: whoever asks may give up at any moment, and the conversation stays in order.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout};

use crate::target::{Wire, WireError};

/// An answer that takes longer does not come.
const DEADLINE: Duration = Duration::from_secs(30);

/// Making the other side takes no longer: an image has to be packed and a container to be started.
const DIALLING: Duration = Duration::from_secs(120);

/// The other side is made anew once in this time, at most.
const REST: Duration = Duration::from_secs(10);

/// Makes the other side.
pub(super) trait Dial: Send + 'static {
    /// Makes it and greets it. What was made before is removed.
    fn dial(&mut self) -> impl Future<Output = Result<Wire, String>> + Send;

    /// Removes what was made.
    fn hang_up(&mut self) -> impl Future<Output = ()> + Send;

    /// How people call it.
    fn name(&self) -> &'static str;
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Trouble {
    /// It took too long.
    #[error("no answer within {} s", DEADLINE.as_secs())]
    Late,
    /// The other side is gone.
    #[error("{0}")]
    Lost(String),
}

/// A question in bytes, and how its answer ends.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) bytes: Vec<u8>,
    pub(super) end: Vec<u8>,
    pub(super) most: usize,
}

enum Order {
    Dial(oneshot::Sender<Result<(), String>>),
    Ask(Question, oneshot::Sender<Result<Vec<u8>, Trouble>>),
    Renew,
    Close(oneshot::Sender<()>),
}

/// The way to the other side.
#[derive(Debug)]
pub(super) struct Session {
    orders: mpsc::Sender<Order>,
    notes: Notes,
}

/// What happened to the connection, for people.
#[derive(Debug, Clone, Default)]
struct Notes(Arc<Mutex<Vec<String>>>);

impl Notes {
    fn add(&self, note: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(note);
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Session {
    /// Makes the other side.
    ///
    /// # Errors
    /// It could not be made, and why. What was made is removed.
    pub(super) async fn open(dial: impl Dial) -> Result<Self, String> {
        let (orders, queue) = mpsc::channel(4);
        let notes = Notes::default();
        let operator = Operator { dial, wire: None, dialled: None, failing: false, notes: notes.clone() };
        tokio::spawn(operator.work(queue));
        let session = Self { orders, notes };
        let (reply, dialled) = oneshot::channel();
        session.order(Order::Dial(reply)).await.map_err(|trouble| trouble.to_string())?;
        match dialled.await.map_err(|_gone| gone().to_string()).and_then(|dialled| dialled) {
            Ok(()) => Ok(session),
            Err(problem) => {
                session.close().await;
                Err(problem)
            }
        }
    }

    /// Asks, and waits for the answer.
    pub(super) async fn ask(&self, question: Question) -> Result<Vec<u8>, Trouble> {
        let (reply, answer) = oneshot::channel();
        let answered = async {
            self.order(Order::Ask(question, reply)).await?;
            answer.await.map_err(|_gone| gone())?
        };
        // Longer than the deadline only where the other side is just being made anew.
        timeout(DEADLINE + Duration::from_secs(1), answered).await.unwrap_or(Err(Trouble::Late))
    }

    /// Has the other side made anew, because the one there is has lost its target. Does not wait for it.
    pub(super) async fn renew(&self) {
        let _gone = self.order(Order::Renew).await;
    }

    /// What happened since the last call.
    pub(super) fn notes(&self) -> Vec<String> {
        self.notes.take()
    }

    /// Removes the other side and waits for its end.
    pub(super) async fn close(&self) {
        let (reply, closed) = oneshot::channel();
        if self.order(Order::Close(reply)).await.is_ok() {
            let _gone = closed.await;
        }
    }

    async fn order(&self, order: Order) -> Result<(), Trouble> {
        self.orders.send(order).await.map_err(|_closed| gone())
    }
}

fn gone() -> Trouble {
    Trouble::Lost("it was closed".to_owned())
}

struct Operator<D> {
    dial: D,
    wire: Option<Wire>,
    dialled: Option<Instant>,
    // True from a failure to make it anew, which is said once, until it is there again.
    failing: bool,
    notes: Notes,
}

impl<D: Dial> Operator<D> {
    async fn work(mut self, mut queue: mpsc::Receiver<Order>) {
        while let Some(order) = queue.recv().await {
            match order {
                Order::Dial(reply) => {
                    let dialled = self.dial().await;
                    let _left = reply.send(dialled);
                }
                // Whoever asked has given up: the look would be nobody's.
                Order::Ask(_, reply) if reply.is_closed() => {}
                Order::Ask(question, reply) => {
                    let answer = self.ask(&question).await;
                    let lost = answer.is_err();
                    let _left = reply.send(answer);
                    if lost {
                        self.again().await;
                    }
                }
                Order::Renew => {
                    self.wire = None;
                    self.dialled = None;
                    self.again().await;
                }
                Order::Close(reply) => {
                    self.wire = None;
                    self.dial.hang_up().await;
                    let _left = reply.send(());
                    return;
                }
            }
        }
        self.wire = None;
        self.dial.hang_up().await;
    }

    async fn dial(&mut self) -> Result<(), String> {
        self.wire = None;
        self.dialled = Some(Instant::now());
        let dialled = timeout(DIALLING, self.dial.dial()).await;
        let late = || format!("{} was not there within {} s", self.dial.name(), DIALLING.as_secs());
        self.wire = Some(dialled.map_err(|_elapsed| late())??);
        Ok(())
    }

    /// Makes the other side anew, unless that was done a moment ago.
    async fn again(&mut self) {
        if self.dialled.is_some_and(|dialled| dialled.elapsed() < REST) {
            return;
        }
        match self.dial().await {
            Ok(()) => {
                self.failing = false;
                let name = self.dial.name();
                self.notes.add(format!("{name} was made anew; the ages of handles begin again"));
            }
            Err(problem) if !self.failing => {
                self.failing = true;
                self.notes.add(format!("{} could not be made anew: {problem}", self.dial.name()));
            }
            Err(_) => {}
        }
    }

    async fn ask(&mut self, question: &Question) -> Result<Vec<u8>, Trouble> {
        if self.wire.is_none() {
            self.again().await;
        }
        let Some(wire) = &mut self.wire else {
            return Err(Trouble::Lost("it is not there".to_owned()));
        };
        let conversation = async {
            wire.send(&question.bytes).await?;
            wire.until(&question.end, question.most).await
        };
        let trouble = match timeout(DEADLINE, conversation).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error @ (WireError::Ended(_) | WireError::Broken(_) | WireError::TooLong(_)))) => {
                Trouble::Lost(error.to_string())
            }
            Err(_elapsed) => Trouble::Late,
        };
        // An answer that comes after all would be taken for the next one's.
        self.wire = None;
        self.notes.add(format!("{} is lost: {trouble}", self.dial.name()));
        Err(trouble)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, DuplexStream};

    use super::*;

    /// What the other side does with a question.
    const ECHO: &str = "echo\n";
    const HANG: &str = "hang\n";
    const END: &str = "end\n";

    /// Makes other sides that do as they are told, and counts what was made and removed.
    #[derive(Clone, Default)]
    struct Fake {
        made: Arc<AtomicU32>,
        removed: Arc<AtomicU32>,
        broken: Arc<AtomicU32>,
    }

    impl Fake {
        fn made(&self) -> u32 {
            self.made.load(Ordering::SeqCst)
        }
    }

    impl Dial for Fake {
        async fn dial(&mut self) -> Result<Wire, String> {
            self.made.fetch_add(1, Ordering::SeqCst);
            if self.broken.load(Ordering::SeqCst) > 0 {
                return Err("no room".to_owned());
            }
            let (ours, theirs) = tokio::io::duplex(64);
            tokio::spawn(serve(theirs));
            Ok(Wire::to(ours))
        }

        async fn hang_up(&mut self) {
            self.removed.fetch_add(1, Ordering::SeqCst);
        }

        fn name(&self) -> &'static str {
            "the fake"
        }
    }

    async fn serve(peer: DuplexStream) {
        let mut peer = BufReader::new(peer);
        let mut line = String::new();
        while peer.read_line(&mut line).await.is_ok_and(|read| read > 0) {
            match line.as_str() {
                HANG => std::future::pending().await,
                END => return,
                echo => peer.write_all(echo.as_bytes()).await.unwrap(),
            }
            line.clear();
        }
    }

    fn question(text: &str) -> Question {
        Question { bytes: text.as_bytes().to_vec(), end: b"\n".to_vec(), most: 1000 }
    }

    async fn ask(session: &Session, text: &str) -> Result<String, Trouble> {
        session.ask(question(text)).await.map(|answer| String::from_utf8(answer).unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_ends_is_made_anew_but_not_at_once_again() {
        let fake = Fake::default();
        let session = Session::open(fake.clone()).await.unwrap();
        assert_eq!(ask(&session, ECHO).await.as_deref(), Ok(ECHO));
        tokio::time::sleep(REST).await;
        assert!(matches!(ask(&session, END).await, Err(Trouble::Lost(_))));
        assert_eq!(ask(&session, ECHO).await.as_deref(), Ok(ECHO), "it was made anew at once");
        assert_eq!(fake.made(), 2);
        ask(&session, END).await.unwrap_err();
        ask(&session, ECHO).await.unwrap_err();
        assert_eq!(fake.made(), 2, "too soon");
        tokio::time::sleep(REST).await;
        assert_eq!(ask(&session, ECHO).await.as_deref(), Ok(ECHO));
        let notes = session.notes();
        assert_eq!(notes.iter().filter(|note| note.contains("is lost")).count(), 2, "{notes:?}");
        assert_eq!(notes.iter().filter(|note| note.contains("made anew")).count(), 2, "{notes:?}");
        session.close().await;
        assert_eq!(fake.removed.load(Ordering::SeqCst), 1);
        assert!(ask(&session, ECHO).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_does_not_come_is_late_and_never_taken_for_the_next_one() {
        let session = Session::open(Fake::default()).await.unwrap();
        assert_eq!(ask(&session, HANG).await, Err(Trouble::Late));
        assert_eq!(ask(&session, ECHO).await.as_deref(), Ok(ECHO));
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_gives_up_leaves_the_conversation_in_order() {
        let session = Session::open(Fake::default()).await.unwrap();
        assert!(timeout(Duration::from_millis(1), ask(&session, HANG)).await.is_err());
        assert_eq!(ask(&session, "one\n").await.as_deref(), Ok("one\n"));
        assert_eq!(ask(&session, "two\n").await.as_deref(), Ok("two\n"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_restart_of_the_target_makes_it_anew_without_rest() {
        let fake = Fake::default();
        let session = Session::open(fake.clone()).await.unwrap();
        session.renew().await;
        assert_eq!(ask(&session, ECHO).await.as_deref(), Ok(ECHO));
        assert_eq!(fake.made(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_cannot_be_made_is_removed_and_the_failure_is_said_once() {
        let fake = Fake::default();
        fake.broken.store(1, Ordering::SeqCst);
        assert_eq!(Session::open(fake.clone()).await.unwrap_err(), "no room");
        assert_eq!(fake.removed.load(Ordering::SeqCst), 1);
        fake.broken.store(0, Ordering::SeqCst);
        let session = Session::open(fake.clone()).await.unwrap();
        fake.broken.store(1, Ordering::SeqCst);
        for _ in 0..3 {
            tokio::time::sleep(REST).await;
            ask(&session, END).await.unwrap_err();
        }
        let notes = session.notes();
        assert_eq!(notes.iter().filter(|note| note.contains("no room")).count(), 1, "{notes:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_is_only_dropped_is_removed_too() {
        let fake = Fake::default();
        drop(Session::open(fake.clone()).await.unwrap());
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert_eq!(fake.removed.load(Ordering::SeqCst), 1);
    }
}

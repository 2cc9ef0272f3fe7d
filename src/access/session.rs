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
                self.notes.add(format!("{name} was made anew; what it knew of the age of handles is lost"));
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

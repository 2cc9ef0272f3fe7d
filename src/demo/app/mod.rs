//! `slowdrip demo-app`: a small HTTP application that really works, and leaks what it is told to, as fast as it is told to.
//!
//! It is what `slowdrip demo` soaks, and the fixture of the integration tests. It has what the applications have that were bitten by slow
//! leaks: users who register through a form with a CSRF token, subscriptions that a scheduler refreshes into SQLite, a WebSocket, a health
//! endpoint. Its one event loop is tokio's, on whose epoll there is always a thread that waits, so an abandoned epoll stands out.
//! Users, sessions, subscriptions, connections and bodies are all bounded.
//!
//! It can also hold one of everything from the start: every class of descriptor, every kind of dead handle, and for each a healthy
//! twin ([`Plant`]).

mod args;
mod children;
mod leaks;
mod listener;
mod log;
mod plants;
mod routes;
mod session;
mod state;
mod store;
mod websocket;

use std::future::IntoFuture;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Semaphore;
use tokio::time::{MissedTickBehavior, interval, interval_at};
use tokio_util::sync::CancellationToken;

pub use args::{AppArgs, ArgumentError, LeakRate, LeakStart};
pub use children::{ChildKind, UnknownChild, ran_as_child};
pub use leaks::Leak;
pub use plants::{Errand, Plant, PlantOrder, Sort};

use children::Children;
use leaks::Hoard;
use plants::Garden;
use state::{Shared, Tally};
use store::Store;

/// How long open requests may take to end after the stop signal.
const END_WITHIN: Duration = Duration::from_secs(2);

/// The very program that runs; it can be started even where nothing else can, and after its file was replaced.
const THIS_PROGRAM: &str = "/proc/self/exe";

/// Runs the application until a signal ends it.
///
/// # Errors
/// The data folder, the database or the address cannot be used, or a leak that was to be there from the start could not be made.
pub async fn serve(args: AppArgs) -> anyhow::Result<()> {
    if let Some(child) = args.child {
        return child.run().context("a child of the demo application failed");
    }
    // First of all: as PID 1 the process has no default for these, and would not even notice them.
    let mut signals = Signals::install().context("the handlers for signals could not be installed")?;
    let data = args.data.clone().context("say where its data goes with --data DIR")?;
    std::fs::create_dir_all(&data).with_context(|| format!("the folder {} could not be made", data.display()))?;
    let store =
        Store::open(&data).with_context(|| format!("the database in {} could not be opened", data.display()))?;
    let children = Children::start(PathBuf::from(THIS_PROGRAM)).context("the thread for children did not start")?;
    let listener = TcpListener::bind(args.listen)
        .await
        .with_context(|| format!("cannot listen on {}; choose another address with --listen", args.listen))?;
    let address = listener.local_addr().context("the address listened on cannot be found out")?;
    let garden = plant(args.plants, data.join("plants"), children.clone()).await?;

    let shared = Arc::new(Shared {
        store,
        hoard: Hoard::new(data, children.clone()),
        garden,
        sessions: std::sync::Mutex::default(),
        requests: Tally::default(),
        refreshes: Tally::default(),
        echoes: Tally::default(),
        sockets: Arc::new(Semaphore::new(websocket::MOST_SOCKETS)),
        serving: CancellationToken::new(),
        started: Instant::now(),
    });
    for start in &args.at_start {
        for _ in 0..start.count {
            let made = shared.hoard.leak(start.leak).await;
            made.with_context(|| format!("a leak of kind `{}` could not be made", start.leak))?;
        }
    }
    if args.print_port {
        // Whoever asked reads this line; where nobody does, the application is of no use to anybody.
        writeln!(std::io::stdout(), "{}", address.port()).context("the port could not be printed")?;
    }
    log::line(format_args!("listening on {address}"));

    let working = CancellationToken::new();
    tokio::spawn(schedule(Arc::clone(&shared), args.refresh, working.clone()));
    for rate in &args.leaks {
        tokio::spawn(leak(Arc::clone(&shared), *rate, working.clone()));
    }
    let server = axum::serve(listener::Bounded::new(listener), routes::router(Arc::clone(&shared)))
        .with_graceful_shutdown(shared.serving.clone().cancelled_owned());
    let mut server = tokio::spawn(server.into_future());

    loop {
        tokio::select! {
            ended = &mut server => return ended.context("the server broke down")?.context("the server failed"),
            // Whoever is PID 1 inherits orphans, and nobody else reaps them.
            _ = signals.child.recv() => children.reap(),
            _ = signals.interrupt.recv() => break,
            _ = signals.terminate.recv() => {
                if args.ignore_term {
                    log::line(format_args!("SIGTERM ignored"));
                } else if args.serve_after_term {
                    log::line(format_args!("SIGTERM: scheduler stopped, still serving"));
                    working.cancel();
                } else {
                    break;
                }
            }
        }
    }

    log::line(format_args!("stopping"));
    working.cancel();
    shared.serving.cancel();
    if tokio::time::timeout(END_WITHIN, &mut server).await.is_err() {
        server.abort();
    }
    // Workers and the processes of plants end when the pipes to them close.
    shared.hoard.release();
    let planted = Arc::clone(&shared);
    tokio::task::spawn_blocking(move || planted.garden.release()).await.context("what was planted broke down")?;
    children.end().await;
    log::line(format_args!("stopped"));
    Ok(())
}

/// Plants what was ordered, on a thread that may block.
async fn plant(orders: Vec<PlantOrder>, folder: PathBuf, children: Children) -> anyhow::Result<Garden> {
    let planted = tokio::task::spawn_blocking(move || Garden::plant(&orders, &folder, &children));
    Ok(planted.await.context("the planting broke down")??)
}

/// The signals that the application minds.
#[derive(Debug)]
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    child: Signal,
}

impl Signals {
    fn install() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            child: signal(SignalKind::child())?,
        })
    }
}

/// Refreshes every subscription, again and again.
async fn schedule(shared: Arc<Shared>, every: Duration, working: CancellationToken) {
    let mut clock = interval(every);
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = working.cancelled() => return,
            _ = clock.tick() => {}
        }
        match shared.store.refresh(jiff::Timestamp::now()).await {
            Ok(refreshed) => {
                for subscription in refreshed {
                    shared.refreshes.add(1);
                    log::line(format_args!("refreshed subscription {}, run {}", subscription.id, subscription.runs));
                }
            }
            Err(error) => log::line(format_args!("error: refresh failed: {error}")),
        }
    }
}

/// Leaks at a steady rate; the first one after one period.
async fn leak(shared: Arc<Shared>, rate: LeakRate, working: CancellationToken) {
    let mut clock = interval_at(tokio::time::Instant::now() + rate.period, rate.period);
    // A late tick is made up for, so that the rate is what was asked for.
    clock.set_missed_tick_behavior(MissedTickBehavior::Burst);
    loop {
        tokio::select! {
            () = working.cancelled() => return,
            _ = clock.tick() => {}
        }
        // Nothing is said of those that succeed: a real leak does not announce itself.
        if let Err(error) = shared.hoard.leak(rate.leak).await {
            log::line(format_args!("error: {} failed: {error}", rate.leak));
        }
    }
}

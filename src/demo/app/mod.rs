//! `slowdrip demo-app`: a small HTTP application that really works, and leaks what it is told to, as fast as it is told to.
//!
//! It is what `slowdrip demo` soaks, and the fixture of the integration tests. It has what the applications have that were bitten by slow
//! leaks: users who register through a form with a CSRF token, subscriptions that a scheduler refreshes into SQLite, a WebSocket, a health
//! endpoint. Its one event loop is tokio's, on whose epoll there is always a thread that waits, so an abandoned epoll stands out.
//! Users, sessions, subscriptions, connections and bodies are all bounded.
//!
//! What it does beside, in a fixed form and in one that leaks, are the bugs of real applications ([`Fault`]): workers of WebSocket sessions, a
//! connection for each request, a supervised job, a tree of processes, a health check that hangs.
//!
//! It can also hold one of everything from the start: every class of descriptor, every kind of dead handle, and for each a healthy
//! twin ([`Plant`]). And it can keep handles whose number goes up and down as that of healthy applications does ([`ShapeKind`]).

mod args;
mod children;
mod clock;
mod leaks;
mod listener;
mod log;
mod plants;
mod routes;
mod routine;
mod session;
mod shapes;
mod state;
mod store;
mod websocket;
mod work;

use std::future::IntoFuture;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

pub use args::{AppArgs, ArgumentError, LeakRate, LeakStart};
pub use children::{ChildKind, UnknownChild, ran_as_child};
pub use clock::Pace;
pub use leaks::Leak;
pub use plants::{Errand, Plant, PlantOrder, Sort};
pub use shapes::{HandleKind, ShapeKind, ShapeOrder};
pub use work::Fault;

use children::Children;
use clock::Clock;
use leaks::Hoard;
use plants::Garden;
use routine::Routine;
use shapes::Shapes;
use state::{Shared, Tally};
use store::Store;
use work::{Work, supervise};

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
    if args.tree {
        // As PID 1 it gets what loses its parent anyway; elsewhere it has to ask for that.
        rustix::process::set_child_subreaper(Some(rustix::process::getpid()))
            .context("processes that lose their parent cannot be had")?;
    }
    let listener = TcpListener::bind(args.listen)
        .await
        .with_context(|| format!("cannot listen on {}; choose another address with --listen", args.listen))?;
    let address = listener.local_addr().context("the address listened on cannot be found out")?;
    let garden = plant(args.plants.clone(), data.join("plants"), children.clone()).await?;
    let shapes = Shapes::new(&args.shapes, data.join("shapes")).context("the shapes could not be prepared")?;
    let (clock, orders) = Clock::start(args.clock);

    let shared = Arc::new(Shared {
        store,
        work: Work::new(&args, &data, children.clone()),
        hoard: Hoard::new(data, children.clone()),
        garden,
        shapes,
        clock,
        sessions: std::sync::Mutex::default(),
        requests: Tally::default(),
        refreshes: Tally::default(),
        echoes: Tally::default(),
        sockets: Arc::new(Semaphore::new(websocket::MOST_SOCKETS)),
        serving: CancellationToken::new(),
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
    if args.supervise {
        tokio::spawn(supervise::job(Arc::clone(&shared), working.clone()));
    }
    if args.tree {
        tokio::spawn(supervise::manager(Arc::clone(&shared), working.clone()));
    }
    let routines = Routine::all(&args);
    match orders {
        None => routine::by_running_clock(&shared, routines, &working),
        Some(orders) => {
            tokio::spawn(routine::by_manual_clock(Arc::clone(&shared), routines, orders, working.clone()));
        }
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
                    working.cancel();
                    log::line(format_args!("SIGTERM: scheduler stopped, still serving"));
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
    let held = Arc::clone(&shared);
    let release = move || {
        held.work.release();
        held.shapes.release();
        held.garden.release();
    };
    tokio::task::spawn_blocking(release).await.context("what was planted broke down")?;
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

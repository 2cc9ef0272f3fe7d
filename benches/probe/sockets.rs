//! sock_diag against net/tcp: the same sockets entered into the same kind of table, turn by turn.
//!
//! The text is read by the parser to which slowdrip falls back. Its dump tells TCP over both versions of IP, net/tcp only
//! version 4: there are no sockets of version 6 here, but the dump walks past them too.

use std::hint::black_box;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use slowdrip::probe::ProcRoot;
use slowdrip::probe::sockets::SocketTable;
use slowdrip::probe::sockets::diag::Diag;
use slowdrip::probe::sockets::message::{Request, TCP};
use slowdrip::probe::sockets::tables::{self, Shape};

/// Sockets held, turns taken, and the ratio that is to be met.
const ROUNDS: &[(usize, usize, f64)] = &[(1_000, 200, 0.4), (10_000, 60, 0.65)];

/// Prints the table.
pub(crate) fn run() {
    // The sockets, and some more for what reads them.
    let wanted = 10_000 + 200;
    let limit = getrlimit(Resource::Nofile);
    if limit.maximum.is_some_and(|hard| hard < wanted) {
        println!("skipped: no more than {:?} descriptors may be open here", limit.maximum);
        return;
    }
    if limit.current.is_some_and(|soft| soft < wanted) {
        setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum: limit.maximum }).expect("set the limit");
    }
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("listen");
    let mut held = Held(Vec::new());
    println!("| TCP sockets | sock_diag, ms | net/tcp, ms | ratio (middle half) | target | met |");
    println!("| ---: | ---: | ---: | --- | --- | --- |");
    for &(count, turns, target) in ROUNDS {
        held.fill(&listener, count);
        round(count, turns, target);
    }
}

fn round(count: usize, turns: usize, target: f64) {
    let root = ProcRoot::system();
    let dir = root.open(std::process::id()).expect("open /proc");
    let mut diag = Diag::open().expect("open a netlink socket");
    let (mut datagram, mut text) = (Diag::buffer(), tables::buffer());
    // Each keeps the memory of its table from turn to turn, as slowdrip does.
    let (mut dumped, mut read) = (SocketTable::default(), SocketTable::default());
    let mut times = Vec::with_capacity(turns);
    // The first turn fills the tables.
    for turn in 0..=turns {
        let mut dump = || timed(|| diag.dump(Request::Tcp, &mut datagram, black_box(&mut dumped)).expect("dump"));
        let mut parse = || {
            timed(|| tables::read(&dir, "net/tcp", Shape::Inet4(TCP), &mut text, black_box(&mut read)).expect("read"))
        };
        // Neither is always the first.
        let (dump, parse) = if turn % 2 == 0 {
            let dump = dump();
            (dump, parse())
        } else {
            let parse = parse();
            (dump(), parse)
        };
        if turn > 0 {
            times.push((dump, parse));
        }
    }
    assert!(dumped.len() >= count && read.len() >= count, "{} and {} sockets", dumped.len(), read.len());
    let ratio = quartiles(times.iter().map(|(dump, parse)| dump.as_secs_f64() / parse.as_secs_f64()));
    let dump = quartiles(times.iter().map(|(dump, _)| dump.as_secs_f64() * 1e3));
    let parse = quartiles(times.iter().map(|(_, parse)| parse.as_secs_f64() * 1e3));
    let met = if ratio[1] <= target { "yes" } else { "**no**" };
    println!(
        "| {count} | {:.2} | {:.2} | {:.2} ({:.2} to {:.2}) | ≤ {target} | {met} |",
        dump[1], parse[1], ratio[1], ratio[0], ratio[2]
    );
}

fn timed(work: impl FnOnce()) -> Duration {
    let begun = Instant::now();
    work();
    begun.elapsed()
}

fn quartiles(values: impl Iterator<Item = f64>) -> [f64; 3] {
    let mut values: Vec<f64> = values.collect();
    values.sort_unstable_by(f64::total_cmp);
    [1, 2, 3].map(|quarter| values.get(values.len() * quarter / 4).copied().unwrap_or(f64::NAN))
}

/// Both ends of connections over loopback. They end by a reset: sockets in TIME_WAIT would stand in the tables for a minute.
struct Held(Vec<TcpStream>);

impl Held {
    fn fill(&mut self, listener: &TcpListener, count: usize) {
        let address = listener.local_addr().expect("an address");
        while self.0.len() < count {
            self.0.push(TcpStream::connect(address).expect("connect"));
            self.0.push(listener.accept().expect("accept").0);
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        for stream in &self.0 {
            let _ = rustix::net::sockopt::set_socket_linger(stream, Some(Duration::ZERO));
        }
    }
}

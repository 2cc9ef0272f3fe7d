//! What growth of sockets and pipes means.

use super::{LIST, Lesson, Look, PYTHON, TCP, TREE, UNIX};
use crate::model::{FdClass, FdKind, Metric};

const MAKE: Look =
    Look { what: "who makes them", run: "bpftrace -e \"t:syscalls:sys_enter_socket /pid==$P/{@[ustack]=count()}\"" };
const PACKETS: Look = Look { what: "the sockets without connections", run: "nsenter -t $P -n ss -uwnap" };

pub(super) const LESSONS: &[Lesson] = &[
    Lesson {
        key: "sockets-never-closed",
        of: &[Metric::Fd(FdClass::Socket), Metric::Kind(FdKind::SocketOther)],
        title: "Sockets are opened and never closed",
        means: "Sockets of every family together. Which family grows says more: name `fd.socket.tcp`, `fd.socket.unix_stream` and \
                `fd.tcp.*` in the thresholds.",
        sources: &[
            "Responses whose body is not read and closed, so that the connection never goes back to its pool.",
            "A client, session or channel for each request instead of one for all.",
            "Streams to browsers (WebSocket, server-sent events) whose peer is gone without a goodbye.",
        ],
        next: &[
            "See which family and which peer they belong to.",
            "Share the client, and close responses in a finally block.",
        ],
        look: &[
            Look {
                what: "the sockets by family",
                run: "nsenter -t $P -n ss -s; nsenter -t $P -n ss -anp | grep pid=$P",
            },
            MAKE,
        ],
    },
    Lesson {
        key: "connections-never-closed",
        of: &[Metric::Kind(FdKind::TcpEstablished), Metric::Kind(FdKind::Tcp), Metric::Kind(FdKind::Tcp6)],
        title: "TCP connections are opened and never closed",
        means: "Connections that stay open on both sides. Where they lead to one peer, a client is made for each call, or its \
                responses are not closed. Where they come from outside, the server keeps connections whose clients are gone.",
        sources: &[
            "A client for each call: requests.Session, httpx.Client, aiohttp.ClientSession, a Go http.Transport, an OkHttpClient, a \
             reqwest Client.",
            "Go: a response body that is not read to its end and closed. Java: an HttpURLConnection or stream that is not closed.",
            "Node: an http.Agent with keepAlive and no limit, or a response that nobody consumes.",
            "A connection pool without an upper bound, or one that is made anew and not disposed.",
            "WebSockets or server-sent events behind a proxy that ended without a close frame: without a ping nobody notices.",
        ],
        next: &[
            "Group them by peer: one peer points at one client in the code.",
            "Keep one client for the life of the program, and close every response.",
            "Set timeouts and pings (TCP keep-alive, ws_ping_interval), so that half-open connections end.",
        ],
        look: &[
            Look {
                what: "the peers, counted",
                run: "nsenter -t $P -n ss -tnH | awk '{print $5}' | sort | uniq -c | sort -n",
            },
            TCP,
            Look {
                what: "who connects",
                run: "bpftrace -e \"t:syscalls:sys_enter_connect /pid==$P/{@[ustack]=count()}\"",
            },
        ],
    },
    Lesson {
        key: "peer-closed-connections-kept",
        of: &[Metric::Kind(FdKind::TcpCloseWait)],
        title: "Connections that the peer closed are kept",
        means: "CLOSE_WAIT: the peer has said goodbye, and the application has not closed its end. The kernel never ends this state by \
                itself. An idle pool shows some of them until it is used again; a number that only grows is a leak.",
        sources: &[
            "A response or stream that was not closed after an error or an early return.",
            "A pool that is made for each call and dropped with its idle connections, or one that is never used again.",
            "A handler thread that hangs, so that its client gave up and closed.",
            "A server that does not read from its clients, and so does not see them go.",
        ],
        next: &[
            "Look at the peer: it names the service whose client leaks.",
            "Close responses and clients in a finally block, also on the error path.",
            "Let the pool drop idle connections before the peer does (a keep-alive shorter than the peer's).",
        ],
        look: &[Look { what: "them and their peers", run: "nsenter -t $P -n ss -tnpo state close-wait" }, PYTHON],
    },
    Lesson {
        key: "connections-hang-while-made",
        of: &[Metric::Kind(FdKind::TcpSynSent), Metric::Kind(FdKind::TcpSynRecv)],
        title: "Connections hang while they are made",
        means: "SYN_SENT waits for an answer of the peer, SYN_RECV for that of a client. More and more of them means that nobody answers \
                and nobody gives up. The kernel gives up after about two minutes, so that a true rise is a rise of the attempts.",
        sources: &[
            "A peer behind a firewall that drops packets, and a retry without an upper bound or a pause.",
            "A connect without a timeout for each request.",
        ],
        next: &[
            "Set a connect timeout and a pause that grows from try to try.",
            "See that the peer can be reached from the target's network.",
        ],
        look: &[
            Look { what: "them and their peers", run: "nsenter -t $P -n ss -tnpo state syn-sent state syn-recv" },
            MAKE,
        ],
    },
    Lesson {
        key: "connections-half-closed",
        of: &[
            Metric::Kind(FdKind::TcpFinWait1),
            Metric::Kind(FdKind::TcpFinWait2),
            Metric::Kind(FdKind::TcpLastAck),
            Metric::Kind(FdKind::TcpClosing),
        ],
        title: "Connections are shut down and not closed",
        means: "The application has shut down its side and still holds the descriptor while the peer takes its time. Once the \
                descriptor is closed the kernel ends FIN_WAIT2 within a minute; a descriptor that is held keeps it for ever.",
        sources: &[
            "shutdown() without close(), waiting for a peer that never ends its side.",
            "A peer that hangs or is gone without a reset.",
        ],
        next: &[
            "Close after shutdown, and read the rest with a timeout.",
            "Look at the other end: its connections mostly stand in CLOSE_WAIT.",
        ],
        look: &[
            Look { what: "them and their peers", run: "nsenter -t $P -n ss -tnpo | grep -E 'FIN|LAST|CLOSING'" },
            TCP,
        ],
    },
    Lesson {
        key: "sockets-made-and-left",
        of: &[Metric::Kind(FdKind::Unattached), Metric::Kind(FdKind::TcpClose)],
        title: "Sockets are made or cut off, and never closed",
        means: "Sockets that are neither bound nor connected: made and never used, refused by the peer, or reset by it while the \
                descriptor stayed.",
        sources: &[
            "A connect that fails, and an error path that does not close the socket.",
            "A connection that the peer has reset, held by an object that nobody uses any more.",
            "A pool that makes sockets ahead.",
        ],
        next: &["Close the socket on the error path of connect.", "Look for retries: each failed try leaves one."],
        look: &[MAKE, Look { what: "failed connects", run: "strace -f -p $P -e trace=connect -Z" }],
    },
    Lesson {
        key: "listeners-never-closed",
        of: &[Metric::Kind(FdKind::TcpListen)],
        title: "Listening sockets are opened and never closed",
        means: "Each listens on a port of its own, or on one port by SO_REUSEPORT. An application has a few, made when it starts.",
        sources: &[
            "A callback or debug server on a free port for each task or login.",
            "A server that is made again at each reload, the old one not closed.",
        ],
        next: &["Close the server where its task ends, also when the task fails."],
        look: &[Look { what: "which ports", run: "nsenter -t $P -n ss -tlnp" }, MAKE],
    },
    Lesson {
        key: "datagram-sockets-never-closed",
        of: &[Metric::Kind(FdKind::Udp), Metric::Kind(FdKind::Udp6)],
        title: "UDP sockets are opened and never closed",
        means: "Name look-ups, metrics (StatsD), tracing and QUIC use UDP. Each look-up opens one and closes it at once.",
        sources: &[
            "A DNS resolver that is made for each look-up (aiodns, c-ares channels, trust-dns).",
            "A StatsD or syslog client for each request.",
            "QUIC or WebRTC sessions that are not closed.",
        ],
        next: &[
            "Look at the peers' ports: 53 is name look-up, 8125 StatsD, 443 QUIC.",
            "Share one resolver or client.",
        ],
        look: &[PACKETS, MAKE],
    },
    Lesson {
        key: "raw-sockets-never-closed",
        of: &[Metric::Kind(FdKind::RawIp), Metric::Kind(FdKind::Packet)],
        title: "Raw sockets are opened and never closed",
        means: "Ping, packet capture and network probes use them, mostly with special rights.",
        sources: &[
            "A ping or probe for each check that is not closed.",
            "A capture that is started again after an error.",
        ],
        next: &["Close the probe's socket on every path.", "Use one long-lived prober."],
        look: &[PACKETS, MAKE],
    },
    Lesson {
        key: "socket-pairs-never-closed",
        of: &[Metric::Kind(FdKind::UnixStream), Metric::Kind(FdKind::UnixSeqpacket)],
        title: "Unix sockets are opened and never closed",
        means: "Two kinds of thing: pairs made by socketpair(), with which event loops wake themselves and parents talk to their children, \
                and connections to a service on the same machine (a database, Docker, nginx, D-Bus).",
        sources: &[
            "Event loops that are not closed: each asyncio loop has a pair of them.",
            "Children whose input or messages go through a socket pair (Node's stdio and IPC, asyncio up to 3.11), never closed.",
            "Clients of PostgreSQL, MySQL, Redis or Docker over a unix socket, made for each call.",
        ],
        next: &[
            "See who has the other end: the program itself, a child, or a service.",
            "Name `fd.eventpoll` in the thresholds: a loop has both.",
        ],
        look: &[
            UNIX,
            Look {
                what: "who makes pairs",
                run: "bpftrace -e \"t:syscalls:sys_enter_socketpair /pid==$P/{@[ustack]=count()}\"",
            },
        ],
    },
    Lesson {
        key: "datagram-unix-sockets-never-closed",
        of: &[Metric::Kind(FdKind::UnixDgram)],
        title: "Unix datagram sockets are opened and never closed",
        means: "Logging (syslog, journald), sd_notify and metrics agents use them. One for the program is enough.",
        sources: &[
            "A syslog or metrics handler that is added again for each request, worker or logger.",
            "A logging setup that runs more than once.",
        ],
        next: &["Set logging up once. In Python: call close() on handlers before they are replaced."],
        look: &[UNIX, MAKE],
    },
    Lesson {
        key: "netlink-sockets-never-closed",
        of: &[Metric::Kind(FdKind::Netlink)],
        title: "Netlink sockets are opened and never closed",
        means: "Netlink asks the kernel about interfaces, routes and processes. Each look at the interfaces opens one for a moment.",
        sources: &[
            "A library that lists interfaces or routes and does not close (pyroute2's IPRoute, netlink crates).",
            "A watcher of network changes for each connection or session.",
        ],
        next: &["Use the library's context manager or close().", "Ask once and keep the answer."],
        look: &[Look { what: "the netlink sockets", run: "nsenter -t $P -n ss -f netlink -p" }, MAKE],
    },
    Lesson {
        key: "vsock-sockets-never-closed",
        of: &[Metric::Kind(FdKind::Vsock)],
        title: "Sockets to the virtual machine's host are never closed",
        means: "vsock connects a virtual machine and its host: agents and sandboxes use it.",
        sources: &["A channel to the host for each request, not closed."],
        next: &["Share one channel, and close it on the error path."],
        look: &[Look { what: "the vsock sockets", run: "nsenter -t $P -n ss --vsock -p" }, MAKE],
    },
    Lesson {
        key: "pipes-never-closed",
        of: &[Metric::Fd(FdClass::Pipe), Metric::Kind(FdKind::PipeRead), Metric::Kind(FdKind::PipeWrite)],
        title: "Pipes are made and never closed",
        means: "A pipe has two ends, each a descriptor. Pipes lead to children (their input and output), between processes \
                (multiprocessing), and wake loops and threads. An end whose other side is closed everywhere can never be of use again.",
        sources: &[
            "subprocess.Popen with stdout=PIPE, never read to the end, waited for or closed.",
            "multiprocessing queues, pools and pipes that are not closed and joined.",
            "Node child processes whose stdio streams are neither consumed nor destroyed.",
            "Go: exec.Cmd with StdoutPipe and no Wait. Java: a Process whose streams are not closed.",
            "Log sinks that write through a pipe, made again for each worker.",
        ],
        next: &[
            "Match the inode in the link with those of other processes, to see who has the other end.",
            "Use communicate(), a with block, or close both streams and wait.",
        ],
        look: &[
            Look { what: "who has the other end", run: "lsof -n +E -p $P | grep FIFO" },
            Look {
                what: "who makes them",
                run: "bpftrace -e \"t:syscalls:sys_enter_pipe2 /pid==$P/{@[ustack]=count()}\"",
            },
            TREE,
        ],
    },
    Lesson {
        key: "named-pipes-never-closed",
        of: &[Metric::Fd(FdClass::Fifo)],
        title: "Named pipes are opened and never closed",
        means: "A named pipe has a path. Supervisors and older tools talk through them.",
        sources: &["A control pipe that is opened for each command and not closed."],
        next: &["Read the path, and close the pipe where the command ends."],
        look: &[LIST],
    },
];

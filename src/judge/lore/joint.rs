//! What it means when several classes grow together.

use super::{LIST, Lesson, Look, OPEN, PYTHON, TCP, THREADS, TREE, UNIX};

const LOOPS: Look = Look {
    what: "who makes them",
    run: "bpftrace -e \"t:syscalls:sys_enter_epoll_create1 /pid==$P/{@[ustack]=count()}\"",
};
const BY_PATH: Look =
    Look { what: "the paths, counted", run: "ls -l /proc/$P/fd | sed 's/.*-> //' | sort | uniq -c | sort -n | tail" };

pub(super) const LESSONS: &[Lesson] = &[
    Lesson {
        key: "event-loop-never-closed",
        of: &[],
        title: "An event loop is made and never closed",
        means: "An eventpoll with a pair of unix sockets is an asyncio event loop: the pair is its self-pipe, by which other threads wake it. \
                A loop that is not closed keeps all three descriptors.",
        sources: &[
            "Python: asyncio.new_event_loop() in a worker thread or request without loop.close().",
            "Python: an async client that is used from synchronous code by a loop of its own for each call.",
            "Python: run_until_complete that raises, with close() behind it and not in a finally block.",
            "A loop for each thread of a pool whose threads come and go.",
        ],
        next: &[
            "Use asyncio.run(), which closes its loop, or close the loop in a finally block.",
            "Better keep one loop in one thread and hand work to it by asyncio.run_coroutine_threadsafe.",
            "Run the tests with PYTHONASYNCIODEBUG=1 and -W error::ResourceWarning: loops that are not closed then say so.",
        ],
        look: &[
            LOOPS,
            Look { what: "what each eventpoll watches", run: "grep -H tfd: /proc/$P/fdinfo/*" },
            PYTHON,
            UNIX,
        ],
    },
    Lesson {
        key: "runtime-never-closed",
        of: &[],
        title: "A runtime with an event loop is made and never shut down",
        means: "An eventpoll with an eventfd is the loop of a runtime: the eventfd wakes it. libuv has one of each for each loop (and a pipe \
                for signals), a Java Selector too, Netty one for each thread; a tokio runtime has two eventpolls for one eventfd.",
        sources: &[
            "Java: a Selector, Netty EventLoopGroup, HttpClient or gRPC channel for each request, never shut down.",
            "Node: worker threads that are made for each job and never terminated: each has a loop of its own.",
            "Rust: tokio::runtime::Runtime::new() or a blocking client made for each call and kept.",
            "Python: uvloop or gevent loops that are made for each thread.",
        ],
        next: &[
            "Make one runtime, group or client for the life of the program.",
            "Call its shutdown (shutdownGracefully, close, terminate, shutdown_background) where its owner ends.",
        ],
        look: &[LOOPS, THREADS, LIST],
    },
    Lesson {
        key: "database-connection-never-closed",
        of: &[],
        title: "A database connection is made and never closed",
        means: "A SQLite database and its write-ahead log are opened together by each connection in WAL mode; the index in shared memory \
                (-shm) is opened once by each process. One of each at a time is one connection at a time.",
        sources: &[
            "A connection for each thread or request (threading.local, per-thread engines), never closed.",
            "An engine for each user without an upper bound, or a dispose that fails silently.",
            "sqlite3.connect in a `with` block: it ends the transaction and does not close the connection.",
        ],
        next: &[
            "Count the handles by path: which database is it?",
            "Close the connection where the request or thread ends (teardown_request, a finally block, contextlib.closing).",
            "Use one bounded pool for each database. If it is emptied from time to time, declare that time as `cycle`.",
        ],
        look: &[BY_PATH, OPEN, PYTHON],
    },
    Lesson {
        key: "children-not-cleaned-up",
        of: &[],
        title: "Children are started and not cleaned up after",
        means: "Handles on child processes grow together with the pipes or sockets to them: the children end, and what the parent holds of \
                them is never closed.",
        sources: &[
            "asyncio.create_subprocess_exec without wait() or communicate(), or with an exception in between.",
            "A driver or converter that fails to start: the error path leaves pidfd and pipes.",
            "Go: StdoutPipe and Start without Wait. Rust: a tokio Child that is kept.",
        ],
        next: &[
            "Wait for every child, and close its streams on every path.",
            "Do not start what is not installed: check once, not for each call.",
        ],
        look: &[
            Look { what: "the process behind each pidfd", run: "grep -H ^Pid: /proc/$P/fdinfo/*" },
            Look {
                what: "who starts them",
                run: "bpftrace -e \"t:syscalls:sys_enter_pidfd_open /pid==$P/{@[ustack]=count()}\"",
            },
            TREE,
        ],
    },
    Lesson {
        key: "child-never-waited-for",
        of: &[],
        title: "Children end and nobody waits for them",
        means: "Zombies grow together with pidfds or pipes: the parent still holds its handles on children that have ended, and never \
                asks for their exit codes.",
        sources: &[
            "Go: Cmd.Start without Wait: since 1.23 a zombie and a pidfd for each.",
            "Python: Popen objects that are kept in a list and never polled.",
            "A parent whose loop or child watcher has ended before its children.",
        ],
        next: &["Wait for every child that is started, in one place.", "Close its streams there as well."],
        look: &[
            Look { what: "the zombies and their parents", run: "ps -eo ppid,pid,stat,etime,comm | awk '$3 ~ /Z/'" },
            TREE,
        ],
    },
    Lesson {
        key: "health-check-hangs",
        of: &[],
        title: "A health check or helper hangs on its connection",
        means: "Living processes, or handles on them, grow together with one socket for each: something is started from time to time, connects, \
                and waits for an answer for ever. An engine that gives up kills the shell of a health check, and what the shell started lives on \
                under PID 1.",
        sources: &[
            "A health check in the image without a timeout of its own (Python's urlopen, curl without --max-time).",
            "A scheduled helper whose request has no timeout.",
            "An application that accepts and does not answer, because it has run out of threads or descriptors.",
        ],
        next: &[
            "Give the check a timeout that is shorter than the engine's: urlopen(…, timeout=8), curl --max-time 8.",
            "Start the container with an init, so that orphans are reaped.",
            "See why the application did not answer: the hanging check may be the second leak.",
        ],
        look: &[
            TREE,
            TCP,
            Look { what: "the health check", run: "docker inspect -f '{{json .Config.Healthcheck}}' CONTAINER" },
        ],
    },
    Lesson {
        key: "worker-never-ended",
        of: &[],
        title: "A worker process is started for something and never ended",
        means: "Processes grow together with pipes or terminals: each worker lives on with its channels to the parent, and with the files, \
                databases and memory of its own.",
        sources: &[
            "A worker for each connection that is not ended when the client disconnects, clean or not.",
            "A race: the session is closed while its worker is being made, and nobody owns the worker.",
            "The parent was killed, and its clean-up at exit never ran.",
            "Only the leader of the group was signalled: grandchildren live on.",
        ],
        next: &[
            "End the worker in one place that every way out passes (a finally of the connection), and store it only while its session is there.",
            "Signal the whole process group, close pipes and master, and reap.",
            "Ping idle connections, so that a client that is gone is noticed; let the worker watch its parent.",
        ],
        look: &[
            TREE,
            LIST,
            Look { what: "who starts processes", run: "bpftrace -e 't:syscalls:sys_enter_execve{join(args.argv)}'" },
        ],
    },
    Lesson {
        key: "thread-per-task-never-ended",
        of: &[],
        title: "A thread is started for each task and never ends",
        means: "Threads grow together with what they hold: memory for stacks and arenas, connections, database handles in thread-local \
                storage, loops.",
        sources: &[
            "An executor or pool for each request that is not shut down.",
            "A thread for each connection that waits for a client that is gone: no timeout, no ping.",
            "Thread-local connections that are closed only when the thread ends.",
        ],
        next: &[
            "Take a dump of the stacks: the leaked threads all stand at the same line.",
            "Bound the pool, set timeouts, and close thread-local things at the end of the task.",
        ],
        look: &[THREADS, PYTHON, TCP],
    },
    Lesson {
        key: "log-handle-per-child",
        of: &[],
        title: "A log file is opened for each child and never closed",
        means: "Handles on log files grow with the processes that are started: the parent opens the file for the child's output and keeps its \
                own handle.",
        sources: &[
            "subprocess.Popen(stdout=open(path)) without closing the file in the parent.",
            "A supervisor that opens the log again at each restart of a worker.",
        ],
        next: &[
            "Close the parent's handle once the child runs: the child has one of its own.",
            "Open it in a `with` block around Popen.",
        ],
        look: &[BY_PATH, OPEN, TREE],
    },
    Lesson {
        key: "file-watcher-never-stopped",
        of: &[],
        title: "A file watcher is started and never stopped",
        means: "inotify instances grow together with the threads, pipes or loops of their watchers: whole watchers are made and not stopped.",
        sources: &[
            "Python: a watchdog Observer for each session or project without stop() and join().",
            "Node: fs.watch or chokidar without close(). Java: a WatchService that is not closed.",
            "A reload that makes a new watcher and forgets the old one.",
        ],
        next: &[
            "Stop and join the watcher where its owner ends.",
            "Share one watcher, and add and remove paths in it.",
        ],
        look: &[
            Look {
                what: "who makes them",
                run: "bpftrace -e \"t:syscalls:sys_enter_inotify_init1 /pid==$P/{@[ustack]=count()}\"",
            },
            THREADS,
        ],
    },
    Lesson {
        key: "shared-buffers-never-freed",
        of: &[],
        title: "Shared buffers are made and never freed",
        means: "Anonymous memory files grow together with the memory behind them: buffers stay allocated because a descriptor on them stays open.",
        sources: &[
            "A buffer for each frame, request or message whose descriptor is not closed by one of its two users.",
            "Just-in-time code pages that are made again for each call.",
        ],
        next: &[
            "Read the names in the links: `/memfd:NAME` mostly names the library.",
            "Close the descriptor once it is mapped or sent, and unmap.",
        ],
        look: &[
            Look { what: "their names", run: "ls -l /proc/$P/fd | grep -o 'memfd:.*' | sort | uniq -c" },
            Look {
                what: "who makes them",
                run: "bpftrace -e \"t:syscalls:sys_enter_memfd_create /pid==$P/{@[ustack]=count()}\"",
            },
        ],
    },
    Lesson {
        key: "session-never-closed",
        of: &[],
        title: "A client session is made for each call and never closed",
        means: "Connections grow together with eventpolls, eventfds or threads of the client that made them: a whole client is made for each \
                call.",
        sources: &[
            "aiohttp.ClientSession, httpx.AsyncClient or a gRPC channel made for each call.",
            "Java: an HttpClient for each request: each has a selector thread.",
            "A database driver (MongoDB, Redis, Kafka) whose client is made for each request instead of once.",
        ],
        next: &[
            "Make one client for the life of the program.",
            "Where it must be made anew, close it in a finally block.",
        ],
        look: &[TCP, THREADS, PYTHON],
    },
];

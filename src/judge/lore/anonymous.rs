//! What growth of handles on the kernel's own objects means: eventpolls, pidfds, timers, watches.

use super::{LIST, Lesson, Look, PYTHON, TREE};
use crate::model::{FdClass, Metric};

const FDINFO_TFD: Look = Look { what: "what each eventpoll watches", run: "grep -H tfd: /proc/$P/fdinfo/*" };

pub(super) const LESSONS: &[Lesson] = &[
    Lesson {
        key: "eventpoll-never-closed",
        of: &[Metric::Fd(FdClass::Eventpoll)],
        title: "Something that waits for events is made and never closed",
        means: "An eventpoll is one epoll_create: the heart of an event loop or of a selector. A program needs one for each loop, \
                and loops are few and live long. Where eventpolls grow alone, a selector or a loop is made for each call, and its \
                sockets are closed while the eventpoll is not.",
        sources: &[
            "Python: an async client (httpx.AsyncClient, aiohttp) used from synchronous code through a fresh loop for each call, \
             and neither the client nor the loop closed.",
            "Python: a selectors.DefaultSelector() that is kept, or a cleanup that is skipped because a loop is running.",
            "Java: a Selector, or a NIO or HTTP client with selector threads of its own, made for each request.",
            "Rust and C: a runtime, reactor or epoll instance made for each task.",
        ],
        next: &[
            "Make one client and one loop for the life of the program, or close both in a finally block.",
            "Look for asyncio.new_event_loop, asyncio.run in worker threads, and clients that are closed only when no loop runs.",
            "Run the tests with PYTHONASYNCIODEBUG=1 and -W error::ResourceWarning: loops that are not closed then say so.",
        ],
        look: &[
            Look {
                what: "who makes them",
                run: "bpftrace -e \"t:syscalls:sys_enter_epoll_create1 /pid==$P/{@[ustack]=count()}\"",
            },
            FDINFO_TFD,
            PYTHON,
        ],
    },
    Lesson {
        key: "eventfds-never-closed",
        of: &[Metric::Fd(FdClass::Eventfd)],
        title: "Wake-up counters are made and never closed",
        means: "An eventfd wakes a thread or a loop. Event loops, thread pools, asynchronous I/O, GPU drivers and virtual machines \
                make them. They belong to something larger that is made again and again.",
        sources: &[
            "Event loops whose eventpoll is closed or shared while the eventfd stays.",
            "Native libraries of a client that is made for each call: gRPC channels, message queues (ZeroMQ), GPU contexts.",
            "Asynchronous file access (libaio, io_uring) set up for each operation.",
        ],
        next: &[
            "Find the library that makes them, and share one client, channel or context instead of one for each call.",
            "Call the close or shutdown that its documentation asks for; a destructor at exit is too late.",
        ],
        look: &[
            Look {
                what: "who makes them",
                run: "bpftrace -e \"t:syscalls:sys_enter_eventfd2 /pid==$P/{@[ustack]=count()}\"",
            },
            LIST,
        ],
    },
    Lesson {
        key: "timers-never-closed",
        of: &[Metric::Fd(FdClass::Timerfd)],
        title: "Timers are made and never closed",
        means: "A timerfd is a timer that is read like a file. Few programs use more than one for each event loop.",
        sources: &[
            "A native event library (Netty's native transport, libuv-like loops, sd-event, Boost.Asio) whose loop is made again \
             and again.",
            "A timer for each request, task or session that is disarmed and not closed.",
        ],
        next: &[
            "Close the timer's descriptor where the task ends; disarming it is not enough.",
            "Keep one loop and put the timers in it.",
        ],
        look: &[
            Look {
                what: "who makes them",
                run: "bpftrace -e \"t:syscalls:sys_enter_timerfd_create /pid==$P/{@[ustack]=count()}\"",
            },
            Look { what: "which are armed", run: "grep -H it_value /proc/$P/fdinfo/*" },
        ],
    },
    Lesson {
        key: "signalfds-never-closed",
        of: &[Metric::Fd(FdClass::Signalfd)],
        title: "Signal descriptors are made and never closed",
        means: "A signalfd reads signals like a file. A program needs one. More of them means that a loop or a child watcher is set \
                up again and again.",
        sources: &[
            "A child watcher or event loop on signalfd (GLib, systemd's sd-event) made for each child.",
            "A fork that inherits the descriptor in every child.",
        ],
        next: &[
            "Make one watcher for the whole program, and close it with its loop.",
            "Open it with SFD_CLOEXEC, so that children do not inherit it.",
        ],
        look: &[
            Look {
                what: "who makes them",
                run: "bpftrace -e \"t:syscalls:sys_enter_signalfd4 /pid==$P/{@[ustack]=count()}\"",
            },
            LIST,
        ],
    },
    Lesson {
        key: "file-watches-never-closed",
        of: &[Metric::Fd(FdClass::Inotify)],
        title: "File watchers are made and never stopped",
        means: "An inotify instance watches files. A user may have only 128 of them in all by default \
                (fs.inotify.max_user_instances), so that this ends long before descriptors run out.",
        sources: &[
            "A file watcher for each session, project or request that is not stopped (Python watchdog, Node's fs.watch and \
             chokidar, Go's fsnotify, Java's WatchService).",
            "A hot reload of configuration, templates or certificates that makes a watcher at each reload.",
            "A development server's reloader that runs in production.",
        ],
        next: &[
            "Stop the watcher where its owner ends: stop and join, close(), or with try-with-resources.",
            "Share one watcher, and add and remove paths in it.",
        ],
        look: &[
            Look {
                what: "who makes them",
                run: "bpftrace -e \"t:syscalls:sys_enter_inotify_init1 /pid==$P/{@[ustack]=count()}\"",
            },
            Look { what: "how many watches each holds", run: "grep -c ^inotify /proc/$P/fdinfo/* | grep -v ':0$'" },
        ],
    },
    Lesson {
        key: "mount-watches-never-closed",
        of: &[Metric::Fd(FdClass::Fanotify)],
        title: "Watches of whole mounts are made and never closed",
        means: "A fanotify group watches a whole mount, and mostly needs special rights: scanners, auditors and backup tools use it.",
        sources: &[
            "An agent within the container that sets up its watch again after each error.",
            "A watch for each scan that is not closed.",
        ],
        next: &[
            "Close the group's descriptor at the end of the scan and on the error path.",
            "Ask whether the agent belongs in this container at all.",
        ],
        look: &[
            Look {
                what: "who makes them",
                run: "bpftrace -e \"t:syscalls:sys_enter_fanotify_init /pid==$P/{@[ustack]=count()}\"",
            },
            LIST,
        ],
    },
    Lesson {
        key: "child-handles-never-closed",
        of: &[Metric::Fd(FdClass::Pidfd)],
        title: "Handles on child processes are never closed",
        means: "A pidfd is a handle on a process. `Pid: -1` in its fdinfo says that the process was reaped: the handle can never be \
                of use again. Where the processes still live, the children themselves are the leak.",
        sources: &[
            "Python: asyncio.create_subprocess_exec with the pidfd child watcher (the default since 3.12), for a child that fails \
             to start or whose loop ends before it. subprocess.run and Popen use no pidfd up to 3.14.",
            "A driver that is started for each call and dies at once, such as a browser driver whose browser is not in the image.",
            "Go 1.23 and later: os.StartProcess or exec.Cmd.Start without Wait or Release.",
            "Rust: tokio's Child kept in a list after its end. C: clone3 with CLONE_PIDFD.",
            "A child that hangs for want of a timeout: then the pidfd is alive.",
        ],
        next: &[
            "Read `Pid:` of each: -1 is a handle that nobody closed, a number is a child that still lives.",
            "Await or wait for every child, also on the path where it fails to start.",
            "Do not start what is not installed: check once, not for each call.",
        ],
        look: &[
            Look { what: "the process behind each", run: "grep -H ^Pid: /proc/$P/fdinfo/*" },
            Look {
                what: "who makes them",
                run: "bpftrace -e \"t:syscalls:sys_enter_pidfd_open /pid==$P/{@[ustack]=count()}\"",
            },
            TREE,
        ],
    },
    Lesson {
        key: "rings-never-closed",
        of: &[Metric::Fd(FdClass::IoUring)],
        title: "Rings of io_uring are made and never closed",
        means: "An io_uring is a queue between a program and the kernel, with memory that is locked. A program needs one for each \
                thread of its runtime.",
        sources: &[
            "A runtime on io_uring (tokio-uring, glommio, libuv with UV_USE_IO_URING, Netty's io_uring transport) made for each task.",
            "A storage library that makes a ring for each file.",
        ],
        next: &[
            "Keep one runtime for the life of the program.",
            "Close the ring's owner; a closed ring is torn down in the background, so look twice.",
        ],
        look: &[
            Look {
                what: "who makes them",
                run: "bpftrace -e \"t:syscalls:sys_enter_io_uring_setup /pid==$P/{@[ustack]=count()}\"",
            },
            LIST,
        ],
    },
    Lesson {
        key: "fault-handlers-never-closed",
        of: &[Metric::Fd(FdClass::Userfaultfd)],
        title: "Page fault handlers are made and never closed",
        means: "A userfaultfd lets a program serve its own page faults: virtual machines, checkpoints and some garbage collectors do.",
        sources: &["A virtual machine or sandbox that is started for each request and not torn down."],
        next: &["Close the handler with the sandbox that it serves."],
        look: &[
            Look {
                what: "who makes them",
                run: "bpftrace -e \"t:syscalls:sys_enter_userfaultfd /pid==$P/{@[ustack]=count()}\"",
            },
            LIST,
        ],
    },
    Lesson {
        key: "bpf-objects-never-closed",
        of: &[Metric::Fd(FdClass::Bpf)],
        title: "BPF objects are loaded and never closed",
        means: "A BPF map, program or link stays in the kernel as long as a descriptor refers to it. Agents for tracing and \
                networking load them.",
        sources: &[
            "An agent that loads its programs again at each reload of its configuration.",
            "A probe for each traced process that is not detached.",
        ],
        next: &[
            "Close links and programs before they are loaded again.",
            "See that what is meant to stay is pinned, and its descriptor closed.",
        ],
        look: &[Look { what: "who holds what", run: "bpftool prog show; bpftool map show" }, LIST],
    },
    Lesson {
        key: "counters-never-closed",
        of: &[Metric::Fd(FdClass::PerfEvent)],
        title: "Performance counters are opened and never closed",
        means: "perf_event_open gives one descriptor for each event and processor. Profilers and tracing agents use it.",
        sources: &[
            "A profiler that is started and stopped again and again, and leaves its events open.",
            "An agent that opens events for each new thread.",
        ],
        next: &[
            "Stop the profiler by its own call, and look whether its events go.",
            "Run without the agent for one night and compare.",
        ],
        look: &[LIST, PYTHON],
    },
    Lesson {
        key: "anonymous-inodes-never-closed",
        of: &[Metric::Fd(FdClass::AnonOther)],
        title: "Handles on other kernel objects are never closed",
        means: "These are anonymous inodes of rarer kinds: namespaces, seccomp listeners, mount contexts, GPU fences, virtual \
                machines. The links name the kind.",
        sources: &[
            "A sandbox or container runtime within the target that keeps the namespaces of what it has ended.",
            "Graphics and GPU libraries that keep fences (sync_file, dma-buf).",
        ],
        next: &[
            "Read the links: the name in brackets says which object it is.",
            "Look for the library that makes it, and for its close.",
        ],
        look: &[
            Look {
                what: "which kinds there are",
                run: "ls -l /proc/$P/fd | grep -oE 'anon_inode.*|[a-z]+:\\[.*' | sort | uniq -c",
            },
            LIST,
        ],
    },
    Lesson {
        key: "memory-files-never-closed",
        of: &[Metric::Fd(FdClass::Memfd)],
        title: "Anonymous memory files are made and never closed",
        means: "A memfd is a file that lives in memory alone. What is written to it is charged to the container as shared memory, \
                and stays until the last descriptor and mapping are gone.",
        sources: &[
            "Shared buffers between processes (Wayland, PipeWire, browsers, machine learning) for each frame or request.",
            "A just-in-time compiler or FFI library that makes code pages through a memfd (libffi, PCRE, the .NET runtime).",
            "A program that is unpacked into a memfd and run from it.",
        ],
        next: &[
            "Read the names in the links: `/memfd:NAME` mostly names the library.",
            "Close the descriptor once it is mapped or sent.",
        ],
        look: &[
            Look {
                what: "who makes them",
                run: "bpftrace -e \"t:syscalls:sys_enter_memfd_create /pid==$P/{@[ustack]=count()}\"",
            },
            Look { what: "their names", run: "ls -l /proc/$P/fd | grep -o 'memfd:.*' | sort | uniq -c" },
        ],
    },
    Lesson {
        key: "unknown-handles-never-closed",
        of: &[Metric::Fd(FdClass::Unknown)],
        title: "Handles of a kind that is not known are never closed",
        means: "The links have a form that this version does not know: a newer kernel, or a file system of a rarer kind.",
        sources: &["A new kind of kernel object: the link's text says which."],
        next: &["Read the links and make a class of your own by `match`, so that the next night counts it apart."],
        look: &[LIST],
    },
    Lesson {
        key: "descriptors-never-closed",
        of: &[Metric::FdTotal],
        title: "Descriptors are opened and never closed",
        means: "The sum of all classes grows, and no single class explains it. At the limit of open files every accept, open and \
                pipe fails with `Errno 24`, and the application serves errors or hangs.",
        sources: &[
            "Several small leaks at once, or a class that the thresholds do not name.",
            "Descriptors that are inherited by every child that is started: each holds all of them again.",
        ],
        next: &[
            "Read which classes grow in the report's table of classes, and give those rules of their own.",
            "Open with O_CLOEXEC, so that children inherit nothing.",
        ],
        look: &[
            Look {
                what: "the kinds, counted",
                run: "ls -l /proc/$P/fd | sed 's/.*> //; s/[0-9]\\+/N/g' | sort | uniq -c",
            },
            Look { what: "the limit", run: "grep 'open files' /proc/$P/limits" },
        ],
    },
];

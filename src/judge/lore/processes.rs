//! What growth of processes and threads means.

use super::{Lesson, Look, PYTHON, THREADS, TREE};
use crate::model::Metric;

const EXEC: Look =
    Look { what: "which programs are started", run: "bpftrace -e 't:syscalls:sys_enter_execve{join(args.argv)}'" };

pub(super) const LESSONS: &[Lesson] = &[
    Lesson {
        key: "processes-never-ended",
        of: &[Metric::ProcCount],
        title: "Processes are started and never end",
        means: "Workers, helpers or shells that live on after their purpose is gone. Each holds its own memory and descriptors.",
        sources: &[
            "A worker for each connection or session that is not ended when the client disconnects, most of all when it \
             disconnects without a goodbye.",
            "A race between making a worker and closing its session: nobody owns it afterwards.",
            "The parent was killed, and its clean-up at exit never ran: use a watchdog on the parent in the child.",
            "Only the leader was signalled, not its process group: the grandchildren live on.",
            "Tasks without a timeout that hang: downloads, browsers, converters.",
        ],
        next: &[
            "Look at the command lines: which program is it, and whose child?",
            "End the worker in one place that every way out passes, and signal its whole process group.",
            "Give it a deadline, and reap it.",
        ],
        look: &[TREE, EXEC],
    },
    Lesson {
        key: "children-never-reaped",
        of: &[Metric::ProcZombie],
        title: "Children end and are never reaped",
        means: "A zombie has ended and waits for its parent to ask for its exit code. It holds a pid, and pids are limited (pids.max, \
                kernel.pid_max). If the parent is PID 1 of the container, PID 1 does not do an init's work.",
        sources: &[
            "PID 1 is the application itself and gets orphans that it never made: run with an init (docker run --init, tini).",
            "subprocess.Popen objects that are kept and never polled or waited for.",
            "Go: Cmd.Start without Wait. Node: a child whose parent blocks its loop. C: no handler for SIGCHLD.",
            "A parent that hangs.",
        ],
        next: &[
            "Look at the parent: is it PID 1 or the application?",
            "Start the container with an init, or wait for every child that is started.",
        ],
        look: &[
            Look { what: "the zombies and their parents", run: "ps -eo ppid,pid,stat,etime,comm | awk '$3 ~ /Z/'" },
            PYTHON,
        ],
    },
    Lesson {
        key: "orphans-left-behind",
        of: &[Metric::ProcOrphan],
        title: "Processes outlive their parents",
        means: "Their parent ended, and the kernel handed them to PID 1 or a subreaper. Daemons do so on purpose; workers do so when \
                their parent was killed, or when it was a shell that an engine killed.",
        sources: &[
            "A health check without a timeout of its own: the engine kills the shell, and what the shell started lives on.",
            "A parent that was killed (SIGKILL, out of memory): no clean-up at exit ran.",
            "A signal to the leader alone: the rest of its group stays.",
        ],
        next: &[
            "Look at the command line: a health check needs a timeout that is shorter than the engine's.",
            "Let workers watch their parent (PR_SET_PDEATHSIG, or a pipe that closes when it ends).",
            "Signal process groups, not single processes.",
        ],
        look: &[TREE, EXEC],
    },
    Lesson {
        key: "threads-never-ended",
        of: &[Metric::ProcThreads],
        title: "Threads are started and never end",
        means: "Each thread holds a stack and often thread-local things: connections, buffers, loops. A pool fills and stops; a leak \
                does not.",
        sources: &[
            "An executor or pool for each request that is not shut down (ThreadPoolExecutor, Executors.newCachedThreadPool).",
            "Threads that wait for ever: a queue without an end mark, a lock, a call without a timeout.",
            "A background thread for each client object (gRPC, Kafka, telemetry, schedulers) that is made again and again.",
            "Go: goroutines that block in system calls or C code: each holds a thread.",
        ],
        next: &[
            "Read the names of the threads: pools name theirs.",
            "Take a dump of the stacks: the leaked ones all stand at the same line.",
            "Keep one pool, and shut down what is made for a task.",
        ],
        look: &[THREADS, PYTHON, Look { what: "the stacks (Java; Go: send SIGQUIT)", run: "jcmd $P Thread.print" }],
    },
    Lesson {
        key: "tasks-of-the-cgroup-grow",
        of: &[Metric::CgroupPids],
        title: "The container's processes and threads grow",
        means: "All tasks of the container together, health checks and executed commands among them. At pids.max every fork and every \
                new thread fails.",
        sources: &[
            "Threads or processes of the application: see `proc.threads` and `proc.count`.",
            "Health checks or executed commands that hang: they count here and not in `proc.*`.",
        ],
        next: &[
            "Compare with `proc.threads`: what is missing there belongs to health checks and executed commands.",
            "Give health checks a timeout of their own.",
        ],
        look: &[TREE, THREADS],
    },
];

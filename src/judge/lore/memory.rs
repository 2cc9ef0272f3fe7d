//! What growth of memory and disk space means.

use super::{Lesson, Look, PYTHON};
use crate::model::Metric;

const ROLLUP: Look = Look { what: "what kinds of memory there are", run: "cat /proc/$P/smaps_rollup" };
const CGROUP: Look = Look {
    what: "what the cgroup is charged with",
    run: "cat /sys/fs/cgroup$(sed -n 's/^0:://p' /proc/$P/cgroup)/memory.stat",
};

pub(super) const LESSONS: &[Lesson] = &[
    Lesson {
        key: "heap-grows",
        of: &[Metric::MemAnon, Metric::CgroupAnon],
        title: "The heap grows and does not come back",
        means: "Anonymous memory is heaps and stacks: what only the program itself can give back. A warm-up (caches, imports, \
                compiled code, a heap that grows to its limit) slows down; a leak goes on.",
        sources: &[
            "A cache, dictionary or list that is added to for each user, session or request, and never cleared (also \
             functools.lru_cache on methods, and listeners that are never removed).",
            "Exceptions, tasks or futures that are kept and hold their frames.",
            "Fragmentation: many threads each with a malloc arena of their own (glibc; set MALLOC_ARENA_MAX=2 or use jemalloc).",
            "A managed heap that has not reached its limit yet (Java -Xmx, Node --max-old-space-size, Go GOMEMLIMIT): compare after \
             a collection.",
            "Native libraries: models, images, parsers whose objects need a close of their own.",
        ],
        next: &[
            "See whether handles, threads or processes grow with it: then memory is a symptom.",
            "Compare two heap snapshots ten minutes apart (tracemalloc, memray, node --heapsnapshot-signal, jcmd GC.class_histogram, \
             pprof).",
            "Bound every cache by size or age.",
        ],
        look: &[
            ROLLUP,
            Look { what: "the heap of Python, line by line", run: "memray attach --aggregate -o /tmp/heap.bin $P" },
            PYTHON,
        ],
    },
    Lesson {
        key: "resident-memory-grows",
        of: &[Metric::MemRss],
        title: "Resident memory grows",
        means: "Resident memory is heap, shared memory and mapped files together. Pages of files come and go as the kernel likes.",
        sources: &["The heap: see `mem.anon`.", "Mapped files that are read bit by bit: models, indexes, databases."],
        next: &["Judge `mem.anon` instead: it leaves the pages of files out."],
        look: &[ROLLUP],
    },
    Lesson {
        key: "mapped-pages-grow",
        of: &[Metric::MemFile],
        title: "More and more pages of files are mapped",
        means: "Pages of programs, libraries and mapped files. The kernel takes them back when it needs room, so that this is seldom a \
                leak; mappings that are made anew for each request are.",
        sources: &[
            "Model weights, indexes or databases (mmap) that are read bit by bit: it ends when all is read.",
            "A file that is mapped again for each request and not unmapped.",
        ],
        next: &["Count the mappings: if their number grows too, something maps and does not unmap."],
        look: &[
            Look {
                what: "the mapped files, counted",
                run: "awk 'NF>5{print $6}' /proc/$P/maps | sort | uniq -c | sort -n | tail",
            },
            ROLLUP,
        ],
    },
    Lesson {
        key: "shared-memory-grows",
        of: &[Metric::MemShmem],
        title: "Shared memory grows",
        means: "Shared memory lives until its last user lets go: memfds, files in /dev/shm and tmpfs, System V segments. It is charged to \
                the container and cannot be dropped, only swapped.",
        sources: &[
            "multiprocessing.shared_memory without unlink(), or a resource tracker that was killed.",
            "Files in /dev/shm or a tmpfs that are not removed (browsers, PyTorch data loaders).",
            "memfds that are not closed: see `fd.memfd`.",
        ],
        next: &[
            "List /dev/shm in the container and see whose files they are.",
            "Unlink segments in the process that made them, in a finally block.",
        ],
        look: &[
            Look { what: "the files in shared memory", run: "ls -l /proc/$P/root/dev/shm" },
            Look { what: "segments of System V", run: "nsenter -t $P -i ipcs -m" },
        ],
    },
    Lesson {
        key: "memory-is-swapped-out",
        of: &[Metric::MemSwap],
        title: "Memory is swapped out more and more",
        means: "Anonymous memory that nobody touches is swapped out when room is short. A heap that leaks ends up here, and looks flat in \
                resident memory.",
        sources: &[
            "A heap that leaks: leaked memory is not touched again.",
            "A memory limit that is too small for what the application needs.",
        ],
        next: &["Judge `mem.anon` and `mem.swap` together.", "Soak without swap (memory-swap equal to memory)."],
        look: &[ROLLUP, CGROUP],
    },
    Lesson {
        key: "container-memory-grows",
        of: &[Metric::CgroupMemory],
        title: "The container's memory grows",
        means: "All that the container is charged with, page cache included. Page cache grows until the limit and is given back: that is no \
                leak. What counts is `cgroup.anon` and `cgroup.kernel`.",
        sources: &[
            "Page cache: the application reads or writes files.",
            "The heap: see `mem.anon`.",
            "Kernel memory: see `cgroup.kernel`.",
        ],
        next: &["Read the parts and judge those that cannot be given back."],
        look: &[CGROUP],
    },
    Lesson {
        key: "page-cache-grows",
        of: &[Metric::CgroupFile],
        title: "The page cache grows",
        means: "Files that were read or written stay in memory until it is needed. It is seldom a leak. Files in tmpfs and /dev/shm count \
                here too, and those stay.",
        sources: &["Logs, databases and downloads that are written.", "Files in a tmpfs that are not removed."],
        next: &[
            "See whether `shmem` in memory.stat grows: that part is not given back.",
            "See whether `disk.*` grows: something writes without end.",
        ],
        look: &[CGROUP],
    },
    Lesson {
        key: "kernel-memory-grows",
        of: &[Metric::CgroupKernel],
        title: "Kernel memory grows on behalf of the container",
        means: "Inodes, directory entries, sockets' buffers, page tables, stacks of threads. Names of files that were looked up are kept until \
                room is short; objects behind descriptors are kept until those are closed.",
        sources: &[
            "Many files that are looked up once, also ones that do not exist: the kernel keeps the names (dentries).",
            "Threads, processes, sockets or descriptors that leak: see their classes.",
            "Unread data in sockets and pipes.",
        ],
        next: &[
            "See which part grows: slab, sock, kernel_stack or pagetables.",
            "Name `fd.total` and `proc.threads` in the thresholds.",
        ],
        look: &[CGROUP, Look { what: "which objects of the kernel", run: "slabtop -o -s c | head -20" }],
    },
    Lesson {
        key: "container-disk-grows",
        of: &[Metric::DiskLayer],
        title: "The container writes over its image without end",
        means: "Files outside of volumes: logs, caches, temporary files, a database without a volume. They are gone with the container and fill \
                the disk of the host before.",
        sources: &[
            "Log files without rotation.",
            "Temporary files, downloads and core dumps that nobody removes.",
            "Caches (pip, models, browsers' profiles) without an upper bound.",
        ],
        next: &[
            "See which files are new and largest.",
            "Rotate logs, or write them to standard output; put data on a volume and give it a retention.",
        ],
        look: &[
            Look { what: "what was written", run: "docker diff CONTAINER | head -50" },
            Look { what: "the largest", run: "du -xah /proc/$P/root --max-depth=3 2>/dev/null | sort -h | tail -20" },
        ],
    },
    Lesson {
        key: "volumes-grow",
        of: &[Metric::DiskVolumes],
        title: "The volumes grow without end",
        means: "Data that is added and never removed. A write-ahead log grows between checkpoints and stays at its largest size; that is no \
                leak. A table without retention is.",
        sources: &[
            "A table of logs, events or metrics without retention.",
            "A write-ahead log that no checkpoint empties, because a reader stays open.",
            "Uploads, exports and backups that nobody removes.",
        ],
        next: &[
            "See which file grows, and which table in it.",
            "Give the table a retention and a job that enforces it.",
            "End long readers, so that checkpoints can empty the log.",
        ],
        look: &[
            Look { what: "where the volumes are", run: "docker inspect -f '{{json .Mounts}}' CONTAINER" },
            Look { what: "the tables of a SQLite database", run: "sqlite3_analyzer FILE | head -60" },
        ],
    },
];

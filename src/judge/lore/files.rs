//! What growth of handles on files, databases, terminals and devices means.

use super::{LIST, Lesson, Look, OPEN, PYTHON, TREE};
use crate::model::{FdClass, FdKind, Metric};

const BY_PATH: Look =
    Look { what: "the paths, counted", run: "ls -l /proc/$P/fd | sed 's/.*-> //' | sort | uniq -c | sort -n | tail" };

pub(super) const LESSONS: &[Lesson] = &[
    Lesson {
        key: "database-handles-never-closed",
        of: &[Metric::Fd(FdClass::SqliteDb), Metric::Fd(FdClass::SqliteWal), Metric::Fd(FdClass::SqliteShm)],
        title: "SQLite handles are opened and never closed",
        means: "Each connection opens the database, and in WAL mode the write-ahead log too; the index in shared memory (-shm) is \
                opened once by each process for each database. SQLite keeps a closed connection's descriptor as long as another \
                connection of the same process holds a lock on the file, so that handles may come down late.",
        sources: &[
            "A connection for each thread or request (threading.local, a NullPool engine for each thread), never closed.",
            "An engine or pool for each user or file without an upper bound.",
            "sqlite3.connect in a `with` block: it ends the transaction and does not close the connection.",
            "A pool that is disposed from time to time, and whose dispose fails silently: look in the log.",
        ],
        next: &[
            "Count the handles by path: which database is it?",
            "Close the connection where the request or thread ends (teardown_request, a finally block, contextlib.closing).",
            "Bound the pool. If it is emptied from time to time, declare that time as `cycle`.",
        ],
        look: &[BY_PATH, OPEN, PYTHON],
    },
    Lesson {
        key: "journals-never-closed",
        of: &[Metric::Fd(FdClass::SqliteJournal)],
        title: "Rollback journals stay open",
        means: "A rollback journal is open while a transaction writes. One that stays is a transaction that was not ended.",
        sources: &[
            "A transaction that is begun and neither committed nor rolled back, often after an exception.",
            "A connection for each request that is not closed.",
        ],
        next: &["End transactions in a `with` block or finally.", "Close the connection where the request ends."],
        look: &[BY_PATH, OPEN],
    },
    Lesson {
        key: "log-handles-never-closed",
        of: &[Metric::Fd(FdClass::Log)],
        title: "Log files are opened and never closed",
        means: "A log file is opened once and kept. More handles on it means that it is opened again: for each child, each \
                restart of a worker, each setup of logging.",
        sources: &[
            "A log file that is opened for the output of a child process and not closed by the parent once the child runs.",
            "Logging handlers that are added again for each request, worker or import.",
            "A log rotation by hand that opens the new file and keeps the old one.",
        ],
        next: &[
            "Count the handles by path and compare with the restarts of the night.",
            "Close the parent's handle after the child has started: the child has one of its own.",
            "Set logging up once, and close handlers that are replaced.",
        ],
        look: &[BY_PATH, OPEN],
    },
    Lesson {
        key: "deleted-files-held",
        of: &[Metric::Fd(FdClass::Deleted)],
        title: "Files are deleted and still held open",
        means: "A deleted file takes its room on the disk until the last descriptor is closed; `du` does not show it, `df` does. \
                Temporary files are deleted on purpose while they are in use; a number that grows is not meant so.",
        sources: &[
            "A log rotation that renames or deletes the file while the application goes on writing to the old one.",
            "Temporary files of uploads, downloads or spools (tempfile.TemporaryFile, SpooledTemporaryFile) that are not closed.",
            "Caches and indexes that are replaced on disk while the old generation stays open or mapped.",
        ],
        next: &[
            "Read the paths: rotated logs need a reopen (copytruncate, SIGHUP, WatchedFileHandler), temporary files a close.",
            "Close uploads and downloads in a finally block.",
        ],
        look: &[Look { what: "them with their sizes", run: "lsof -n +L1 -p $P" }, OPEN],
    },
    Lesson {
        key: "files-never-closed",
        of: &[Metric::Fd(FdClass::File)],
        title: "Files are opened and never closed",
        means: "Plain files. Which ones it is decides all: uploads, templates, models, certificates, sockets' lock files.",
        sources: &[
            "open() without a with block, the object kept in a list, a cache or an exception.",
            "A response that streams a file and is not closed when the client goes away.",
            "Node: fs.open or createReadStream without close on the error path. Go: os.Open without a deferred Close.",
            "Model weights and indexes that are mapped again for each request instead of once.",
        ],
        next: &[
            "Count the handles by path, and make a class of your own by `match` for the folder that grows.",
            "Use with, defer, try-with-resources or a finally block.",
            "Run the tests with -W error::ResourceWarning (Python).",
        ],
        look: &[BY_PATH, OPEN],
    },
    Lesson {
        key: "directories-never-closed",
        of: &[Metric::Fd(FdClass::Directory)],
        title: "Directories are opened and never closed",
        means: "A listing of a directory holds a descriptor until it is read to its end or closed.",
        sources: &[
            "os.scandir that is left before its end and not closed. Node: fs.opendir without close.",
            "Java: Files.list, Files.walk or a DirectoryStream without try-with-resources.",
            "Handles for openat-style access or for watching, one for each task.",
        ],
        next: &["Count them by path.", "Close the listing, or read it whole."],
        look: &[BY_PATH, OPEN],
    },
    Lesson {
        key: "devices-never-closed",
        of: &[Metric::Fd(FdClass::Device)],
        title: "Devices are opened and never closed",
        means: "Mostly /dev/null for the output of children, /dev/urandom, or the devices of GPUs.",
        sources: &[
            "open(os.devnull) for each child that is started; use subprocess.DEVNULL.",
            "A GPU context for each request.",
            "/dev/urandom opened for each token.",
        ],
        next: &["Count them by path.", "Close the parent's handle once the child has started."],
        look: &[BY_PATH, OPEN],
    },
    Lesson {
        key: "terminals-never-closed",
        of: &[Metric::Fd(FdClass::Pty), Metric::Kind(FdKind::PtyMaster), Metric::Kind(FdKind::PtySlave)],
        title: "Pseudo terminals are opened and never closed",
        means: "A terminal session has a master, held by the program, and a slave, held by the shell behind it. A master whose slave \
                is closed everywhere is a session that ended and was not cleaned up. The kernel has 4096 of them by default \
                (kernel.pty.max).",
        sources: &[
            "Web terminals and shells for agents (pty.fork, ptyprocess, node-pty, creack/pty) that are not closed on disconnect.",
            "A close that ends the leader of the session alone, so that grandchildren keep the slave open.",
            "A session that is made while its client is already gone.",
        ],
        next: &[
            "Close the master and signal the whole process group where the connection ends, clean or not.",
            "Let an idle session end after a while, as a backstop.",
        ],
        look: &[Look { what: "which masters belong to which slave", run: "grep -H tty-index /proc/$P/fdinfo/*" }, TREE],
    },
    Lesson {
        key: "consoles-never-closed",
        of: &[Metric::Fd(FdClass::Tty)],
        title: "Terminals are opened and never closed",
        means: "The controlling terminal (/dev/tty), consoles and serial lines.",
        sources: &[
            "A prompt for a password or a progress bar that opens /dev/tty each time.",
            "A serial device that is opened again after each error.",
        ],
        next: &["Close it after use, also on the error path."],
        look: &[LIST, OPEN],
    },
];

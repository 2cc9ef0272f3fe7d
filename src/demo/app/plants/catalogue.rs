//! Everything that can be planted.

use super::{Sort, Species, classes, dead, healthy, sockets};

/// To be had on every system.
const ALWAYS: bool = false;
/// Not to be had on every system.
const PERHAPS: bool = true;

macro_rules! species {
    ($($sort:ident $optional:ident $name:literal $make:path, $about:literal;)+) => {
        &[$(Species {
            name: $name,
            sort: Sort::$sort,
            optional: $optional,
            about: $about,
            make: $make,
        },)+]
    };
}

/// Every plant: those that are counted, those that are dead, and those that only look it.
pub(super) const ALL: &[Species] = species! {
    Class ALWAYS "eventpoll" classes::an_eventpoll, "an eventpoll";
    Class ALWAYS "eventfd" classes::an_eventfd, "an eventfd";
    Class ALWAYS "timerfd" classes::a_timerfd, "a timer";
    Class ALWAYS "inotify" classes::an_inotify, "a file system watch";
    Class ALWAYS "pidfd" classes::a_pidfd, "a handle on the application's own process";
    Class PERHAPS "io-uring" classes::a_ring, "an io_uring; often forbidden in containers";
    Class PERHAPS "userfaultfd" classes::a_userfaultfd, "a page fault handler; mostly for root alone";
    Class ALWAYS "memfd" classes::a_memfd, "an anonymous memory file";
    Class ALWAYS "namespace" classes::a_namespace, "the application's network namespace";
    Class ALWAYS "tcp" sockets::tcp4, "a TCP connection to itself over IPv4: listener and both ends";
    Class PERHAPS "tcp6" sockets::tcp6, "the same over IPv6, which containers often lack";
    Class ALWAYS "tcp-half-closed" sockets::half_closed, "a TCP connection that one end shut down: FIN_WAIT2 and CLOSE_WAIT";
    Class ALWAYS "udp" sockets::udp4, "a UDP socket over IPv4";
    Class PERHAPS "udp6" sockets::udp6, "a UDP socket over IPv6, which containers often lack";
    Class PERHAPS "raw" sockets::raw, "a raw IP socket; needs CAP_NET_RAW";
    Class ALWAYS "unix-stream" sockets::unix_stream, "a pair of unix stream sockets";
    Class ALWAYS "unix-dgram" sockets::unix_dgram, "a pair of unix datagram sockets";
    Class ALWAYS "unix-seqpacket" sockets::unix_seqpacket, "a pair of unix seqpacket sockets";
    Class ALWAYS "netlink" sockets::netlink, "a netlink socket for routes";
    Class PERHAPS "packet" sockets::packet, "a packet socket; needs CAP_NET_RAW";
    Class PERHAPS "vsock" sockets::vsock, "a socket to the virtual machine's host; few kernels have them";
    Class PERHAPS "alg" sockets::crypto, "a socket to the kernel's cryptography, one of the rarer families";
    Class ALWAYS "unattached" sockets::unattached, "a TCP socket that is neither bound nor connected";
    Class ALWAYS "pipe" classes::a_pipe, "both ends of a pipe";
    Class ALWAYS "fifo" classes::a_fifo, "a named pipe";
    Class ALWAYS "pty" classes::a_pty, "master and slave of a pseudo terminal";
    Class PERHAPS "tty" classes::a_tty, "the controlling terminal, where there is one";
    Class ALWAYS "sqlite" classes::the_files_of_sqlite, "files named as SQLite names its own: db, -wal, -shm, -journal";
    Class ALWAYS "log" classes::a_log, "a log file";
    Class ALWAYS "deleted" classes::a_deleted_file, "a file that was deleted";
    Class ALWAYS "directory" classes::a_directory, "a directory";
    Class ALWAYS "device" classes::a_device, "a device";
    Class ALWAYS "file" classes::a_file, "a plain file";

    Dead ALWAYS "pidfd-target-gone" dead::a_pidfd, "a pidfd of a child that was reaped";
    Dead ALWAYS "pidfd-shared" dead::a_pidfd_in_two_processes,
        "a pidfd of a child that was reaped, inherited by another child: dead once and not twice";
    Dead ALWAYS "eventpoll-abandoned" dead::an_eventpoll,
        "an event loop whose thread is gone: an eventpoll that watches one end of a socket pair";
    Dead ALWAYS "pipe-no-reader" dead::a_writer, "the writing end of a pipe whose reader is closed";
    Dead ALWAYS "pipe-no-writer" dead::a_reader, "the drained reading end of a pipe whose writer is closed";
    Dead ALWAYS "socket-peer-gone" dead::a_socketpair, "one end of a socket pair whose other end is closed";
    Dead ALWAYS "pty-slave-gone" dead::a_pty, "the master of a pseudo terminal whose slave was opened and closed";
    Dead ALWAYS "tcp-close-wait" dead::a_connection, "a TCP connection that the other end closed";
    Dead ALWAYS "socket-unattached" dead::a_socket, "a TCP socket that is never bound nor connected";
    Dead ALWAYS "process-zombie" dead::a_zombie, "a process that ended, and that its parent does not reap";
    Dead ALWAYS "process-orphan" dead::an_orphan, "a process whose parent ends once POST /plants/orphan asks for it";
    Dead ALWAYS "file-deleted" dead::a_file, "a file that was deleted";

    Healthy ALWAYS "eventpoll-nested" healthy::a_nested_eventpoll,
        "an eventpoll that is watched by another one, on which a thread waits";
    Healthy ALWAYS "eventpoll-polled" healthy::a_polled_eventpoll,
        "an eventpoll that a thread of a child watches through poll(2), and one on which another waits";
    Healthy ALWAYS "eventpoll-waited" healthy::a_waited_eventpoll, "an eventpoll on which a thread waits";
    Healthy ALWAYS "pidfd-living" healthy::a_living_pidfd, "a pidfd of a child that lives";
    Healthy ALWAYS "pipe-whole" classes::a_pipe, "a pipe of which both ends are held";
    Healthy ALWAYS "pipe-to-child" healthy::a_pipe_to_a_child, "a pipe whose reader is held by a child alone";
    Healthy ALWAYS "pipe-from-child" healthy::a_pipe_from_a_child, "a pipe whose writer is held by a child alone";
    Healthy ALWAYS "pipe-unread" healthy::an_unread_pipe, "a pipe whose writer is closed, and which still holds what it wrote";
    Healthy ALWAYS "own-output" healthy::its_own_output, "standard output and error, whose other ends are outside of the container";
    Healthy ALWAYS "socketpair-child" healthy::a_socketpair_with_a_child, "a socket pair whose other end is held by a child";
    Healthy ALWAYS "tcp-established" healthy::a_connection, "both ends of a TCP connection";
    Healthy ALWAYS "idle-pool" healthy::an_idle_pool, "a connection in CLOSE_WAIT that is replaced every second";
    Healthy ALWAYS "socket-fresh" healthy::a_fresh_socket, "a socket that is neither bound nor connected, replaced every second";
    Healthy ALWAYS "pty-unopened" healthy::an_unopened_pty, "the master of a pseudo terminal whose slave was never opened";
    Healthy ALWAYS "pty-open" classes::a_pty, "master and slave of a pseudo terminal";
    Healthy ALWAYS "zombie-reaped" healthy::a_reaped_zombie, "a process whose children are each reaped half a second after their end";
    Healthy ALWAYS "file-temporary" healthy::a_temporary_file, "a deleted file that is replaced every second";
};

//! A half-open pipe.

use std::io;
use std::os::fd::OwnedFd;

use rustix::pipe::PipeFlags;

/// The reading end of a pipe whose writing end is closed everywhere: what is left of the standard output of a worker that ended when
/// nobody closes it. The hermes agent kept the pipes of every session worker that its clients had left.
pub(in super::super) fn half_close() -> io::Result<OwnedFd> {
    let (reader, _writer) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?;
    Ok(reader)
}

#[cfg(test)]
mod tests {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    use super::*;

    #[test]
    fn the_reader_that_is_kept_has_no_writer() {
        let reader = half_close().unwrap();
        let mut suspects = [PollFd::new(&reader, PollFlags::IN)];
        poll(&mut suspects, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).unwrap();
        assert!(suspects[0].revents().contains(PollFlags::HUP));
    }
}

//! The formats of /proc and of cgroups, see proc(5) and cgroups(7). Pure: bytes in, values out. A text that cannot be
//! understood says why.

mod cgroup;
mod cmdline;
mod fdinfo;
mod limits;
mod mountinfo;
mod stat;
mod status;
mod syscall;

pub use cgroup::{CgroupLine, blkio_sum, cgroup_lines, cgroup_names, figure, io_sum, keyed, limit};
pub use cmdline::{arguments, collapsed};
pub use fdinfo::{PidfdInfo, Watched, open_flags, pidfd, watched};
pub use limits::nofile;
pub use mountinfo::{CgroupMount, cgroup_mounts};
pub use stat::{Stat, stat};
pub use status::{Status, pss, status};
pub use syscall::{Arch, ThreadAt, syscall};

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Every parser, on one text.
    fn read_all(text: &[u8]) {
        let _ = (stat(text), status(text), pss(text), nofile(text), arguments(text), collapsed(text));
        let _ = (open_flags(text), pidfd(text), watched(text));
        let _ = (syscall(text, Arch::X86_64), syscall(text, Arch::Generic));
        let _ = (cgroup_names(text, "abc"), cgroup_lines(text).count(), cgroup_mounts(text));
        let _ = (figure(text), limit(text), keyed(text, "anon"), io_sum(text), blkio_sum(text));
    }

    proptest! {
        #[test]
        fn no_text_makes_a_parser_panic(text: Vec<u8>) {
            read_all(&text);
        }

        #[test]
        fn nearly_right_text_does_not_either(
            text in "(tfd:|Pid:|Max open files|VmRSS:|Pss:|[0-9]+ \\(|0::|4:cpu,|36 35 0:3 |8:0 |anon |max)[ -~\n]{0,60}"
        ) {
            read_all(text.as_bytes());
        }
    }
}

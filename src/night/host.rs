//! The machine a night runs on, and the name of the run.

use crate::model::HostRecord;

/// What is known of the machine.
pub fn record() -> HostRecord {
    let name = rustix::system::uname();
    HostRecord {
        kernel: name.release().to_string_lossy().into_owned(),
        arch: name.machine().to_string_lossy().into_owned(),
        cpus: std::thread::available_parallelism().map_or(0, |n| n.get() as u64),
        memory: total_memory().unwrap_or(0),
        cgroup: cgroup_version(),
    }
}

/// `MemTotal` of /proc/meminfo, see proc_meminfo(5).
fn total_memory() -> Option<u64> {
    use procfs::Current as _;
    procfs::Meminfo::current().ok().map(|meminfo| meminfo.mem_total)
}

/// `cgroup.controllers` stands only in the root of a v2 hierarchy, see cgroups(7).
fn cgroup_version() -> u8 {
    let root = std::path::Path::new("/sys/fs/cgroup");
    if root.join("cgroup.controllers").exists() {
        2
    } else {
        u8::from(root.join("memory").exists() || root.join("pids").exists() || root.join("cpu").exists())
    }
}

/// A name for a run: UTC time and four random hex digits, so that names sort by time and two runs never share one.
pub fn run_id(now: jiff::Timestamp) -> String {
    let mut random = [0_u8; 2];
    if rustix::rand::getrandom(&mut random, rustix::rand::GetRandomFlags::empty()).is_err() {
        random = (u16::try_from(std::process::id() % 65_536).unwrap_or(0)).to_be_bytes();
    }
    format!("{}-{:04x}", now.strftime("%Y%m%d-%H%M%S"), u16::from_be_bytes(random))
}

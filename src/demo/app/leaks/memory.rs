//! Memory that is not given back.

/// How much one leak keeps. Beyond the allocator's threshold for mappings of their own, so that it shows to the page.
const SIZE: usize = 256 * 1024;

/// Anonymous memory that was written to: what a cache per user keeps that nothing is ever removed from.
pub(super) fn keep() -> Vec<u8> {
    // Not zero: zeroed pages would be mapped and never become resident.
    vec![0xA5; SIZE]
}

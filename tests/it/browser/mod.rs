//! The pages in a real browser: that they can be read by everybody, and that what their script offers works.

mod charts;
mod devtools;
mod pages;
mod sound;

use std::io::Write as _;
use std::sync::Arc;

use devtools::Browser;

/// A browser, or `None` after a loud line where there is none. With `SLOWDRIP_REQUIRE_BROWSER=1` that is a failure.
fn browser_or_skip() -> Option<Arc<Browser>> {
    if let Some(program) = devtools::program() {
        return Some(Browser::shared(program));
    }
    let required = std::env::var("SLOWDRIP_REQUIRE_BROWSER").is_ok_and(|value| value == "1");
    assert!(!required, "SLOWDRIP_REQUIRE_BROWSER=1, but there is no Chromium");
    // Not by a macro: what those print is shown only of tests that fail.
    let test = std::thread::current();
    let name = test.name().unwrap_or("a test");
    let _ = writeln!(std::io::stderr(), "\nSKIPPED, there is no Chromium: {name}");
    None
}

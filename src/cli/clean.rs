//! `slowdrip clean`: removes what runs left behind that are gone.

use super::args::CleanArgs;
use super::{Exit, Failure, console};
use crate::target;

pub(super) async fn run(args: &CleanArgs) -> Result<Exit, Failure> {
    let swept = target::sweep(args.kept).await.map_err(|error| Failure::new(Exit::NotStarted, &error))?;
    let mut lines: Vec<String> = swept.removed.iter().map(|name| format!("removed {name}")).collect();
    lines.extend(
        swept.kept.iter().map(|name| format!("kept on purpose: {name} (remove it with `slowdrip clean --kept`)")),
    );
    if swept.removed.is_empty() && swept.failed.is_empty() {
        lines.push("nothing to remove".to_owned());
    }
    console::out(&lines.join("\n"));
    if swept.failed.is_empty() { Ok(Exit::Pass) } else { Err(Failure::new(Exit::Unexpected, &swept.failed.join("\n"))) }
}

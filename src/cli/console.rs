//! What a person sees: a progress line on a terminal, log lines without one.

use std::borrow::Cow;
use std::io::{IsTerminal as _, Write as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anstyle::{AnsiColor, Style};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::model::Phase;
use crate::model::text::{count, seconds, shorten};
use crate::night::{Audience, Notice, Tick};

/// How often a log without a terminal shows that the night goes on.
const HEARTBEAT: Duration = Duration::from_secs(30);

pub(super) const BOLD: Style = Style::new().bold();
pub(super) const RED: Style = AnsiColor::Red.on_default().bold();
pub(super) const YELLOW: Style = AnsiColor::Yellow.on_default();
pub(super) const DIM: Style = Style::new().dimmed();

/// Prints a result to standard output. A reader that went away is not an error.
pub(super) fn out(text: &str) {
    let mut stdout = anstream::AutoStream::auto(std::io::stdout().lock());
    let _ = writeln!(stdout, "{}", tame(text.trim_end_matches('\n')));
}

/// Prints a workflow command to standard output, for the forge that runs slowdrip.
pub(super) fn command(line: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

/// Prints an error to standard error.
pub(super) fn error(text: &str) {
    let mut stderr = anstream::AutoStream::auto(std::io::stderr().lock());
    let label = if text.starts_with("error") { String::new() } else { format!("{RED}error{RED:#}: ") };
    let _ = writeln!(stderr, "{label}{}", tame(text.trim_end_matches('\n')));
}

/// Prints a line to standard error, for example that something is about to be done.
pub(super) fn info(text: &str) {
    let mut stderr = anstream::AutoStream::auto(std::io::stderr().lock());
    let _ = writeln!(stderr, "{}", tame(text));
}

/// Text of which no line is a command to the forge that may read it: a line of the target's log could be one. GitHub obeys lines
/// that begin with two colons, blanks left out, and an older form wherever it stands in a line.
fn tame(text: &str) -> Cow<'_, str> {
    let begins = |line: &str| line.trim_start().starts_with("::");
    if !text.contains("##[") && !text.lines().any(begins) {
        return Cow::Borrowed(text);
    }
    let lines = text.split('\n').map(|line| {
        let line = line.replace("##[", "## [");
        if begins(&line) { line.replacen("::", ": :", 1) } else { line }
    });
    Cow::Owned(lines.collect::<Vec<_>>().join("\n"))
}

/// What nights are shown on: alone, or side by side with others.
#[derive(Debug, Clone, Default)]
pub(super) struct Stage {
    // Of a terminal, where several nights share it.
    bars: Option<MultiProgress>,
    several: bool,
}

impl Stage {
    /// `several` says that nights are shown side by side: every line then names its night.
    pub(super) fn new(several: bool) -> Self {
        let shared = several && std::io::stderr().is_terminal();
        Self { bars: shared.then(|| MultiProgress::with_draw_target(ProgressDrawTarget::stderr())), several }
    }

    /// Prints a line to standard error, above the progress of other nights.
    pub(super) fn info(&self, text: &str) {
        self.suspend(|| info(text));
    }

    /// Does something that prints, while the progress of other nights is out of the way.
    pub(super) fn suspend<T>(&self, print: impl FnOnce() -> T) -> T {
        match &self.bars {
            Some(bars) => bars.suspend(print),
            None => print(),
        }
    }
}

/// The console that watches one night.
#[derive(Debug)]
pub(super) struct Console {
    shared: Arc<Shared>,
    heart: Option<tokio::task::JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    name: String,
    // What a line of a terminal begins with: the name, where others are shown too.
    shown: String,
    bar: Option<ProgressBar>,
    now: Mutex<Now>,
}

/// Where the night is.
#[derive(Debug)]
struct Now {
    phase: Option<Phase>,
    since: Instant,
    tick: Option<Tick>,
    last_line: Instant,
}

impl Console {
    /// A console for the night of a scenario; must be made inside a tokio runtime.
    pub(super) fn new(name: &str, stage: &Stage) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let bar = terminal.then(|| {
            let bar = match &stage.bars {
                Some(bars) => bars.add(ProgressBar::no_length()),
                None => ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()),
            };
            if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg}") {
                bar.set_style(style);
            }
            bar
        });
        let now = Now { phase: None, since: Instant::now(), tick: None, last_line: Instant::now() };
        let shown = if stage.several { format!("{name}: ") } else { String::new() };
        let shared = Arc::new(Shared { name: name.to_owned(), shown, bar, now: Mutex::new(now) });
        let beating = Arc::clone(&shared);
        // The same beat moves the clock of the progress line and writes the heartbeat of a log.
        let heart = tokio::spawn(async move {
            loop {
                tokio::time::sleep(Duration::from_millis(500)).await;
                beating.beat();
            }
        });
        Self { shared, heart: Some(heart) }
    }

    /// Ends the progress line.
    pub(super) fn end(&mut self) {
        if let Some(heart) = self.heart.take() {
            heart.abort();
        }
        if let Some(bar) = &self.shared.bar {
            bar.finish_and_clear();
        }
    }
}

impl Audience for Console {
    fn notice(&self, notice: &Notice<'_>) {
        self.shared.notice(notice);
    }
}

impl Shared {
    fn notice(&self, notice: &Notice<'_>) {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        match notice {
            Notice::Phase(phase) => {
                if let (Some(bar), Some(before)) = (&self.bar, now.phase) {
                    let took = seconds(now.since.elapsed().as_secs_f64());
                    bar.println(paint(&format!("{DIM}{}{:<7} {took}{DIM:#}", self.shown, before.name())));
                }
                now.phase = Some(*phase);
                now.since = Instant::now();
                now.tick = None;
                if self.bar.is_none() {
                    self.log(&mut now, phase.name());
                }
            }
            Notice::Line(text) => match &self.bar {
                Some(bar) => bar.set_message(self.progress(&now, Some(text))),
                None => {
                    let text =
                        now.phase.map_or_else(|| (*text).to_owned(), |phase| format!("{}: {text}", phase.name()));
                    self.log(&mut now, &text);
                }
            },
            Notice::Warning(text) => match &self.bar {
                Some(bar) => bar.println(paint(&format!("{YELLOW}warning{YELLOW:#}: {}{text}", self.shown))),
                None => self.log(&mut now, &format!("warning: {text}")),
            },
            Notice::Tick(tick) => {
                now.tick = Some((*tick).clone());
                if let Some(bar) = &self.bar {
                    bar.set_message(self.progress(&now, None));
                }
            }
        }
    }

    fn beat(&self) {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bar) = &self.bar {
            if now.tick.is_some() || now.since.elapsed() > Duration::from_secs(2) {
                bar.set_message(self.progress(&now, None));
            }
            bar.tick();
        } else if now.phase.is_some() && now.last_line.elapsed() >= HEARTBEAT {
            let text = self.progress(&now, None);
            self.log(&mut now, &text);
        }
    }

    /// One line: phase, elapsed, next snapshot, worst class so far.
    fn progress(&self, now: &Now, detail: Option<&str>) -> String {
        let Some(phase) = now.phase else { return String::new() };
        let elapsed = now.since.elapsed();
        let mut line = match &now.tick {
            Some(tick) => {
                let next = tick.next.saturating_sub(elapsed.saturating_sub(tick.elapsed));
                format!(
                    "{}{} {} of {}, {}, next in {}",
                    self.lead(),
                    phase.name(),
                    seconds(elapsed.as_secs_f64().floor()),
                    seconds(tick.total.as_secs_f64()),
                    count(tick.snapshots.into(), "snapshot"),
                    seconds(next.as_secs_f64().ceil()),
                )
            }
            None => format!("{}{} {}", self.lead(), phase.name(), seconds(elapsed.as_secs_f64().floor())),
        };
        if let Some(worst) = now.tick.as_ref().and_then(|tick| tick.worst.as_ref()) {
            line.push_str("; worst: ");
            line.push_str(worst);
        }
        if let Some(detail) = detail {
            line.push_str(": ");
            line.push_str(&shorten(detail, 200));
        }
        line
    }

    /// What the progress line begins with. A line of a log names its night anyway.
    fn lead(&self) -> &str {
        if self.bar.is_some() { &self.shown } else { "" }
    }

    fn log(&self, now: &mut Now, text: &str) {
        now.last_line = Instant::now();
        let stamp = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ");
        info(&format!("{stamp} {}: {text}", self.name));
    }
}

/// Colours for a line that indicatif prints, where the terminal wants them.
fn paint(text: &str) -> String {
    if matches!(anstream::AutoStream::choice(&std::io::stderr()), anstream::ColorChoice::Never) {
        anstream::adapter::strip_str(text).to_string()
    } else {
        text.to_owned()
    }
}

/// Bold where the terminal wants it.
pub(super) fn bold(text: &str) -> String {
    format!("{BOLD}{text}{BOLD:#}")
}

/// Yellow where the terminal wants it.
pub(super) fn yellow(text: &str) -> String {
    let style = YELLOW.bold();
    format!("{style}{text}{style:#}")
}

/// Red where the terminal wants it.
pub(super) fn red(text: &str) -> String {
    format!("{RED}{text}{RED:#}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_of_ours_commands_the_forge() {
        assert_eq!(tame("FAIL x\n  a::b"), "FAIL x\n  a::b");
        assert_eq!(tame("a\n  ::stop-commands::x\nb"), "a\n  : :stop-commands::x\nb");
        assert_eq!(tame("a ##[error]b"), "a ## [error]b");
    }
}

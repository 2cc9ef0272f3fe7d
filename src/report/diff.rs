//! A diff as text and as Markdown: what matters on top, the rest in one line.

use crate::diff::{Breach, Change, ClassChange, Diff, Figures, Side};
use crate::model::text::{amount, figure, per_hour, printable, shorten};
use crate::model::{Severity, Status, Unit};

/// The widest line of text, columns.
const WIDTH: usize = 80;
/// The longest name of a class or a version in a table, columns.
const NAME: usize = 24;

/// A diff as text for a terminal (at most 80 columns).
pub fn diff_text(diff: &Diff) -> String {
    let mut out = Text::default();
    out.wrapped(0, &headline(diff));
    out.wrapped(0, &format!("before {}   after {}", label(&diff.before), label(&diff.after)));
    if !diff.not_comparable.is_empty() {
        out.blank();
        out.wrapped(0, "Not comparable:");
        for reason in &diff.not_comparable {
            out.wrapped(4, &format!("  {}", printable(reason)));
        }
    }
    out.blank();
    if diff.breaches.is_empty() {
        out.wrapped(0, "No rule is broken in either night.");
    }
    for breach in &diff.breaches {
        let (mark, text) = breach_text(breach);
        out.wrapped(10, &format!("{mark:<10}{text}"));
    }
    if !diff.changes.is_empty() {
        out.blank();
        for change in &diff.changes {
            out.wrapped(2, &change_text(change));
        }
    }
    class_table(diff, &mut out);
    if !diff.counters.is_empty() {
        out.blank();
        for counter in &diff.counters {
            let text = format!(
                "workload {}: {} -> {}",
                shorten(&printable(&counter.name), 40),
                optional(counter.before, figure),
                optional(counter.after, figure)
            );
            out.wrapped(2, &text);
        }
    }
    out.0
}

/// A diff as Markdown.
pub fn diff_markdown(diff: &Diff) -> String {
    let mut out = format!("## {}\n\n", markdown(&headline(diff)));
    out.push_str(&format!("Before: {} · after: {}\n", markdown(&label(&diff.before)), markdown(&label(&diff.after))));
    if !diff.not_comparable.is_empty() {
        out.push_str("\n**Not comparable:**\n\n");
        for reason in &diff.not_comparable {
            out.push_str(&format!("- {}\n", markdown(reason)));
        }
    }
    if diff.breaches.is_empty() {
        out.push_str("\nNo rule is broken in either night.\n");
    } else {
        out.push_str("\n| | Class | Rule | What |\n| --- | --- | --- | --- |\n");
        for breach in &diff.breaches {
            out.push_str(&format!(
                "| {} | {} | {} | {} |\n",
                mark(breach),
                markdown(&breach.class),
                markdown(breach.rule.key()),
                markdown(&breach.sentence)
            ));
        }
    }
    if !diff.changes.is_empty() {
        out.push_str("\n| Changed | Before | After |\n| --- | --- | --- |\n");
        for change in &diff.changes {
            let value = |value: &Option<String>| value.as_deref().map_or_else(|| "none".to_owned(), markdown);
            out.push_str(&format!(
                "| {} | {} | {} |\n",
                markdown(&change.what),
                value(&change.before),
                value(&change.after)
            ));
        }
    }
    markdown_classes(diff, &mut out);
    if !diff.counters.is_empty() {
        out.push_str("\n| Workload | Before | After |\n| --- | ---: | ---: |\n");
        for counter in &diff.counters {
            out.push_str(&format!(
                "| {} | {} | {} |\n",
                markdown(&counter.name),
                optional(counter.before, figure),
                optional(counter.after, figure)
            ));
        }
    }
    out
}

/// "demo: FAIL, before PASS: 2 new, 0 standing, 1 gone".
fn headline(diff: &Diff) -> String {
    let word = |side: &Side| side.verdict.map_or("not judged", crate::model::Verdict::word);
    let mut fates: Vec<(&str, usize)> = Vec::new();
    for breach in &diff.breaches {
        match fates.last_mut() {
            // The breaches come in the order of their fates.
            Some((fate, n)) if *fate == breach.fate.word() => *n += 1,
            Some(_) | None => fates.push((breach.fate.word(), 1)),
        }
    }
    let breaches: Vec<String> = fates.iter().map(|(fate, n)| format!("{n} {fate}")).collect();
    let breaches = if breaches.is_empty() { String::new() } else { format!(" ({})", breaches.join(", ")) };
    format!("{}: {}, before {}{breaches}", printable(&diff.after.scenario), word(&diff.after), word(&diff.before))
}

fn label(side: &Side) -> String {
    printable(&side.run)
}

fn mark(breach: &Breach) -> String {
    match breach.severity {
        Severity::Fail => breach.fate.word().to_owned(),
        Severity::Warn => format!("{}, warns", breach.fate.word()),
    }
}

fn breach_text(breach: &Breach) -> (&'static str, String) {
    let warns = match breach.severity {
        Severity::Fail => "",
        Severity::Warn => " (warning)",
    };
    let class = shorten(&printable(&breach.class), NAME);
    (breach.fate.word(), format!("{class}{warns}: {}", printable(&breach.sentence)))
}

fn change_text(change: &Change) -> String {
    let value =
        |value: &Option<String>| value.as_deref().map_or_else(|| "none".to_owned(), |it| shorten(&printable(it), 60));
    format!("{} {} -> {}", shorten(&printable(&change.what), NAME), value(&change.before), value(&change.after))
}

/// The classes that matter in a table, the others in one line.
fn class_table(diff: &Diff, out: &mut Text) {
    let (changed, same): (Vec<_>, Vec<_>) = diff.classes.iter().partition(|class| class.matters);
    if !changed.is_empty() {
        out.blank();
        out.line(&row(["class", "before", "after", "growth", "dead", "rules"]));
        for class in changed {
            out.line(&row(cells(class).each_ref().map(String::as_str)));
        }
    }
    if !same.is_empty() {
        out.blank();
        let names: Vec<String> = same.iter().map(|class| shorten(&printable(&class.class), NAME)).collect();
        out.wrapped(2, &format!("As before: {}", names.join(", ")));
    }
}

fn markdown_classes(diff: &Diff, out: &mut String) {
    let (changed, same): (Vec<_>, Vec<_>) = diff.classes.iter().partition(|class| class.matters);
    if !changed.is_empty() {
        out.push_str(
            "\n| Class | Before | After | Growth | Dead | Rules |\n| --- | ---: | ---: | ---: | ---: | --- |\n",
        );
        for class in changed {
            let cells = cells(class).map(|cell| markdown(&cell));
            out.push_str(&format!("| {} |\n", cells.join(" | ")));
        }
    }
    if !same.is_empty() {
        let names: Vec<String> = same.iter().map(|class| markdown(&class.class)).collect();
        out.push_str(&format!("\nAs before: {}\n", names.join(", ")));
    }
}

/// Class, level before and after, growth, dead handles, fate of the rules.
fn cells(class: &ClassChange) -> [String; 6] {
    let level = |night: &Option<Figures>| optional(night.as_ref().and_then(|it| it.level), |it| amount(it, class.unit));
    let arrow = |before: String, after: String| if before == after { after } else { format!("{before} -> {after}") };
    let of = |text: fn(&Figures, Unit) -> String| {
        let one = |night: &Option<Figures>| night.as_ref().map_or_else(|| "-".to_owned(), |it| text(it, class.unit));
        arrow(one(&class.before), one(&class.after))
    };
    [
        class.class.clone(),
        level(&class.before),
        level(&class.after),
        of(|it, unit| optional(it.rate, |rate| per_hour(rate.0, unit))),
        of(|it, _| it.dead.to_string()),
        of(|it, _| optional(it.status, |status| status_word(status).to_owned())),
    ]
}

fn status_word(status: Status) -> &'static str {
    match status {
        Status::Holds => "holds",
        Status::Breaks => "breaks",
        Status::Undecided => "undecided",
    }
}

fn optional<T>(value: Option<T>, text: impl Fn(T) -> String) -> String {
    value.map_or_else(|| "-".to_owned(), text)
}

/// A line of the table: names to the left, figures to the right.
fn row(cells: [&str; 6]) -> String {
    let [class, before, after, growth, dead, rules] = cells;
    let class = shorten(&printable(class), 16);
    // Of the growth the later night's has to do here: the widths and the spaces between them make 80 columns.
    let growth = growth.rsplit(" -> ").next().unwrap_or(growth);
    let line = format!("{class:<16} {before:>9} {after:>9} {growth:>11} {dead:>9}  {rules}");
    shorten(line.trim_end(), WIDTH)
}

/// Lines of text.
#[derive(Default)]
struct Text(String);

impl Text {
    fn line(&mut self, line: &str) {
        self.0.push_str(line.trim_end());
        self.0.push('\n');
    }

    fn blank(&mut self) {
        self.0.push('\n');
    }

    /// A paragraph whose lines after the first are indented; words that are longer than a line are cut into pieces.
    fn wrapped(&mut self, indent: usize, text: &str) {
        let mut line = String::new();
        let mut width = 0;
        for word in text.split_inclusive(' ') {
            for piece in pieces(word, WIDTH - indent) {
                let own = piece.trim_end().chars().count();
                if width > 0 && width + own > WIDTH {
                    self.line(&line);
                    line = " ".repeat(indent);
                    width = indent;
                }
                line.push_str(&piece);
                width += piece.chars().count();
            }
        }
        self.line(&line);
    }
}

fn pieces(word: &str, most: usize) -> Vec<String> {
    let letters: Vec<char> = word.chars().collect();
    letters.chunks(most.max(1)).map(|piece| piece.iter().collect()).collect()
}

/// Foreign text within a line or a table cell of Markdown: nothing in it makes markup, a mention, or a new line.
fn markdown(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in printable(text).chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            // A space without width keeps a name from being a mention of a person.
            '@' => out.push_str("@\u{200b}"),
            '\\' | '`' | '|' | '*' | '_' | '[' | ']' | '#' | '~' | '!' => out.extend(['\\', letter]),
            letter => out.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests;

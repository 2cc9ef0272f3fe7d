//! What the command line asks for.

use std::path::PathBuf;

/// Options of all parts.
#[derive(Debug, Default)]
pub(crate) struct Options {
    /// The parts; none: all.
    pub(crate) parts: Vec<String>,
    /// Where all chance comes from.
    pub(crate) seed: u64,
    /// Nights for each row of the false alarms; the other parts take shares of it.
    pub(crate) series: u64,
    /// Labelled series, one JSON object per line.
    pub(crate) corpus: Option<PathBuf>,
    /// Births and deaths of the same series.
    pub(crate) identity: Option<PathBuf>,
}

impl Options {
    /// Reads the arguments; an error is a sentence.
    pub(crate) fn read(arguments: impl IntoIterator<Item = String>) -> Result<Self, String> {
        let fresh =
            std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_nanos());
        let mut options = Self { seed: (fresh % 1_000_000_007) as u64, series: 800, ..Self::default() };
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or_else(|| format!("{argument} needs a value."));
            let number = |text: String| text.parse().map_err(|_| format!("{text} is no number; give {argument} one."));
            match argument.as_str() {
                // `cargo bench` hands it on.
                "--bench" => {}
                "--seed" => options.seed = number(value()?)?,
                "--series" => options.series = number(value()?)?.max(8),
                "--corpus" => options.corpus = Some(value()?.into()),
                "--identity" => options.identity = Some(value()?.into()),
                other if other.starts_with('-') => {
                    return Err(format!("{other} is unknown; there are --seed, --series, --corpus and --identity."));
                }
                part => options.parts.push(part.to_owned()),
            }
        }
        Ok(options)
    }
}

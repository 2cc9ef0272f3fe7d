//! What names a build of the target.

use std::collections::BTreeMap;

use super::parts::{clip, name};

/// A digest short enough to read: `9f3c1e07ab42`.
pub(crate) fn digest(image: &str) -> String {
    let hex = image.rsplit_once("sha256:").map_or(image, |(_, hex)| hex);
    if hex.len() > 12 && hex.chars().all(|c| c.is_ascii_hexdigit()) {
        hex.chars().take(12).collect()
    } else {
        clip(hex, 40)
    }
}

/// The version that a build argument or a label names, if one does.
pub(crate) fn version(labels: &BTreeMap<String, String>) -> Option<String> {
    let given = |key: &String| !labels.get(key).is_none_or(|value| value.trim().is_empty());
    let standard = ["org.opencontainers.image.version", "version"].map(str::to_owned);
    let key = standard
        .iter()
        .find(|key| labels.contains_key(*key) && given(key))
        .or_else(|| labels.keys().find(|key| key.to_ascii_lowercase().contains("version") && given(key)))?;
    labels.get(key).map(|value| clip(value, 40))
}

/// The name of a build: its version, or its image.
pub(crate) fn build(labels: &BTreeMap<String, String>, image: Option<&str>) -> Option<String> {
    version(labels).or_else(|| image.map(digest)).map(|label| name(&label))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_is_named_by_its_version_or_by_its_image() {
        let labels = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect::<BTreeMap<_, _>>()
        };
        assert_eq!(build(&labels(&[("APP_VERSION", "1.5.6"), ("a", "b")]), None).unwrap(), "1.5.6");
        let image = format!("sha256:{}", "9f3c1e07ab42".repeat(5));
        assert_eq!(build(&labels(&[("VERSION", " ")]), Some(&image)).unwrap(), "9f3c1e07ab42");
        assert_eq!(build(&labels(&[]), None), None);
    }
}

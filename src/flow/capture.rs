//! Values taken out of an answer.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use html5ever::driver::{ParseOpts, parse_document};
use html5ever::tendril::{StrTendril, TendrilSink};
use scraper::{Html, HtmlTreeSink, Selector};
use serde_json::Value;

use super::answer::{Body, Seen};
use crate::model::text::{count, seconds};
use crate::scenario::{Capture, CaptureFrom};

/// How long a page may take to be parsed. The pages there are take milliseconds, but one can be made to take hours and all
/// memory: what the parser does grows with the square of the nesting.
const PAGE_TIME: Duration = Duration::from_secs(2);

/// How much of a page is parsed between two looks at the clock.
const CHUNK: usize = 1024;

/// Takes all values, or says why one cannot be taken.
pub(super) async fn take(captures: &BTreeMap<String, Capture>, seen: &Seen) -> Result<BTreeMap<String, Value>, String> {
    let body = Body::of(seen);
    let mut taken = BTreeMap::new();
    let mut wanted = Vec::new();
    for (name, capture) in captures {
        match &capture.from {
            CaptureFrom::Json(path) => {
                let nodes = body.find(path).map_err(|problem| format!("capture `{name}`: {problem}"))?;
                let value = match nodes.as_slice() {
                    [Value::Null] => Err(format!("{path} is null")),
                    [node] => Ok((*node).clone()),
                    [] => Err(format!("{path} finds nothing")),
                    several => {
                        Err(format!("{path} finds {}, and exactly one is needed", count(several.len() as u64, "value")))
                    }
                };
                taken.insert(name.clone(), value.map_err(|problem| format!("capture `{name}`: {problem}"))?);
            }
            CaptureFrom::Regex(_) | CaptureFrom::Header(_) | CaptureFrom::Cookie(_) | CaptureFrom::Status => {
                return Err(format!("capture `{name}`: not yet"));
            }
            CaptureFrom::Css { selector, attr } => wanted.push((name.clone(), selector.clone(), attr.clone())),
        }
    }
    if !wanted.is_empty() {
        taken.extend(from_page(body.text().to_owned(), wanted).await?);
    }
    Ok(taken)
}

type Wanted = Vec<(String, String, Option<String>)>;

/// Reads the page beside the runtime, which must not stand still meanwhile.
async fn from_page(page: String, wanted: Wanted) -> Result<Vec<(String, Value)>, String> {
    let reading = tokio::task::spawn_blocking(move || {
        let page = parse(&page, PAGE_TIME)?;
        wanted
            .into_iter()
            .map(|(name, selector, attr)| match select(&page, &selector, attr.as_deref()) {
                Ok(text) => Ok((name, Value::String(text))),
                Err(problem) => Err(format!("capture `{name}`: {problem}")),
            })
            .collect()
    });
    reading.await.unwrap_or_else(|err| Err(format!("the page could not be read: {err}")))
}

fn parse(page: &str, within: Duration) -> Result<Html, String> {
    let started = Instant::now();
    let mut parser = parse_document(HtmlTreeSink::new(Html::new_document()), ParseOpts::default());
    let mut rest = page;
    while !rest.is_empty() {
        let mut end = CHUNK.min(rest.len());
        while !rest.is_char_boundary(end) {
            end += 1;
        }
        let (chunk, after) = rest.split_at(end);
        parser.process(StrTendril::from(chunk));
        if started.elapsed() > within {
            let within = seconds(within.as_secs_f64());
            return Err(format!(
                "the page takes longer than {within} to be parsed; capture from a smaller one, or from JSON"
            ));
        }
        rest = after;
    }
    Ok(parser.finish())
}

fn select(page: &Html, selector: &str, attr: Option<&str>) -> Result<String, String> {
    let parsed = Selector::parse(selector).map_err(|err| format!("css `{selector}` is no selector: {err}"))?;
    let elements: Vec<_> = page.select(&parsed).collect();
    let element = match elements.as_slice() {
        [element] => element,
        [] => return Err(format!("css `{selector}` matches no element")),
        several => {
            return Err(format!(
                "css `{selector}` matches {}, and exactly one is needed",
                count(several.len() as u64, "element")
            ));
        }
    };
    match attr {
        None => Ok(element.text().collect::<String>().trim().to_owned()),
        Some(attr) => element.attr(attr).map(str::to_owned).ok_or_else(|| {
            let there: Vec<&str> = element.value().attrs().map(|(name, _)| name).collect();
            let there = if there.is_empty() { "none".to_owned() } else { there.join(", ") };
            format!("the element that css `{selector}` matches has no attribute `{attr}` (it has: {there})")
        }),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PAGE: &str =
        r#"<form><input name=csrf value="a&amp;b"><p class=one> some <b>text</b> </p><i></i><i></i></form>"#;

    #[test]
    fn a_selector_finds_one_element_and_its_attribute_or_text() {
        let page = Html::parse_document(PAGE);
        assert_eq!(select(&page, "input[name=csrf]", Some("value")).unwrap(), "a&b");
        assert_eq!(select(&page, "p.one", None).unwrap(), "some text");
    }

    #[test]
    fn none_several_and_a_missing_attribute_are_told_apart() {
        let page = Html::parse_document(PAGE);
        assert_eq!(select(&page, "em", None).unwrap_err(), "css `em` matches no element");
        assert_eq!(select(&page, "i", None).unwrap_err(), "css `i` matches 2 elements, and exactly one is needed");
        let missing = select(&page, "input", Some("content")).unwrap_err();
        assert!(missing.contains("has no attribute `content` (it has: name, value)"), "{missing}");
        assert!(select(&page, "i[", None).unwrap_err().contains("is no selector"));
    }

    #[test]
    fn a_page_that_is_made_to_be_slow_is_given_up() {
        let open: String = (0..4000).map(|i| format!("<b i={i}>")).collect();
        for page in ["<div>".repeat(400_000), format!("{open}{}", "<p>x".repeat(400_000))] {
            let started = Instant::now();
            let problem = parse(&page, Duration::from_millis(100)).unwrap_err();
            assert!(problem.contains("longer than 0.1 s"), "{problem}");
            assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
        }
    }

    proptest! {
        #[test]
        fn chunks_make_the_same_page_as_the_whole(text in "[<>a-z/ =\"é€]{0,3000}") {
            prop_assert_eq!(parse(&text, Duration::from_secs(60)).unwrap().html(), Html::parse_document(&text).html());
        }
    }
}

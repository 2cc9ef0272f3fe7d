//! Values taken out of an answer.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use html5ever::driver::{ParseOpts, parse_document};
use html5ever::tendril::{StrTendril, TendrilSink};
use regex::Regex;
use reqwest::header::HeaderName;
use reqwest_cookie_store::RawCookie;
use scraper::{ElementRef, Html, HtmlTreeSink, Selector};
use serde_json::Value;
use serde_json_path::JsonPath;

use super::answer::{Body, Seen, listed, size};
use super::http;
use crate::model::text::{count, seconds, shorten};
use crate::scenario::{Capture, CaptureFrom};

/// How long a page may take to be parsed. The pages there are take milliseconds, but one can be made to take hours and all
/// memory: what the parser does grows with the square of the nesting.
const PAGE_TIME: Duration = Duration::from_secs(2);

/// How many values a regular expression may find.
const MOST: usize = 10_000;

/// How much of a regular expression or a title a sentence quotes.
const QUOTED: usize = 120;

/// How much of a page is parsed between two looks at the clock.
const CHUNK: usize = 1024;

/// Takes all values, or says why one cannot be taken.
pub(super) async fn take(captures: &BTreeMap<String, Capture>, seen: &Seen) -> Result<BTreeMap<String, Value>, String> {
    let body = Body::of(seen);
    let mut taken = BTreeMap::new();
    let mut pages = Vec::new();
    for (name, capture) in captures {
        let wrong = |problem: String| format!("capture `{name}`: {problem}");
        let found = match &capture.from {
            CaptureFrom::Json(path) => at_path(path, &body),
            CaptureFrom::Regex(regex) => in_text(regex, &body),
            CaptureFrom::Header(header) => in_headers(header, seen),
            CaptureFrom::Cookie(cookie) => in_cookies(cookie, seen),
            CaptureFrom::Status => status(seen),
            CaptureFrom::Css { selector, attr } => {
                pages.push((name.clone(), selector.clone(), attr.clone(), capture.all));
                continue;
            }
        };
        taken.insert(name.clone(), found.and_then(|found| found.value(capture.all)).map_err(wrong)?);
    }
    if !pages.is_empty() {
        taken.extend(from_page(body.text().to_owned(), pages).await?);
    }
    Ok(taken)
}

/// What was found at a place.
struct Found {
    values: Vec<Value>,
    /// Where was looked: a path, a header.
    place: String,
    /// What there is else, where nothing was found.
    hint: String,
}

impl Found {
    /// The one value, or the list of all.
    fn value(mut self, all: bool) -> Result<Value, String> {
        if all {
            return Ok(Value::Array(self.values));
        }
        match (self.values.len(), self.values.pop()) {
            (1, Some(Value::Null)) => Err(format!("{} is null", self.place)),
            (1, Some(value)) => Ok(value),
            (_, None) => Err(format!("{} finds nothing{}", self.place, self.hint)),
            (several, Some(_)) => {
                Err(format!("{} finds {}, and exactly one is needed", self.place, count(several as u64, "value")))
            }
        }
    }
}

fn at_path(path: &JsonPath, body: &Body<'_>) -> Result<Found, String> {
    let values: Vec<Value> = body.find(path)?.into_iter().cloned().collect();
    let hint = if values.is_empty() { body.keys() } else { String::new() };
    Ok(Found { values, place: path.to_string(), hint })
}

fn in_text(regex: &Regex, body: &Body<'_>) -> Result<Found, String> {
    let values = matches(regex, body.text())?.into_iter().map(Value::from).collect();
    let place = format!("regex `{}`", shorten(regex.as_str(), QUOTED));
    Ok(Found { values, place, hint: format!(" in {} of {}", size(body.len()), body.name) })
}

/// What a regular expression finds: the first group of every match, or all of it where there is no group. Matches without the
/// group are none.
pub(super) fn matches<'t>(regex: &Regex, text: &'t str) -> Result<Vec<&'t str>, String> {
    let group = usize::from(regex.captures_len() > 1);
    let found: Vec<&str> = regex
        .captures_iter(text)
        .filter_map(|captures| captures.get(group))
        .map(|found| found.as_str())
        .take(MOST + 1)
        .collect();
    if found.len() > MOST {
        return Err(format!("regex `{}` finds more than {MOST} values", shorten(regex.as_str(), QUOTED)));
    }
    Ok(found)
}

fn in_headers(name: &str, seen: &Seen) -> Result<Found, String> {
    let Seen::Http(answer) = seen else {
        return Err(format!("header `{name}`: only the answer to a request has headers"));
    };
    let values = answer.headers.get_all(name).into_iter();
    let values = values.map(|value| Value::from(String::from_utf8_lossy(value.as_bytes()))).collect();
    let hint = match answer.headers.len() {
        0 => " (the answer has no headers)".to_owned(),
        _ => format!(" (the answer has: {})", listed(answer.headers.keys().map(HeaderName::as_str))),
    };
    Ok(Found { values, place: format!("header `{name}`"), hint })
}

/// The cookies of a name that the answer sets, or a redirect on the way to it; one that is set again is the later one, and one
/// that is taken back is none.
fn in_cookies(name: &str, seen: &Seen) -> Result<Found, String> {
    let Seen::Http(answer) = seen else {
        return Err(format!("cookie `{name}`: only the answer to a request sets cookies"));
    };
    let mut set: Vec<RawCookie<'_>> = Vec::new();
    for cookie in answer.set_cookies().filter_map(http::set_cookie) {
        set.retain(|earlier| {
            (earlier.name(), earlier.path(), earlier.domain()) != (cookie.name(), cookie.path(), cookie.domain())
        });
        if !is_over(&cookie) {
            set.push(cookie);
        }
    }
    let hint = match set.len() {
        0 => " (the answer sets no cookie)".to_owned(),
        _ => format!(" (the answer sets: {})", listed(set.iter().map(RawCookie::name))),
    };
    let values = set.iter().filter(|cookie| cookie.name() == name).map(|cookie| Value::from(cookie.value())).collect();
    Ok(Found { values, place: format!("cookie `{name}`"), hint })
}

/// Whether a cookie is set only to be forgotten.
fn is_over(cookie: &RawCookie<'_>) -> bool {
    match (cookie.max_age(), cookie.expires_datetime()) {
        (Some(age), _) => age.whole_seconds() <= 0,
        (None, Some(expires)) => expires.unix_timestamp() <= jiff::Timestamp::now().as_second(),
        (None, None) => false,
    }
}

fn status(seen: &Seen) -> Result<Found, String> {
    let code = match seen {
        Seen::Http(answer) => Value::from(answer.status.as_u16()),
        Seen::Exec(output) => Value::from(output.exit_code),
        Seen::Message(_) | Seen::Line(_) => return Err("there is no status here".to_owned()),
    };
    Ok(Found { values: vec![code], place: "the status".to_owned(), hint: String::new() })
}

/// Name, selector, attribute, whether all are wanted.
type Wanted = Vec<(String, String, Option<String>, bool)>;

/// Reads the page beside the runtime, which must not stand still meanwhile.
async fn from_page(page: String, wanted: Wanted) -> Result<Vec<(String, Value)>, String> {
    let reading = tokio::task::spawn_blocking(move || {
        let page = parse(&page, PAGE_TIME)?;
        wanted
            .into_iter()
            .map(|(name, selector, attr, all)| match select(&page, &selector, attr.as_deref(), all) {
                Ok(value) => Ok((name, value)),
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

fn select(page: &Html, selector: &str, attr: Option<&str>, all: bool) -> Result<Value, String> {
    let parsed = Selector::parse(selector).map_err(|err| format!("css `{selector}` is no selector: {err}"))?;
    let elements: Vec<ElementRef<'_>> = page.select(&parsed).collect();
    let value = |element: &ElementRef<'_>| match attr {
        None => Some(element.text().collect::<String>().trim().to_owned()),
        Some(attr) => element.attr(attr).map(str::to_owned),
    };
    if all {
        // Of elements that have no such attribute there is none to be found.
        return Ok(elements.iter().filter_map(value).map(Value::from).collect());
    }
    match elements.as_slice() {
        [element] => value(element).map(Value::from).ok_or_else(|| {
            let attr = attr.unwrap_or_default();
            let mut there = element.value().attrs().map(|(name, _)| name).peekable();
            let there = if there.peek().is_none() { "none".to_owned() } else { listed(there) };
            format!("the element that css `{selector}` matches has no attribute `{attr}` (it has: {there})")
        }),
        [] => Err(format!("css `{selector}` matches no element of the page{}", title(page))),
        several => Err(format!(
            "css `{selector}` matches {}, and exactly one is needed",
            count(several.len() as u64, "element")
        )),
    }
}

/// Which page it is, as a hint: a page of an error or of a login often stands where another one is looked for.
fn title(page: &Html) -> String {
    let Ok(selector) = Selector::parse("title") else { return String::new() };
    let title: String = page.select(&selector).take(1).flat_map(|title| title.text()).collect();
    let title = title.split_whitespace().collect::<Vec<_>>().join(" ");
    if title.is_empty() { String::new() } else { format!(" `{}`", shorten(&title, QUOTED)) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const PAGE: &str =
        r#"<form><input name=csrf value="a&amp;b"><p class=one> some <b>text</b> </p><i></i><i></i></form>"#;

    #[test]
    fn a_selector_finds_one_element_and_its_attribute_or_text() {
        let page = Html::parse_document(PAGE);
        assert_eq!(select(&page, "input[name=csrf]", Some("value"), false).unwrap(), "a&b");
        assert_eq!(select(&page, "p.one", None, false).unwrap(), "some text");
    }

    #[test]
    fn all_elements_make_a_list_which_may_be_empty() {
        let page = Html::parse_document(PAGE);
        assert_eq!(select(&page, "i", None, true).unwrap(), json!(["", ""]));
        assert_eq!(select(&page, "em", None, true).unwrap(), json!([]));
        assert_eq!(select(&page, "form *", Some("class"), true).unwrap(), json!(["one"]));
    }

    #[test]
    fn a_page_in_which_nothing_is_found_is_named() {
        let page = Html::parse_document("<title> Log\n in </title>");
        let problem = select(&page, "em", None, false).unwrap_err();
        assert_eq!(problem, "css `em` matches no element of the page `Log in`");
    }

    #[test]
    fn a_regular_expression_gives_its_first_group_or_all_of_its_match() {
        let regex = |text| Regex::new(text).unwrap();
        assert_eq!(matches(&regex(r"id=(\d+)"), "id=4 id=15").unwrap(), ["4", "15"]);
        assert_eq!(matches(&regex(r"id=\d+"), "id=4 id=15").unwrap(), ["id=4", "id=15"]);
        assert_eq!(matches(&regex(r"a(b)|c"), "abc").unwrap(), ["b"]);
        assert_eq!(matches(&regex(r"x"), "abc").unwrap(), [""; 0]);
        assert!(matches(&regex(""), &"x".repeat(MOST)).unwrap_err().contains("more than 10000 values"));
    }

    #[test]
    fn none_several_and_a_missing_attribute_are_told_apart() {
        let page = Html::parse_document(PAGE);
        assert_eq!(select(&page, "em", None, false).unwrap_err(), "css `em` matches no element of the page");
        assert_eq!(
            select(&page, "i", None, false).unwrap_err(),
            "css `i` matches 2 elements, and exactly one is needed"
        );
        let missing = select(&page, "input", Some("content"), false).unwrap_err();
        assert!(missing.contains("has no attribute `content` (it has: name, value)"), "{missing}");
        assert!(select(&page, "i[", None, false).unwrap_err().contains("is no selector"));
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

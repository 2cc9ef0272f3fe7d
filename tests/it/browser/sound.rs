//! That every page is sound: nothing foreign runs, nothing is fetched, and everybody can read it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::browser_or_skip;
use super::devtools::Tab;
use super::pages::{HOSTILE, Pages};

const AUDIT: &str = include_str!("audit.js");

/// What a page does that it must not: messages in the console, exceptions, breaches of its policy, requests.
fn faults(tab: &mut Tab) -> Vec<String> {
    let events = tab.events();
    let fault = |event: &Value| {
        let params = &event["params"];
        match event["method"].as_str()? {
            "Runtime.exceptionThrown" => Some(format!("exception: {}", params["exceptionDetails"])),
            "Runtime.consoleAPICalled" => Some(format!("console: {}", params["args"])),
            "Log.entryAdded" => Some(format!("log: {}", params["entry"]["text"])),
            "Network.requestWillBeSent" if params["type"] != "Document" => {
                Some(format!("request: {}", params["request"]["url"]))
            }
            _ => None,
        }
    };
    events.iter().filter_map(fault).collect()
}

#[test]
fn no_page_says_anything_to_the_console_or_asks_the_network_for_anything() {
    let Some(browser) = browser_or_skip() else { return };
    let pages = Pages::shared();
    let mut tab = browser.tab(1280, 900);
    for (name, page) in pages.all() {
        tab.open(&page);
        // Whatever can be pressed is pressed.
        tab.eval(
            "document.querySelectorAll('button').forEach(b => b.click()); \
             document.querySelectorAll('summary').forEach(b => b.click()); 0",
        );
        assert_eq!(faults(&mut tab), Vec::<String>::new(), "{name}");
    }
}

#[test]
fn a_policy_lets_nothing_run_that_is_not_the_pages_own() {
    let Some(browser) = browser_or_skip() else { return };
    let pages = Pages::shared();
    let mut tab = browser.tab(1280, 900);
    tab.open(&pages.night("clean"));
    // This also shows that the test before this one would have seen it.
    tab.eval(
        "(() => { const s = document.createElement('script'); s.textContent = 'window.owned = 1'; document.body.append(s); \
         const i = document.createElement('img'); i.src = 'https://example.org/x.png'; document.body.append(i); \
         document.body.setAttribute('style', 'color: red'); return 0; })()",
    );
    assert_eq!(tab.eval("window.owned === undefined"), true);
    let said = faults(&mut tab);
    for kind in ["script", "image", "style"] {
        assert!(said.iter().any(|fault| fault.contains("Content Security Policy") && fault.contains(kind)), "{said:?}");
    }
}

#[test]
fn hostile_strings_stay_text() {
    let Some(browser) = browser_or_skip() else { return };
    let pages = Pages::shared();
    let mut tab = browser.tab(1280, 900);
    let elements = "JSON.stringify([...document.querySelectorAll('*')].reduce((n, e) => \
                    ({...n, [e.tagName]: (n[e.tagName] || 0) + 1}), {}))";
    tab.open(&pages.night("hostile"));
    assert_eq!(tab.eval("window.owned === undefined"), true);
    let found: BTreeMap<String, u64> = serde_json::from_str(&tab.text(elements)).unwrap();
    assert_eq!(found.get("SCRIPT"), Some(&2), "{found:?}");
    assert_eq!((found.get("IMG"), found.get("B")), (None, found.get("B")), "{found:?}");
    let text = tab.text("document.body.innerText");
    let shown = HOSTILE.split(' ').next().unwrap();
    assert!(text.contains(shown), "{shown}");
    assert!(text.contains("&lt;b&gt;") && text.contains("{{7*7}}") && !text.contains('\u{202e}'));
    assert!(tab.text("document.title").starts_with("FAIL: local-deep-research"));
    // The script reads its events out; they must stay text there, too.
    tab.eval("document.querySelector('svg[data-x]').focus(); 0");
    for _ in 0..11 {
        tab.key("ArrowRight", 0);
    }
    let told = tab.text("document.getElementById('says').textContent");
    assert!(told.contains("</script>"), "{told}");
    assert_eq!(tab.eval("document.querySelectorAll('#tools img, #tools script').length"), 0);
}

#[test]
fn every_page_can_be_read_by_everybody_in_light_and_in_dark() {
    let Some(browser) = browser_or_skip() else { return };
    let pages = Pages::shared();
    let mut tab = browser.tab(1280, 900);
    for (name, page) in pages.all() {
        tab.open(&page);
        for scheme in ["light", "dark"] {
            tab.scheme(scheme);
            let found = tab.eval(AUDIT);
            let none = json!({ "contrast": [], "headings": [], "structure": [], "targets": [] });
            assert_eq!(found, none, "{name}, {scheme}");
        }
        tab.scheme("light");
    }
}

#[test]
fn what_could_not_be_read_would_be_noticed() {
    let Some(browser) = browser_or_skip() else { return };
    let pages = Pages::shared();
    let mut tab = browser.tab(1280, 900);
    tab.open(&pages.night("clean"));
    tab.eval(
        "(() => { document.querySelector('h1').style.color = '#bbb'; document.querySelector('svg.p text').style.fill = '#ccc'; \
         document.querySelector('h2').outerHTML = '<h4>x</h4>'; document.querySelector('caption').remove(); return 0; })()",
    );
    let found = tab.eval(AUDIT);
    assert_eq!(found["contrast"].as_array().unwrap().len(), 2, "{found}");
    assert_eq!(found["headings"].as_array().unwrap().len(), 1, "{found}");
    assert!(found["structure"].as_array().unwrap().len() >= 2, "{found}");
}

#[test]
fn every_control_link_and_picture_has_a_name() {
    let Some(browser) = browser_or_skip() else { return };
    let pages = Pages::shared();
    let mut tab = browser.tab(1280, 900);
    for (name, page) in pages.all() {
        tab.open(&page);
        let tree = tab.call("Accessibility.getFullAXTree", json!({}));
        let mut pictures = 0;
        for node in tree["nodes"].as_array().unwrap().iter().filter(|node| node["ignored"] == false) {
            let role = node["role"]["value"].as_str().unwrap_or_default();
            let named =
                ["button", "link", "image", "img", "region", "table", "DisclosureTriangle", "navigation", "group"];
            // The element of `details` itself is a group that its summary names.
            let own = role != "group"
                || node["properties"].as_array().is_some_and(|list| list.iter().any(|p| p["name"] == "labelledby"));
            if named.contains(&role) && own {
                let said = node["name"]["value"].as_str().unwrap_or_default();
                assert!(!said.trim().is_empty(), "{name}: {role} without a name: {node}");
            }
            pictures += u32::from(role == "image" || role == "img");
        }
        assert!(pictures > 0, "{name} has charts");
    }
}

#[test]
fn nothing_stands_out_to_the_side_on_a_phone_or_with_large_text() {
    let Some(browser) = browser_or_skip() else { return };
    let pages = Pages::shared();
    let overflow = "(() => { const w = document.documentElement.clientWidth; \
         if (document.documentElement.scrollWidth <= w) return ''; \
         const wide = [...document.querySelectorAll('body *')].find(e => e.getBoundingClientRect().right > w + 1 && !e.closest('.sc,.vh,.tools')); \
         return 'wide: ' + document.documentElement.scrollWidth + ' ' + (wide ? wide.outerHTML.slice(0, 200) : ''); })()";
    let mut tab = browser.tab(390, 844);
    for (name, page) in pages.all() {
        tab.resize(390, 844);
        tab.open(&page);
        assert_eq!(tab.text(overflow), "", "{name} at 390 px");
        // Large text: the page as it is zoomed to 200 % in a window of 1280, and the text alone at 200 %.
        tab.resize(640, 450);
        assert_eq!(tab.text(overflow), "", "{name} at 640 px");
        tab.resize(1280, 900);
        tab.eval("document.documentElement.style.fontSize = '200%'; 0");
        assert_eq!(tab.text(overflow), "", "{name} with text of 200 %");
    }
}

#[test]
fn a_page_is_whole_without_its_script() {
    let Some(browser) = browser_or_skip() else { return };
    let pages = Pages::shared();
    let mut tab = browser.tab(1280, 900);
    let sections = "JSON.stringify([...document.querySelectorAll('h1, h2')].map(e => [e.id, e.offsetHeight > 0]))";
    for (name, page) in pages.all() {
        tab.open(&page);
        let with = tab.text(sections);
        tab.call("Emulation.setScriptExecutionDisabled", json!({ "value": true }));
        tab.open(&page);
        // The tool's own questions are still answered; the page's script did not run.
        tab.call("Emulation.setScriptExecutionDisabled", json!({ "value": false }));
        assert_eq!(tab.text(sections), with, "{name}");
        assert!(!with.contains("false"), "{name}: {with}");
        let offers = "[...document.querySelectorAll('button')].filter(e => e.getClientRects().length).length";
        assert_eq!(tab.eval(offers), 0, "{name}: a control that does nothing");
        let charts = "[...document.querySelectorAll('svg.p')].every(e => e.getBoundingClientRect().height > 0)";
        assert_eq!(tab.eval(charts), true, "{name}");
        let folded =
            "[...document.querySelectorAll('details')].every(e => e.querySelector('summary').textContent.trim())";
        assert_eq!(tab.eval(folded), true, "{name}");
    }
}

#[test]
fn a_page_prints_with_all_that_is_folded_away() {
    let Some(browser) = browser_or_skip() else { return };
    let pages = Pages::shared();
    let mut tab = browser.tab(1280, 900);
    for name in ["leaking", "clean"] {
        tab.open(&pages.night(name));
        let pdf = tab.pdf();
        assert!(pdf.starts_with(b"%PDF") && pdf.len() > 20_000, "{name}: {}", pdf.len());
        let sheets = String::from_utf8_lossy(&pdf).matches("/Type /Page\n").count();
        assert!((2..=40).contains(&sheets), "{name}: {sheets} sheets");
        // What was opened for the printer is closed again.
        assert_eq!(tab.eval("document.querySelectorAll('details[open]').length"), 0);
        tab.call("Emulation.setEmulatedMedia", json!({ "media": "print" }));
        let shown = "(() => { dispatchEvent(new Event('beforeprint')); \
             const all = [...document.querySelectorAll('details table')], open = all.filter(e => e.offsetHeight > 0).length; \
             dispatchEvent(new Event('afterprint')); return [all.length, open, document.getElementById('tools').offsetHeight]; })()";
        let shown = tab.eval(shown);
        assert!(shown[0].as_u64().unwrap() > 0 && shown[0] == shown[1] && shown[2] == 0, "{name}: {shown}");
        tab.call("Emulation.setEmulatedMedia", json!({ "media": "" }));
    }
}

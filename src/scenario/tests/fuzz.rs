//! Whatever the text is, reading it ends in a scenario or in a message with a place.

use proptest::prelude::*;

use super::*;

/// Every key that the example of the design does not have, but those that name files.
const EVERYTHING: &str = r#"name: app
vars: {a: "1", b: {from_env: LDR_SECRET}}
target: {image: app, publish: [80, 443]}
sidecars: {stub: {image: stub}}
ready: {steps: [{get: {path: /health}}], within: 1m}
seed:
  - patch:
      path: /x
      port: 443
      tls: {verify: false, name: app.example}
      query: {a: b, c: [1, "{{ d }}"]}
      headers: {x-a: b}
      cookies: {c: d}
      auth: {basic: {user: "{{ user }}", password: "{{ password }}"}}
      body: text
      redirects: 5
      timeout: 10s
      retry: {times: 3, backoff: 500ms, most: 10s, status: [429, 5xx]}
      capture: {a: {json: $.a}, b: {css: a, attr: href, all: true}, c: {regex: 'x(\d+)'}, d: {header: x}, e: {cookie: y}, f: {status: true}}
      expect: {status: [2xx, 304], header: {a: b*}, contains: x, matches: 'y+', latency: 1s, json: {$.a: {at_least: 1, at_most: 5, matches: a}}}
  - post: {path: /, multipart: [{name: a, text: b, filename: c, content_type: d}], auth: {bearer: x}}
  - ws:
      path: /ws
      subprotocols: [a, b]
      timeout: 5s
      end: silent
      silent_for: 30s
      steps: [{send: {json: {a: [1]}}}, {await: {json: {$.a: b}, matches: c, contains: d, within: 5s}}, {ping: {within: 1s}}, {ping: }]
  - sse: {path: /events, events: 3, event: news, contains: x, within: 5s, capture: {g: {json: $.a}}}
  - exec: {in: stub, command: [a, b], expect: {exit: 1, matches: x, latency: 2s}}
  - signal: {process: 'worker \d', signal: STOP, which: oldest}
  - restart: {process: x, signal: SIGKILL, which: newest, within: 5s}
  - restart:
  - pause: {for: 5s}
  - unpause: {}
  - sleep: 5s
  - log: {matches: started, within: 5s, capture: {h: {regex: 'pid (\d+)'}}}
  - for_each: {in: [a, 1, null], as: x, steps: [{delete: {path: "/{{ x }}"}}]}
  - for_each: {in: "{{ b }}", as: x, steps: [{probe: after it}]}
  - parallel: {users: 5, as: n, steps: [{get: {path: /}}]}
  - when: {if: "{{ n > 5 }}", steps: [{get: {path: /}}], else: [{sleep: 1s}]}
soak: {settle: 1m}
churn:
  rate: 30/m
  users: 5
  jitter: 1s
  setup: [{get: {path: /}}]
  session: fresh
  start: 1m
  stop: 20m
  steps: [{get: {path: /}}]
settle: [{get: {path: /}}]
series: {open_files: {read: {get: {path: /}}, regex: 'fds (\d+)', absent: 0, every: 30s, compare: fd.total}}
counters: {lines: {log: done, at_least: 1}, jobs: {read: {exec: {command: [a]}}, regex: '\d+', at_most: 1}}
"#;

#[test]
fn the_scenario_of_every_key_is_read() {
    read(EVERYTHING).unwrap_or_else(|error| panic!("{error}"));
}

fn check(text: &str) -> Result<(), TestCaseError> {
    if let Err(error) = read(text) {
        let shown = error.to_string();
        prop_assert!(error.at.is_some(), "no place: {shown}");
        prop_assert!(shown.contains("= help: "), "no help: {shown}");
        prop_assert!(!shown.contains(|c: char| c.is_control() && c != '\n'), "control characters: {shown:?}");
        prop_assert!(!error.message.contains('\n'), "more than a line: {shown}");
    }
    Ok(())
}

proptest! {
    #[test]
    fn arbitrary_text_never_panics(text in any::<String>()) {
        check(&text)?;
    }

    #[test]
    fn text_that_looks_like_yaml_never_panics(
        text in proptest::collection::vec(
            prop_oneof![
                Just("name: "), Just("target: "), Just("seed:"), Just("soak: "), Just("duration: "), Just("- "),
                Just("get: "), Just("\n"), Just("  "), Just("{"), Just("}"), Just("["), Just("]"), Just(", "), Just("|"),
                Just(": "), Just("\""), Just("'"), Just("#"), Just("&a "), Just("*a"), Just("!t "), Just("<<: "), Just("\t"),
                Just("ws: "), Just("steps: "), Just("send: "), Just("await: "), Just("repeat: "), Just("for_each: "), Just("in: "),
                Just("as: n"), Just("when: "), Just("if: x"), Just("restart:"), Just("pause: "), Just("include: "), Just("capture: "),
                Just("churn: "), Just("series: "), Just("sse: "), Just("sleep: "), Just("probe: "), Just("expect: "), Just("json: "),
                Just("{{ x }}"), Just("5m"), Just("-1"), Just("~"), Just("---\n"), Just("? "), Just("\r"), Just("é"), Just("app"),
            ],
            0..40,
        )
    ) {
        check(&text.concat())?;
    }

    #[test]
    fn a_damaged_scenario_of_every_key_never_panics(
        at in 0..EVERYTHING.chars().count(),
        cut in 0usize..12,
        put in "\\PC{0,3}|[\\t\\n{}:'\"*&!|-]{0,3}",
    ) {
        let head: String = EVERYTHING.chars().take(at).collect();
        let tail: String = EVERYTHING.chars().skip(at + cut).collect();
        check(&format!("{head}{put}{tail}"))?;
    }

    #[test]
    fn a_damaged_scenario_never_panics(at in 0..DESIGN.len(), cut in 0usize..12, put in "\\PC{0,3}|[\\t\\n{}:'\"*&!|-]{0,3}") {
        let head: String = DESIGN.chars().take(at).collect();
        let tail: String = DESIGN.chars().skip(at + cut).collect();
        check(&format!("{head}{put}{tail}"))?;
    }
}

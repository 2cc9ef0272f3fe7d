//! What right steps mean.

use super::*;
use crate::model::Which;

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// The steps of a seed, one on a line.
fn steps(lines: &[&str]) -> Vec<Step> {
    read(&seed(lines)).unwrap_or_else(|error| panic!("{error}")).seed
}

fn seed(lines: &[&str]) -> String {
    let lines: String = lines.iter().map(|line| format!("  - {line}\n")).collect();
    with(&format!("seed:\n{lines}"))
}

fn step(line: &str) -> Action {
    steps(&[line]).remove(0).action
}

fn http(line: &str) -> HttpStep {
    let action = step(line);
    let Action::Http(step) = action else { panic!("{action:?}") };
    *step
}

#[test]
fn every_kind_of_step_has_its_name() {
    let all = steps(&[
        "get: {path: /}",
        "post: {path: /}",
        "put: {path: /}",
        "patch: {path: /}",
        "delete: {path: /x}",
        "ws: {path: /ws, steps: [{send: {text: a}}]}",
        "sse: {path: /events}",
        "exec: {command: [id]}",
        "signal: {process: worker}",
        "restart: {}",
        "restart: {process: worker}",
        "pause: {for: 10s}",
        "unpause: {}",
        "sleep: 5s",
        "log: {matches: started}",
        "wait_until: {step: {delete: {path: /x}}}",
        "repeat: {times: 2, steps: [{sleep: 1s}]}",
        "for_each: {in: [a], as: x, steps: [{sleep: 1s}]}",
        "parallel: {users: 5, steps: [{sleep: 1s}]}",
        "when: {if: x, steps: [{sleep: 1s}]}",
        "probe: after the uploads",
    ]);
    let names: Vec<String> = all.iter().map(Step::name).collect();
    insta::assert_snapshot!(names.join("\n"), @r"
    get /
    post /
    put /
    patch /
    delete /x
    ws /ws
    sse /events
    exec: id
    signal SIGTERM worker
    restart
    restart worker
    pause
    unpause
    sleep 5s
    log started
    wait until delete /x
    repeat 2 times
    for each x
    parallel, 5 users
    when x
    probe after the uploads
    ");
}

#[test]
fn reads_where_a_request_goes() {
    let step = http(
        r#"get: {path: /x, tls: true, query: {q: "{{ t }}", n: [1, 2], a: ""}, auth: {basic: {user: "{{ user }}", password: x}}}"#,
    );
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(step.goal.query, [pair("q", "{{ t }}"), pair("n", "1"), pair("n", "2"), pair("a", "")]);
    assert_eq!(step.goal.tls, Some(Tls { ca: None, verify: true, name: None }));
    assert!(matches!(&step.goal.auth, Some(Auth::Basic { user, password }) if user == "{{ user }}" && password == "x"));
    let step = http("get: {path: /x, tls: {verify: false, name: app.example}, auth: {bearer: '{{ token }}'}}");
    assert_eq!(step.goal.tls, Some(Tls { ca: None, verify: false, name: Some("app.example".to_owned()) }));
    assert!(matches!(&step.goal.auth, Some(Auth::Bearer(token)) if token == "{{ token }}"));
    assert_eq!(http("get: {path: /x, tls: false}").goal.tls, None);
    assert!(matches!(step.body, Body::Empty) && step.redirects == 0 && step.retry.is_none());
    http("get: {path: '/login?next=http://elsewhere/'}");
}

#[test]
fn reads_every_body() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("load.bin"), [0, 255]).unwrap();
    let lines = [
        "post: {path: /, body: 'a {{ b }}'}",
        "delete: {path: /, json: {a: 1}}",
        "patch: {path: /, body_file: load.bin}",
        "put: {path: /, multipart: [{name: a, text: '{{ b }}', content_type: text/x}, {name: f, file: load.bin, filename: x.bin}]}",
    ];
    let path = folder.path().join("soak.yaml");
    let steps = parse(&path, &seed(&lines), &Overrides::default(), &env).unwrap().seed;
    let bodies: Vec<String> = steps
        .iter()
        .map(|step| {
            let Action::Http(step) = &step.action else { panic!("{step:?}") };
            format!("{} {:?}", step.method, step.body)
        })
        .collect();
    let bodies = bodies.join("\n").replace(&folder.path().display().to_string(), "DIR");
    insta::assert_snapshot!(bodies, @r#"
    POST Text("a {{ b }}")
    DELETE Json(Object {"a": Number(1)})
    PATCH File("DIR/load.bin")
    PUT Multipart([Part { name: "a", content: Text("{{ b }}"), filename: None, content_type: Some("text/x") }, Part { name: "f", content: File("DIR/load.bin"), filename: Some("x.bin"), content_type: None }])
    "#);
}

#[test]
fn reads_retries() {
    let retry = http("get: {path: /, retry: {}}").retry.unwrap();
    assert_eq!((retry.times, retry.backoff, retry.most), (3, Duration::from_millis(500), secs(10)));
    assert_eq!(retry.status, [429, 502, 503, 504].map(StatusSet::One));
    let retry =
        http("get: {path: /, redirects: 5, retry: {times: 1, backoff: 1s, most: 1s, status: 5xx}}").retry.unwrap();
    assert_eq!((retry.times, retry.backoff, retry.most), (1, secs(1), secs(1)));
    assert_eq!(retry.status, [StatusSet::Class(5)]);
}

#[test]
fn reads_every_expectation() {
    let expect = http(
        "get: {path: /, expect: {status: [200, '3xx', 2XX], matches: 'a+', latency: 500ms, json: {$.n: {at_least: 1, at_most: 5}, $.s: {matches: '^x'}}}}",
    )
    .expect;
    assert_eq!(expect.status, [StatusSet::One(200), StatusSet::Class(3), StatusSet::Class(2)]);
    assert_eq!((expect.latency, expect.matches.unwrap().as_str()), (Some(Duration::from_millis(500)), "a+"));
    let json: Vec<_> = expect.json.iter().map(|(path, expect)| format!("{path} {expect:?}")).collect();
    assert_eq!(json, ["$.n AtLeast(1.0)", "$.n AtMost(5.0)", "$.s Matches(Regex(\"^x\"))"]);
    assert_eq!(http("get: {path: /, expect: {status: 2xx}}").expect.status, [StatusSet::Class(2)]);
    let Action::Exec(exec) =
        step("exec: {command: [a], expect: {matches: b, latency: 1s}, capture: {code: {status: true}}}")
    else {
        panic!("no command")
    };
    assert!(exec.expect.matches.is_some() && exec.expect.latency == Some(secs(1)));
    assert!(matches!(exec.capture["code"].from, CaptureFrom::Status));
}

#[test]
fn reads_every_capture() {
    let capture = http(
        "get: {path: /, capture: {a: {json: $.x, all: true}, b: {css: a, attr: href, all: true}, c: {regex: 'id=(\\d+)'}, d: {header: location}, e: {cookie: sid}, f: {status: true, all: false}}}",
    )
    .capture;
    let shown: Vec<_> = capture.iter().map(|(name, capture)| format!("{name} {capture:?}")).collect();
    insta::assert_snapshot!(shown.join("\n"), @r#"
    a Capture { from: Json(JsonPath(Query { kind: Root, segments: [QuerySegment { kind: Child, segment: DotName("x") }] })), all: true }
    b Capture { from: Css { selector: "a", attr: Some("href") }, all: true }
    c Capture { from: Regex(Regex("id=(\\d+)")), all: false }
    d Capture { from: Header("location"), all: false }
    e Capture { from: Cookie("sid"), all: false }
    f Capture { from: Status, all: false }
    "#);
}

#[test]
fn patterns_know_the_variables() {
    let text = "name: app\nvars: {worker: gunicorn}\ntarget: {image: app}\nseed: [{signal: {process: '{{ worker }}: worker'}}]\n";
    let Action::Signal(signal) = &read(text).unwrap().seed[0].action else { panic!("no signal") };
    assert_eq!(
        (signal.process.as_str(), signal.signal.as_str(), signal.which),
        ("gunicorn: worker", "SIGTERM", Which::All)
    );
}

#[test]
fn reads_websockets() {
    let lines = [
        "ws: {path: /ws, subprotocols: chat, steps: [{send: {json: {a: '{{ b }}'}}}, {repeat: {times: 2, steps: [{await: {json: {$.t: done}, capture: {id: {json: $.id}}}}]}}, {await: }, {ping: }], end: silent}",
        "ws: {path: /ws, subprotocols: [a, b], timeout: 5s, end: reset}",
        "ws: {path: /ws, end: silent, silent_for: 5s, steps: [{parallel: {users: 2, steps: [{ws: {path: /, steps: [{ping: {}}]}}]}}]}",
    ];
    let steps = steps(&lines);
    let ws = |index: usize| {
        let Action::Ws(ws) = &steps[index].action else { panic!("{:?}", steps[index]) };
        ws.as_ref()
    };
    assert_eq!((ws(0).subprotocols.len(), ws(0).timeout, ws(0).end), (1, secs(60), WsEnd::Silent(secs(60))));
    assert!(matches!(&ws(0).steps[0].action, Action::Send(Message::Json(json)) if json["a"] == "{{ b }}"));
    assert!(matches!(&ws(0).steps[2].action, Action::Await(step)
        if step.within == secs(60) && step.sought.json.is_empty() && step.sought.matches.is_none()));
    assert!(matches!(ws(0).steps[3].action, Action::Ping { within } if within == secs(10)));
    assert_eq!((ws(1).subprotocols.len(), ws(1).timeout, ws(1).end), (2, secs(5), WsEnd::Reset));
    assert!(ws(1).steps.is_empty(), "opened and ended");
    assert_eq!(ws(2).end, WsEnd::Silent(secs(5)));
    let Action::Sse(sse) = step("sse: {path: /e, event: news, contains: x, capture: {id: {json: $.id}}}") else {
        panic!("no events")
    };
    assert_eq!((sse.events, sse.event.as_deref(), sse.within), (1, Some("news"), secs(60)));
}

#[test]
fn reads_what_is_done_to_the_target() {
    let lines = [
        "signal: {process: a, signal: kill, which: oldest}",
        "signal: {process: a, signal: SIGCONT}",
        "restart: ",
        "restart: {within: 3s}",
        "restart: {process: a, signal: HUP, which: newest}",
        "pause: ",
        "pause: {for: 3s}",
        "log: {matches: a, within: 3s}",
    ];
    let shown: Vec<_> = steps(&lines).iter().map(|step| format!("{:?}", step.action)).collect();
    insta::assert_snapshot!(shown.join("\n"), @r#"
    Signal(SignalStep { process: Regex("a"), signal: "SIGKILL", which: Oldest })
    Signal(SignalStep { process: Regex("a"), signal: "SIGCONT", which: All })
    Restart(Container { within: 10s })
    Restart(Container { within: 3s })
    Restart(Process { process: Regex("a"), signal: "SIGHUP", which: Newest, within: 30s })
    Pause { lasts: None }
    Pause { lasts: Some(3s) }
    Log(LogStep { matches: Regex("a"), within: 3s, capture: {} })
    "#);
}

#[test]
fn reads_blocks() {
    let lines = [
        "for_each: {in: [1, a, null, {b: '{{ c }}'}], as: x, steps: [{sleep: 1s}]}",
        "for_each: {in: '{{- names | sort -}}', as: x, steps: [{sleep: 1s}]}",
        "when: {if: count > 5, steps: [{sleep: 1s}], else: [{sleep: 2s}, {sleep: 3s}]}",
        "when: {if: true, steps: [{sleep: 1s}]}",
        "parallel: {users: 100, as: n, steps: [{repeat: {times: 1000, steps: [{sleep: 1s}]}}]}",
        "wait_until: {step: {exec: {command: [a]}}}",
    ];
    let steps = steps(&lines);
    assert!(matches!(&steps[0].action, Action::ForEach { items: Items::List(items), name, .. }
        if items.len() == 4 && items[2].is_null() && name == "x"));
    assert!(
        matches!(&steps[1].action, Action::ForEach { items: Items::Expression(list), .. } if list == "names | sort")
    );
    assert!(matches!(&steps[2].action, Action::When { condition, steps, otherwise }
        if condition == "count > 5" && steps.len() == 1 && otherwise.len() == 2));
    assert!(matches!(&steps[3].action, Action::When { condition, .. } if condition == "true"));
    assert!(matches!(&steps[4].action, Action::Parallel { users: 100, name: Some(name), .. } if name == "n"));
    assert!(matches!(&steps[5].action, Action::WaitUntil { within, .. } if *within == secs(120)));
}

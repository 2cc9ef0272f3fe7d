//! What is said of WebSockets and events that cannot be.

use super::*;

#[test]
fn send_outside_of_a_websocket() {
    insta::assert_snapshot!(seed("- send: {text: a}"), @r"
    no WebSocket is open for this `send`
     --> soak.yaml:4:5
      |
    4 |   - send: {text: a}
      |     ^^^^
      |
      = help: write it into the steps of one: `ws: {path: /, steps: [{send: …}]}`
    ");
}

#[test]
fn await_outside_of_a_websocket() {
    insta::assert_snapshot!(seed("- repeat: {times: 2, steps: [{await: {}}]}"), @r"
    no WebSocket is open for this `await`
     --> soak.yaml:4:33
      |
    4 |   - repeat: {times: 2, steps: [{await: {}}]}
      |                                 ^^^^^
      |
      = help: write it into the steps of one: `ws: {path: /, steps: [{await: …}]}`
    ");
}

#[test]
fn ping_after_a_websocket() {
    insta::assert_snapshot!(seed("- ws: {path: /}\n  - ping: {within: 1s}"), @r"
    no WebSocket is open for this `ping`
     --> soak.yaml:5:5
      |
    5 |   - ping: {within: 1s}
      |     ^^^^
      |
      = help: write it into the steps of one: `ws: {path: /, steps: [{ping: …}]}`
    ");
}

#[test]
fn send_to_the_websocket_of_another_user() {
    insta::assert_snapshot!(seed("- ws: {path: /, steps: [{parallel: {users: 2, steps: [{send: {text: a}}]}}]}"), @r"
    the users of a `parallel` do not share the WebSocket that this `send` stands in
     --> soak.yaml:4:58
      |
    4 |   - ws: {path: /, steps: [{parallel: {users: 2, steps: [{send: {text: a}}]}}]}
      |                                                          ^^^^
      |
      = help: write a `ws` into the steps of the `parallel`: each user opens its own
    ");
}

#[test]
fn message_of_two_kinds() {
    insta::assert_snapshot!(seed("- ws: {path: /, steps: [{send: {text: a, json: b}}]}"), @r"
    a message is one thing, and this one has both `json` and `text`
     --> soak.yaml:4:28
      |
    4 |   - ws: {path: /, steps: [{send: {text: a, json: b}}]}
      |                            ^^^^
      |
      = help: keep one of them
    ");
}

#[test]
fn message_of_nothing() {
    insta::assert_snapshot!(seed("- ws: {path: /, steps: [{send: {}}]}"), @r"
    the message is empty
     --> soak.yaml:4:28
      |
    4 |   - ws: {path: /, steps: [{send: {}}]}
      |                            ^^^^
      |
      = help: add `json: …` or `text: …`
    ");
}

#[test]
fn message_that_is_text() {
    insta::assert_snapshot!(seed("- ws: {path: /, steps: [{send: hello}]}"), @r"
    `seed[0].ws.steps[0].send`: expected a mapping with `json` or `text`, found the text `hello`
     --> soak.yaml:4:34
      |
    4 |   - ws: {path: /, steps: [{send: hello}]}
      |                                  ^^^^^
      |
      = help: write a mapping with `json` or `text`
    ");
}

#[test]
fn message_with_an_unknown_key() {
    insta::assert_snapshot!(seed("- ws: {path: /, steps: [{send: {binary: a}}]}"), @r"
    unknown key `binary` in `seed[0].ws.steps[0].send`
     --> soak.yaml:4:35
      |
    4 |   - ws: {path: /, steps: [{send: {binary: a}}]}
      |                                   ^^^^^^
      |
      = help: the keys of `seed[0].ws.steps[0].send` are `json` and `text`
    ");
}

#[test]
fn awaited_message_with_an_unknown_key() {
    insta::assert_snapshot!(seed("- ws: {path: /, steps: [{await: {timeout: 5s}}]}"), @r"
    unknown key `timeout` in `seed[0].ws.steps[0].await`
     --> soak.yaml:4:36
      |
    4 |   - ws: {path: /, steps: [{await: {timeout: 5s}}]}
      |                                    ^^^^^^^
      |
      = help: the keys of `seed[0].ws.steps[0].await` are `json`, `matches`, `contains`, `within` and `capture`
    ");
}

#[test]
fn awaited_message_with_a_broken_path() {
    insta::assert_snapshot!(seed("- ws: {path: /, steps: [{await: {json: {type: a}}}]}"), @r"
    `type` is not a JSONPath: parser error, at its character 1
     --> soak.yaml:4:43
      |
    4 |   - ws: {path: /, steps: [{await: {json: {type: a}}}]}
      |                                           ^^^^
      |
      = help: it begins with `$`: did you mean `$.type`?
    ");
}

#[test]
fn pong_in_no_time() {
    insta::assert_snapshot!(seed("- ws: {path: /, steps: [{ping: {within: 0s}}]}"), @r"
    `seed[0].ws.steps[0].ping.within`: a duration of zero
     --> soak.yaml:4:43
      |
    4 |   - ws: {path: /, steps: [{ping: {within: 0s}}]}
      |                                           ^^
      |
      = help: write one that is longer, for example `5s`
    ");
}

#[test]
fn websocket_with_an_unknown_end() {
    insta::assert_snapshot!(seed("- ws: {path: /, end: dropp}"), @r"
    `seed[0].ws.end`: `dropp` is not known
     --> soak.yaml:4:24
      |
    4 |   - ws: {path: /, end: dropp}
      |                        ^^^^^
      |
      = help: did you mean `drop`? `seed[0].ws.end` is one of `close`, `drop`, `reset` and `silent`
    ");
}

#[test]
fn websocket_that_is_closed_and_silent() {
    insta::assert_snapshot!(seed("- ws: {path: /, end: drop, silent_for: 5s}"), @r"
    `silent_for` does not go with `end: drop`
     --> soak.yaml:4:30
      |
    4 |   - ws: {path: /, end: drop, silent_for: 5s}
      |                              ^^^^^^^^^^
      |
      = help: remove it, or write `end: silent`
    ");
}

#[test]
fn websocket_with_an_unknown_key() {
    insta::assert_snapshot!(seed("- ws: {path: /, protocols: [a]}"), @r"
    unknown key `protocols` in `seed[0].ws`
     --> soak.yaml:4:19
      |
    4 |   - ws: {path: /, protocols: [a]}
      |                   ^^^^^^^^^
      |
      = help: did you mean `subprotocols`? The keys of `seed[0].ws` are `port`, `path`, `tls`, `query`, `headers`, `cookies`, `auth`, `subprotocols`, `timeout`, `steps`, `end` and `silent_for`
    ");
}

#[test]
fn websocket_of_a_whole_address() {
    insta::assert_snapshot!(seed("- ws: {path: \"ws://localhost:80/ws\"}"), @r#"
    `seed[0].ws.path` is a whole address
     --> soak.yaml:4:16
      |
    4 |   - ws: {path: "ws://localhost:80/ws"}
      |                ^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: write the path alone, `/ws`; `port` says where it goes
    "#);
}

#[test]
fn websocket_without_a_path() {
    insta::assert_snapshot!(seed("- ws: {}"), @r"
    `path` is missing in `seed[0].ws`
     --> soak.yaml:4:5
      |
    4 |   - ws: {}
      |     ^^
      |
      = help: add `path: …`
    ");
}

#[test]
fn steps_of_a_websocket_that_are_a_mapping() {
    insta::assert_snapshot!(seed("- ws: {path: /, steps: {send: {text: a}}}"), @r"
    `seed[0].ws.steps`: expected a list, found a mapping
     --> soak.yaml:4:19
      |
    4 |   - ws: {path: /, steps: {send: {text: a}}}
      |                   ^^^^^
      |
      = help: write a list: begin every item with `- `
    ");
}

#[test]
fn step_within_a_websocket_that_is_unknown() {
    insta::assert_snapshot!(seed("- ws: {path: /, steps: [{recieve: {}}]}"), @r"
    unknown key `recieve` in `seed[0].ws.steps[0]`
     --> soak.yaml:4:28
      |
    4 |   - ws: {path: /, steps: [{recieve: {}}]}
      |                            ^^^^^^^
      |
      = help: the keys of `seed[0].ws.steps[0]` are `get`, `post`, `put`, `patch`, `delete`, `ws`, `send`, `await`, `ping`, `sse`, `exec`, `signal`, `restart`, `pause`, `unpause`, `sleep`, `log`, `wait_until`, `repeat`, `for_each`, `parallel`, `when`, `include` and `probe`
    ");
}

#[test]
fn no_events() {
    insta::assert_snapshot!(seed("- sse: {path: /, events: 0}"), @r"
    1 to 100000 events are read, not 0
     --> soak.yaml:4:28
      |
    4 |   - sse: {path: /, events: 0}
      |                            ^
      |
      = help: write a number from 1 to 100000
    ");
}

#[test]
fn too_many_events() {
    insta::assert_snapshot!(seed("- sse: {path: /, events: 100001}"), @r"
    1 to 100000 events are read, not 100001
     --> soak.yaml:4:28
      |
    4 |   - sse: {path: /, events: 100001}
      |                            ^^^^^^
      |
      = help: write a number from 1 to 100000
    ");
}

#[test]
fn events_with_an_unknown_key() {
    insta::assert_snapshot!(seed("- sse: {path: /, count: 3}"), @r"
    unknown key `count` in `seed[0].sse`
     --> soak.yaml:4:20
      |
    4 |   - sse: {path: /, count: 3}
      |                    ^^^^^
      |
      = help: the keys of `seed[0].sse` are `port`, `path`, `tls`, `query`, `headers`, `cookies`, `auth`, `events`, `event`, `json`, `matches`, `contains`, `within` and `capture`
    ");
}

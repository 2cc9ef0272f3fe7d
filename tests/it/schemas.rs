//! Holds the JSON Schemas of `docs/schemas` against the program, the shipped files, and files that must be refused.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use slowdrip::scenario::Overrides;
use slowdrip::{scenario, threshold};

const KINDS: [Kind; 3] = [
    Kind { name: "scenario", folder: "scenarios", nested: false, generated: scenario::schema },
    Kind { name: "thresholds", folder: "thresholds", nested: false, generated: threshold::schema },
    Kind { name: "flow", folder: "scenarios", nested: true, generated: scenario::flow_schema },
];

#[derive(Clone, Copy)]
struct Kind {
    name: &'static str,
    folder: &'static str,
    /// Its files are in the folders of that folder, beside others.
    nested: bool,
    generated: fn() -> String,
}

impl Kind {
    fn committed(self) -> PathBuf {
        root().join(format!("docs/schemas/{}.schema.json", self.name))
    }

    fn validator(self) -> jsonschema::Validator {
        let schema: Value = serde_json::from_str(&(self.generated)()).unwrap();
        jsonschema::meta::validate(&schema).unwrap_or_else(|error| panic!("{}: {error}", self.name));
        jsonschema::options().should_validate_formats(true).build(&schema).unwrap()
    }

    /// The shipped files.
    fn shipped(self) -> Vec<PathBuf> {
        let entries = |folder: &Path| -> Vec<PathBuf> {
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
        };
        let mut paths = entries(&root().join(self.folder));
        if self.nested {
            paths = paths.iter().filter(|path| path.is_dir()).flat_map(|path| entries(path)).collect();
        }
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
        paths
    }

    /// What slowdrip itself says of a text.
    fn read(self, text: &str) -> Result<(), String> {
        let path = Path::new("some.yaml");
        let environment = |_: &str| Some("a value of the environment".to_owned());
        match self.name {
            "scenario" => scenario::parse(path, text, &Overrides::default(), &environment).map(drop),
            "flow" => {
                let folder = tempfile::tempdir().unwrap();
                fs::write(folder.path().join("flow.yaml"), text).unwrap();
                // Its messages may stand within a WebSocket.
                let text = format!("{TARGET}seed: [{{ws: {{path: /, steps: [{{include: flow.yaml}}]}}}}]\n");
                let path = folder.path().join("some.yaml");
                scenario::parse(&path, &text, &Overrides::default(), &environment).map(drop)
            }
            _ => threshold::parse(path, text).map(drop),
        }
        .map_err(|error| error.to_string())
    }
}

const TARGET: &str = "name: x\ntarget: {image: x, publish: [80]}\n";

/// Flow files that are read.
const FLOWS: [&str; 23] = [
    "steps: [{delete: {path: /, query: {a: [1, b], c: ''}, tls: true, auth: {bearer: x}, json: {}}}]\n",
    "steps: [{patch: {path: /, tls: {verify: false, name: x}, auth: {basic: {user: a, password: 1}}, body: 5, redirects: 20}}]\n",
    "steps: [{post: {path: /, multipart: [{name: a, text: ''}, {name: b, text: c, filename: d, content_type: e}], retry: {}}}]\n",
    "steps: [{get: {path: /, retry: {times: 20, backoff: 1s, most: 1s, status: [429, 5xx, '503']}}}]\n",
    "steps: [{get: {path: /, expect: {status: 2xx, matches: a, latency: 1s, json: {'$.a': {at_most: 1, matches: b}}}}}]\n",
    "steps: [{get: {path: /, capture: {a: {regex: x, all: true}, b: {header: c}, d: {cookie: e}, f: {status: true, all: false}}}}]\n",
    "steps: [{ws: {path: /, subprotocols: a, steps: [{send: {text: ''}}, {await: {json: {'$.a': 1}, within: 5s}}, {ping: {}}], end: silent, silent_for: 5s}}]\n",
    "steps: [{ws: {path: /, subprotocols: [a, b], timeout: 5s, end: drop}}]\n",
    "steps: [{sse: {path: /, events: 100000, event: a, matches: b, contains: c, within: 5s, capture: {a: {json: $.a}}}}]\n",
    "steps: [{exec: {command: [x], capture: {a: {status: true}}, expect: {matches: a, latency: 1s}}}]\n",
    "steps: [{signal: {process: x, signal: sigstop, which: oldest}}]\n",
    "steps: [{restart: {}}]\n",
    "steps: [{restart: {process: x, signal: KILL, which: newest, within: 5s}}]\n",
    "steps: [{pause: {for: 5s}}]\n",
    "steps: [{pause: {}}]\n",
    "steps: [{unpause: {}}]\n",
    "steps: [{sleep: 1h 30m}]\n",
    "steps: [{log: {matches: x, within: 5s, capture: {a: {regex: b}}}}]\n",
    "steps: [{for_each: {in: [1, null, {a: b}], as: x, steps: [{probe: 5}]}}]\n",
    "steps: [{for_each: {in: '{{ a }}', as: x, steps: [{probe: a}]}}]\n",
    "steps: [{parallel: {users: 100, as: n, steps: [{sleep: 1s}]}}]\n",
    "steps: [{when: {if: true, steps: [{sleep: 1s}], else: []}}]\n",
    "steps: [{wait_until: {step: {patch: {path: /}}}}]\n",
];

/// Flow files that are refused for their form.
const BAD_FLOWS: [&str; 43] = [
    "steps: []\n",
    "step: [{sleep: 1s}]\n",
    "steps: [{delete: {path: /, json: {}, body: x}}]\n",
    "steps: [{get: {path: /, body: x}}]\n",
    "steps: [{post: {path: /, multipart: [{name: a}]}}]\n",
    "steps: [{post: {path: /, multipart: []}}]\n",
    "steps: [{get: {path: /, redirects: 21}}]\n",
    "steps: [{get: {path: /, retry: {times: 0}}}]\n",
    "steps: [{get: {path: /, retry: {tries: 1}}}]\n",
    "steps: [{get: {path: /, tls: on}}]\n",
    "steps: [{get: {path: /, tls: {x: y}}}]\n",
    "steps: [{get: {path: /, auth: {}}}]\n",
    "steps: [{get: {path: /, auth: {bearer: x, basic: {user: a, password: b}}}}]\n",
    "steps: [{get: {path: /, port: 0}}]\n",
    "steps: [{get: {path: /, expect: {status: 6xx}}}]\n",
    "steps: [{get: {path: /, capture: {x: {cookie: a, all: true}}}}]\n",
    "steps: [{get: {path: /, capture: {x: {json: $, regex: b}}}}]\n",
    "steps: [{get: {path: /, capture: {x: {status: false}}}}]\n",
    "steps: [{exec: {command: [x], capture: {x: {header: a}}}}]\n",
    "steps: [{log: {matches: x, capture: {x: {status: true}}}}]\n",
    "steps: [{ws: {path: /, end: dropp}}]\n",
    "steps: [{ws: {path: /, end: drop, silent_for: 5s}}]\n",
    "steps: [{ws: {path: /, steps: [{send: {}}]}}]\n",
    "steps: [{ws: {path: /, steps: [{send: {text: a, json: b}}]}}]\n",
    "steps: [{sse: {path: /, events: 0}}]\n",
    "steps: [{signal: {process: x, signal: SIGKIL}}]\n",
    "steps: [{signal: {signal: KILL}}]\n",
    "steps: [{signal: {process: x, which: first}}]\n",
    "steps: [{restart: {signal: KILL}}]\n",
    "steps: [{pause: {for: 5}}]\n",
    "steps: [{unpause: {for: 5s}}]\n",
    "steps: [{sleep: 5}]\n",
    "steps: [{log: {}}]\n",
    "steps: [{for_each: {in: [], as: x, steps: [{sleep: 1s}]}}]\n",
    "steps: [{for_each: {in: a, as: x, steps: [{sleep: 1s}]}}]\n",
    "steps: [{for_each: {in: [a], as: 'a b', steps: [{sleep: 1s}]}}]\n",
    "steps: [{parallel: {users: 101, steps: [{sleep: 1s}]}}]\n",
    "steps: [{when: {if: a, steps: []}}]\n",
    "steps: [{wait_until: {step: {sleep: 5s}}}]\n",
    "steps: [{include: {with: {a: b}}}]\n",
    "steps: [{probe: ''}]\n",
    "steps: [{head: {path: /}}]\n",
    "steps: [{sleep: }]\n",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn value(text: &str) -> Value {
    serde_yaml::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// What a schema finds wrong with a text, one problem on a line.
fn problems(validator: &jsonschema::Validator, text: &str) -> String {
    let value = value(text);
    let problems = validator.iter_errors(&value).map(|error| format!("{}: {error}", error.instance_path()));
    problems.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_schema_of_a_diff_is_the_committed_one() {
    let path = root().join("docs/schemas/diff.schema.json");
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == slowdrip::report::diff_schema(),
        "write it anew: slowdrip schema diff > docs/schemas/diff.schema.json"
    );
}

#[test]
fn the_committed_schemas_are_those_of_the_program() {
    for kind in KINDS {
        let path = kind.committed();
        assert!(
            fs::read_to_string(&path).is_ok_and(|committed| committed == (kind.generated)()),
            "{} is out of date: run `cargo run -- schema {} > docs/schemas/{}.schema.json`",
            path.display(),
            kind.name,
            kind.name
        );
    }
}

#[test]
fn every_shipped_file_is_of_its_schema() {
    for kind in KINDS {
        let validator = kind.validator();
        let files = kind.shipped();
        for path in &files {
            assert_eq!(problems(&validator, &fs::read_to_string(path).unwrap()), "", "{}", path.display());
        }
        assert!(!files.is_empty() || kind.nested, "{} holds no file", kind.folder);
    }
}

#[test]
fn every_shipped_file_names_its_schema_where_an_editor_looks_for_it() {
    for kind in KINDS {
        for path in kind.shipped() {
            let text = fs::read_to_string(&path).unwrap();
            let first = text.lines().next().unwrap_or_default();
            let named =
                first.strip_prefix("# yaml-language-server: $schema=").map(|to| path.parent().unwrap().join(to));
            let named = named.and_then(|path| path.canonicalize().ok());
            assert_eq!(named, kind.committed().canonicalize().ok(), "{}", path.display());
        }
    }
}

#[test]
fn what_slowdrip_reads_is_of_its_schema() {
    let thresholds = [
        "defaults: {must_detect_per_hour: 0.5, severity: warn}\nstop: fail\n",
        "events: {health: warn, restarts: fail, oom: ignore}\n",
        "classes: {fd.total: {max: '400', max_limit_ratio: 0.5, max_dead: 0, per: path, cycle: 1h 30m, required: true}}\n",
        "classes: {mem.anon: {max: 1GiB, max_vs_baseline: 1, baseline_slack: 0, settle_to: 10%, per: process}}\n",
        "classes: {mem.anon: {max: 1048576, must_detect_per_hour: 1.5 MiB}, fd.pipe: {settle_to: 3}}\n",
        "classes: {cgroup.pids: {max_limit_ratio: 0.5}, disk.layer: {max_growth_per_hour: 50MiB, per: target}}\n",
        "classes: {proc.zombie: {max_dead: 0, older_than: 60s}, proc.x: {match_cmdline: [a, 'b$'], max: 2, older_than: 5m}}\n",
        "classes: {fd.logs: {match: /logs/*.log, max: 2, per: path, settle_to: 0.5%}}\n",
        "log: [{pattern: 'Errno 24', max: 0}, {pattern: x, max_per_hour: 0.5, max_repeats_per_hour: 9, required: false}]\n",
        "acks: [{fingerprint: ab12cd34, reason: x, expires: 2027-01-31}, {fingerprint: 12345678, reason: y}]\n",
        "precedents: [{class: fd.total, cause: x}, {class: fd.eventpoll, cause: y, see: z}]\n",
    ];
    let target = TARGET;
    let scenario = [
        "vars: {memory: 4GiB, signal: SIGINT}\nname: x\ntarget: {image: x, memory: '{{ memory }}', cpus: 1.5}\nstop: {signal: '{{ signal }}'}\n".to_owned(),
        "name: x\ntarget: {image: x, publish: ['80'], ulimits: {nofile: 1024, core: {soft: -1, hard: -1}}, network: host}\n".to_owned(),
        "name: x\ntarget: {image: x, healthcheck: {test: [CMD, x], interval: 5s, retries: 1, start_period: 0s}}\n".to_owned(),
        "name: x\ntarget: {image: x, env: {A: 1, B: {from_env: C}}, volumes: [/data], tmpfs: [/tmp]}\nsidecars: {stub: {image: y, network: target}}\n".to_owned(),
        format!("{target}ready: {{http: {{path: /, status: '204'}}, within: 1h}}\n"),
        format!("{target}soak: {{duration: 25m, warmup: auto, interval: 200ms, settle: 0}}\nstop: {{signal: term, within: 5s}}\n"),
        format!("{target}seed: [{{get: {{path: /, expect: {{status: [200, 204], json: {{'$.a': null, '$.b': {{at_least: 1}}}}}}}}}}]\n"),
        format!("{target}seed: [{{post: {{path: /, json: {{a: [1, null]}}, capture: {{t: {{json: $.t}}, c: {{css: i, attr: value}}}}}}}}]\n"),
        format!("{target}after: [{{repeat: {{times: 3, as: n, steps: [{{exec: {{command: [x, 1], expect: {{exit: 0}}}}}}]}}}}]\n"),
        format!("{target}seed: [{{wait_until: {{within: 2m, every: 1s, step: {{get: {{path: /}}}}}}}}]\n"),
        format!("{target}counters: {{n: {{read: {{get: {{path: /}}}}, json: $.n, absent: 0, at_least: 10}}}}\n"),
        format!("{target}soak: {{settle: 1m}}\nsettle: [{{get: {{path: /}}}}]\nready: {{steps: [{{get: {{path: /}}}}], within: 5s}}\n"),
        format!("{target}churn: {{rate: 30/s, users: 200, jitter: 1s, setup: [{{get: {{path: /}}}}], session: fresh, start: 0s, stop: 5m, steps: [{{get: {{path: /}}}}]}}\n"),
        format!("{target}churn: {{rate: 0.5 / s, session: keep, idle_tail: 0, steps: [{{get: {{path: /}}}}]}}\n"),
        format!("{target}series: {{a: {{read: {{get: {{path: /}}}}, json: $.n, absent: 0, every: 30s, compare: fd.total}}, b: {{read: {{exec: {{command: [x]}}}}, regex: x, compare: fd.own}}}}\n"),
        format!("{target}counters: {{n: {{log: x, at_least: 1}}, m: {{read: {{delete: {{path: /}}}}, regex: 'x(1)', at_most: 0}}}}\n"),
    ];
    let scenario: Vec<&str> = scenario.iter().map(String::as_str).collect();
    for (kind, texts) in KINDS.into_iter().zip([scenario.as_slice(), thresholds.as_slice(), &FLOWS]) {
        let validator = kind.validator();
        for text in texts {
            assert_eq!(kind.read(text), Ok(()), "{text}");
            assert_eq!(problems(&validator, text), "", "{text}");
        }
    }
}

#[test]
fn what_slowdrip_refuses_for_its_form_is_not_of_its_schema() {
    let thresholds = [
        "class: {}\n",
        "stop: wran\n",
        "stop: ignore\n",
        "defaults: {must_detect_per_hour: 0}\n",
        "events: {health: no}\n",
        "events: {healthy: fail}\n",
        "classes: {fd.evenpoll: {max: 1}}\n",
        "classes: {fd.total: {maximum: 1}}\n",
        "classes: {fd.total: {severity: warn}}\n",
        "classes: {fd.total: 400}\n",
        "classes: {fd.total: {max: -1}}\n",
        "classes: {fd.total: {max: 10MiB}}\n",
        "classes: {fd.total: {max: 1, required: maybe}}\n",
        "classes: {mem.anon: {max: 10M}}\n",
        "classes: {fd.total: {max_limit_ratio: 50}}\n",
        "classes: {proc.count: {max_limit_ratio: 0.5}}\n",
        "classes: {fd.log: {max_dead: 0}}\n",
        "classes: {fd.pidfd: {max_dead: 0.5}}\n",
        "classes: {fd.total: {max: 1, older_than: 5m}}\n",
        "classes: {fd.total: {max: 1, cycle: 30}}\n",
        "classes: {fd.total: {max_vs_baseline: 0.9}}\n",
        "classes: {fd.total: {max: 1, baseline_slack: 5}}\n",
        "classes: {fd.total: {settle_to: 10MiB}}\n",
        "classes: {fd.total: {settle_to: -10%}}\n",
        "classes: {mem.anon: {max: 1GiB, per: path}}\n",
        "classes: {disk.layer: {max: 1GiB, per: process}}\n",
        "classes: {proc.count: {match_cmdline: x, max: 2}}\n",
        "classes: {fd.x: {match: /x, match_cmdline: x, max: 2}}\n",
        "classes: {FD Logs: {match: /x, max: 2}}\n",
        "log: [{pattern: x}]\n",
        "log: [{max: 0}]\n",
        "log: [{pattern: x, max: 0.5}]\n",
        "log: {pattern: x, max: 0}\n",
        "acks: [{fingerprint: ab12cd34}]\n",
        "acks: [{fingerprint: AB12CD34, reason: x}]\n",
        "acks: [{fingerprint: ab12cd34, reason: ''}]\n",
        "acks: [{fingerprint: ab12cd34, reason: x, expires: 31.01.2027}]\n",
        "acks: [{fingerprint: ab12cd34, reason: x, expires: 2027-02-30}]\n",
        "precedents: [{class: fd.total}]\n",
        "precedents: [{class: fd.total, cause: x, until: y}]\n",
    ];
    let target = TARGET;
    let scenario = [
        "target: {image: x}\n".to_owned(),
        "name: My App\ntarget: {image: x}\n".to_owned(),
        "name: x\ntarget: {}\n".to_owned(),
        "name: x\ntarget: {image: x, build: {context: x}}\n".to_owned(),
        "name: x\ntarget: {image: x, network: bridge}\n".to_owned(),
        "name: x\ntarget: {image: x, network: target}\n".to_owned(),
        "name: x\ntarget: {image: x, ulimits: {nofiles: 1}}\n".to_owned(),
        "name: x\ntarget: {image: x, publish: [0]}\n".to_owned(),
        "name: x\ntarget: {image: x, memory: 4g}\n".to_owned(),
        "name: x\ntarget: {image: x, init: maybe}\n".to_owned(),
        format!("{target}sidecars: {{stub: {{command: [x]}}}}\n"),
        format!("{target}seeds: []\n"),
        format!("{target}soak: {{duration: 30}}\n"),
        format!("{target}soak: {{durration: 30m}}\n"),
        format!("{target}stop: {{signal: SIGSTOPP}}\n"),
        format!("{target}ready: {{healthcheck: false}}\n"),
        format!("{target}ready: {{within: 5s}}\n"),
        format!("{target}seed: [{{get: {{path: /}}, post: {{path: /}}}}]\n"),
        format!("{target}seed: [{{get: {{path: /, json: {{}}}}}}]\n"),
        format!("{target}seed: [{{gett: {{path: /}}}}]\n"),
        format!("{target}seed: [{{get: {{path: /, expect: {{status: 2000}}}}}}]\n"),
        format!("{target}seed: [{{get: {{path: /, capture: {{x: {{attr: y}}}}}}}}]\n"),
        format!("{target}seed: [{{repeat: {{times: 0, steps: [{{get: {{path: /}}}}]}}}}]\n"),
        format!("{target}counters: {{n: {{read: {{get: {{path: /}}}}, json: $.n}}}}\n"),
        format!("{target}ready:\n"),
        format!("{target}churn: {{every: 60s, rate: 1/m, steps: [{{get: {{path: /}}}}]}}\n"),
        format!("{target}churn: {{steps: [{{get: {{path: /}}}}]}}\n"),
        format!("{target}churn: {{rate: 30, steps: [{{get: {{path: /}}}}]}}\n"),
        format!("{target}churn: {{every: 60s, stop: 5m, idle_tail: 5m, steps: [{{get: {{path: /}}}}]}}\n"),
        format!("{target}churn: {{every: 60s, users: 201, steps: [{{get: {{path: /}}}}]}}\n"),
        format!("{target}churn: {{every: 60s, session: new, steps: [{{get: {{path: /}}}}]}}\n"),
        format!("{target}churn: {{every: 60s, max_failed: 10, steps: [{{get: {{path: /}}}}]}}\n"),
        format!("{target}series: {{a: {{read: {{get: {{path: /}}}}}}}}\n"),
        format!("{target}series: {{a: {{read: {{ws: {{path: /}}}}, json: $.n}}}}\n"),
        format!("{target}series: {{a: {{read: {{get: {{path: /}}}}, json: $.n, compare: FD}}}}\n"),
        format!("{target}counters: {{n: {{log: x, read: {{get: {{path: /}}}}, at_least: 1}}}}\n"),
        format!("{target}counters: {{n: {{at_least: 1}}}}\n"),
        format!("{target}counters: {{n: {{read: {{sleep: 5s}}, json: $.n, at_least: 1}}}}\n"),
        format!("{target}vars: {{a: {{from_env: B, from_file: c}}}}\n"),
        format!("{target}vars: {{a: {{}}}}\n"),
    ];
    let scenario: Vec<&str> = scenario.iter().map(String::as_str).collect();
    for (kind, texts) in KINDS.into_iter().zip([scenario.as_slice(), thresholds.as_slice(), &BAD_FLOWS]) {
        let validator = kind.validator();
        for text in texts {
            assert!(kind.read(text).is_err(), "slowdrip reads it: {text}");
            assert!(!problems(&validator, text).is_empty(), "the schema takes it: {text}");
        }
    }
}

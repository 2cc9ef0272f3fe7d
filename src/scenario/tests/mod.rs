//! Scenarios read from text.

mod bad_blocks;
mod bad_captures;
mod bad_control;
mod bad_figures;
mod bad_flags;
mod bad_goals;
mod bad_includes;
mod bad_paces;
mod bad_phases;
mod bad_requests;
mod bad_secrets;
mod bad_services;
mod bad_sockets;
mod bad_steps;
mod bad_workload;
mod bad_yaml;
mod fuzz;
mod good;
mod good_includes;
mod good_steps;
mod good_workload;

use std::path::Path;

use super::*;
use crate::document::FileError;

const DESIGN: &str = r#"name: local-deep-research
target:
  build: {context: ldr, args: {LDR_VERSION: "1.10.7"}}
  env: {LDR_WEB_PORT: "5000", SECRET: {from_env: LDR_SECRET}}
  publish: [5000]
  ulimits: {nofile: 1024}
  memory: 4GiB
sidecars:
  ollama: {build: {context: stub-ollama}, network: target}
ready: {http: {port: 5000, path: /api/v1/health, status: 200}, within: 3m}
seed:
  - get:  {path: /auth/register, capture: {csrf: {css: "input[name=csrf_token]", attr: value}}}
  - post: {path: /auth/register, form: {username: "{{ user }}", csrf_token: "{{ csrf }}"}, expect: {status: 302}}
  - repeat: {times: 5, as: n, steps: [ {post: {path: /news/api/subscribe, json: {query: "topic {{ n }}"}}} ]}
soak: {duration: 30m, warmup: auto, interval: 5s, settle: 2m}
after: [ {get: {path: /, expect: {status: 200, header: {content-type: "text/html*"}}}} ]
churn: {name: research, every: 30s, steps: [ {post: {path: /research, json: {query: "topic {{ uuid() }}"}}} ]}
stop: {signal: SIGTERM, within: 20s}
thresholds: thresholds/local-deep-research.yaml
"#;

/// A folder with what the example names.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for context in ["ldr", "stub-ollama"] {
        std::fs::create_dir(folder.path().join(context)).unwrap();
        std::fs::write(folder.path().join(context).join("Dockerfile"), "FROM scratch\n").unwrap();
    }
    std::fs::create_dir(folder.path().join("thresholds")).unwrap();
    std::fs::write(folder.path().join("thresholds/local-deep-research.yaml"), "stop: warn\n").unwrap();
    folder
}

fn env(name: &str) -> Option<String> {
    match name {
        "LDR_SECRET" => Some("correct horse".to_owned()),
        "SHORT" => Some("abc".to_owned()),
        _ => None,
    }
}

fn read_with(text: &str, overrides: &Overrides) -> Result<Scenario, FileError> {
    parse(Path::new("soak.yaml"), text, overrides, &env)
}

fn read(text: &str) -> Result<Scenario, FileError> {
    read_with(text, &Overrides::default())
}

/// The whole message on a scenario that is wrong.
fn error(text: &str) -> String {
    read(text).unwrap_err().to_string()
}

/// The smallest scenario, and more.
fn with(more: &str) -> String {
    format!("name: app\ntarget: {{image: app, publish: [80]}}\n{more}")
}

/// A scenario with this target.
fn target(target: &str) -> String {
    format!("name: app\ntarget: {{{target}}}\n")
}

/// The message on a seed of this step.
fn seed(step: &str) -> String {
    error(&with(&format!("seed:\n  {step}\n")))
}

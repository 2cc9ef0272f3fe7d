//! The wire form of a scenario: what the file says, word for word. Either/or is a set of optional keys here, and becomes
//! an enum when it is resolved; untagged and internally tagged enums would lose the place of an error.

use serde::Deserialize;

use crate::document::{Either, OneOrMany, Ordered, Scalar};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a mapping of keys")]
pub(super) struct ScenarioWire {
    pub(super) name: String,
    pub(super) target: ServiceWire,
    #[serde(default)]
    pub(super) sidecars: Ordered<ServiceWire>,
    pub(super) ready: Option<ReadyWire>,
    #[serde(default)]
    pub(super) seed: Vec<StepWire>,
    pub(super) soak: Option<SoakWire>,
    pub(super) churn: Option<ChurnWire>,
    #[serde(default)]
    pub(super) after: Vec<StepWire>,
    #[serde(default)]
    pub(super) counters: Ordered<CounterWire>,
    pub(super) stop: Option<StopWire>,
    #[serde(default)]
    pub(super) vars: Ordered<Either<FromEnvWire>>,
    pub(super) thresholds: Option<String>,
}

/// The target or a sidecar; which keys go with which is checked when it is resolved.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a mapping with `build`, `image` or another kind of target")]
pub(super) struct ServiceWire {
    pub(super) build: Option<BuildWire>,
    pub(super) image: Option<Scalar>,
    pub(super) container: Option<Scalar>,
    pub(super) command: Option<Vec<Scalar>>,
    pub(super) pid: Option<Scalar>,
    pub(super) workdir: Option<Scalar>,
    #[serde(default)]
    pub(super) env: Ordered<Either<FromEnvWire>>,
    #[serde(default)]
    pub(super) publish: Vec<Scalar>,
    #[serde(default)]
    pub(super) volumes: Vec<Either<BindWire>>,
    #[serde(default)]
    pub(super) tmpfs: Vec<Scalar>,
    #[serde(default)]
    pub(super) ulimits: Ordered<Either<UlimitWire>>,
    pub(super) memory: Option<Scalar>,
    pub(super) cpus: Option<Scalar>,
    #[serde(default)]
    pub(super) init: bool,
    #[serde(default)]
    pub(super) cap_add: Vec<Scalar>,
    #[serde(default)]
    pub(super) cap_drop: Vec<Scalar>,
    pub(super) user: Option<Scalar>,
    pub(super) entrypoint: Option<Vec<Scalar>>,
    pub(super) cmd: Option<Vec<Scalar>>,
    pub(super) network: Option<Scalar>,
    pub(super) healthcheck: Option<Either<HealthcheckWire>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a mapping with `context`")]
pub(super) struct BuildWire {
    pub(super) context: Scalar,
    pub(super) dockerfile: Option<Scalar>,
    #[serde(default)]
    pub(super) args: Ordered<Scalar>,
    pub(super) target: Option<Scalar>,
    pub(super) network: Option<Scalar>,
    pub(super) cache: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FromEnvWire {
    pub(super) from_env: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BindWire {
    pub(super) host: Scalar,
    pub(super) path: Scalar,
    #[serde(default)]
    pub(super) read_only: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UlimitWire {
    pub(super) soft: i64,
    pub(super) hard: i64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HealthcheckWire {
    pub(super) test: OneOrMany<Scalar>,
    pub(super) interval: Option<Scalar>,
    pub(super) timeout: Option<Scalar>,
    pub(super) retries: Option<u32>,
    pub(super) start_period: Option<Scalar>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a mapping with `http`, `healthcheck` or `log`")]
pub(super) struct ReadyWire {
    pub(super) http: Option<ReadyHttpWire>,
    pub(super) healthcheck: Option<bool>,
    pub(super) log: Option<Scalar>,
    pub(super) within: Option<Scalar>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a mapping with `path`, `port` and `status`")]
pub(super) struct ReadyHttpWire {
    pub(super) port: Option<Scalar>,
    pub(super) path: Option<Scalar>,
    pub(super) status: Option<Scalar>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a mapping with `duration`")]
pub(super) struct SoakWire {
    pub(super) duration: Option<Scalar>,
    pub(super) warmup: Option<Scalar>,
    pub(super) interval: Option<Scalar>,
    pub(super) settle: Option<Scalar>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a mapping with `every` and `steps`")]
pub(super) struct ChurnWire {
    pub(super) name: Option<String>,
    pub(super) every: Scalar,
    pub(super) steps: Vec<StepWire>,
    pub(super) start: Option<Scalar>,
    pub(super) idle_tail: Option<Scalar>,
    pub(super) max_failed: Option<f64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a mapping with `signal` and `within`")]
pub(super) struct StopWire {
    pub(super) signal: Option<Scalar>,
    pub(super) within: Option<Scalar>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a step such as `get: {path: /}`")]
pub(super) struct StepWire {
    pub(super) get: Option<HttpWire>,
    pub(super) post: Option<HttpWire>,
    pub(super) put: Option<HttpWire>,
    pub(super) repeat: Option<RepeatWire>,
    pub(super) wait_until: Option<WaitUntilWire>,
    pub(super) exec: Option<ExecWire>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a mapping with `path`")]
pub(super) struct HttpWire {
    pub(super) port: Option<u16>,
    pub(super) path: Scalar,
    #[serde(default)]
    pub(super) headers: Ordered<Scalar>,
    #[serde(default)]
    pub(super) cookies: Ordered<Scalar>,
    pub(super) form: Option<Ordered<Scalar>>,
    pub(super) json: Option<serde_json::Value>,
    pub(super) timeout: Option<Scalar>,
    #[serde(default)]
    pub(super) capture: Ordered<CaptureWire>,
    #[serde(default)]
    pub(super) expect: HttpExpectWire,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a mapping with `times` and `steps`")]
pub(super) struct RepeatWire {
    pub(super) times: u32,
    #[serde(rename = "as")]
    pub(super) name: Option<String>,
    pub(super) steps: Vec<StepWire>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a mapping with `within`, `every` and `step`")]
pub(super) struct WaitUntilWire {
    pub(super) within: Option<Scalar>,
    pub(super) every: Option<Scalar>,
    pub(super) step: Box<StepWire>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a mapping with `command`")]
pub(super) struct ExecWire {
    #[serde(rename = "in")]
    pub(super) service: Option<String>,
    pub(super) command: Vec<Scalar>,
    pub(super) timeout: Option<Scalar>,
    #[serde(default)]
    pub(super) capture: Ordered<CaptureWire>,
    #[serde(default)]
    pub(super) expect: ExecExpectWire,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a mapping with `json` or `css`")]
pub(super) struct CaptureWire {
    pub(super) json: Option<String>,
    pub(super) css: Option<String>,
    pub(super) attr: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a mapping with `status`, `header`, `json` or `contains`")]
pub(super) struct HttpExpectWire {
    pub(super) status: Option<OneOrMany<u16>>,
    #[serde(default)]
    pub(super) header: Ordered<Scalar>,
    #[serde(default)]
    pub(super) json: Ordered<serde_json::Value>,
    pub(super) contains: Option<Scalar>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a mapping with `exit`, `json` or `contains`")]
pub(super) struct ExecExpectWire {
    pub(super) exit: Option<i64>,
    #[serde(default)]
    pub(super) json: Ordered<serde_json::Value>,
    pub(super) contains: Option<Scalar>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a mapping with `read`, `json` and `at_least` or `at_most`")]
pub(super) struct CounterWire {
    pub(super) read: StepWire,
    pub(super) json: String,
    pub(super) absent: Option<f64>,
    pub(super) at_least: Option<f64>,
    pub(super) at_most: Option<f64>,
}

//! The nouns of slowdrip: what the other modules hand to each other. Serialisable, without I/O.

pub mod cause;
pub mod class;
pub mod control;
pub mod finding;
pub mod night;
pub mod process;
pub mod reading;
pub mod redact;
pub mod run;
mod schema;
pub mod snapshot;
pub mod text;
mod workload;

pub use cause::{Cause, Confidence, PrecedentRecord, Relation};
pub use class::{FdClass, FdKind, Metric, Unit, UnknownMetric};
pub use control::{ControlError, ExecOutput, LogLine, RunningProcess, TargetControl, Which};
pub use finding::{
    AckRecord, Assessment, Carrier, CarrierKind, Estimate, Finding, RuleKind, Severity, Status, Verdict,
};
pub use night::{HistoryClass, HistoryLine, HistoryWork, Recorded, StoredNight};
pub use process::{ProcId, ProcState, ProcessFacts, ProcessSample, Role, Scope};
pub use reading::{Gap, GapReason, Reading};
pub use redact::Redactor;
pub use run::{
    BaselineRecord, Ending, EngineRecord, Event, EventKind, GateRecord, GateRole, HostRecord, KeptLine, LogRecord,
    Phase, PhaseRecord, PlanRecord, PortEnd, ProbeMode, RUN_FORMAT, RunRecord, StopRecord, TargetRecord, TermResponse,
};
pub(crate) use schema::unwrap_lines;
pub use schema::{findings_schema, history_schema, run_schema};
pub use snapshot::{
    CgroupSample, DeadHandle, DeadKind, DiskSample, FdCensus, HeldHandle, LinkCount, Observer, Snapshot, TargetSample,
    Turnover,
};
pub use workload::{ChurnRecord, CounterRecord, KeptFigure, NamedSnapshot, SeriesRecord, StepRecord};

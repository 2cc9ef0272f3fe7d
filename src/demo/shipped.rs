//! Scenarios of the demo application beside its own: each has a form that leaks, and one in which that is fixed.

/// A scenario that is part of this program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shipped {
    /// Its name, and that of its files.
    pub name: &'static str,
    /// What it is, in a line.
    pub about: &'static str,
    /// What the application does wrong in the form that leaks, see [`Fault`](super::app::Fault).
    pub fault: &'static str,
    /// `scenarios/NAME.yaml`.
    pub scenario: &'static str,
    /// `thresholds/NAME.yaml`.
    pub thresholds: &'static str,
}

impl Shipped {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self {
            name: "websocket-churn",
            about: "WebSocket sessions that are closed, dropped, reset or silent; each has a worker",
            fault: "ws-drop",
            scenario: include_str!("../../scenarios/websocket-churn.yaml"),
            thresholds: include_str!("../../thresholds/websocket-churn.yaml"),
        },
        Self {
            name: "request-churn",
            about: "requests that are each served by a thread with a database connection of its own",
            fault: "thread-connection",
            scenario: include_str!("../../scenarios/request-churn.yaml"),
            thresholds: include_str!("../../thresholds/request-churn.yaml"),
        },
        Self {
            name: "restart-cycles",
            about: "a supervised process that is started again and again, with a log",
            fault: "log-handle",
            scenario: include_str!("../../scenarios/restart-cycles.yaml"),
            thresholds: include_str!("../../thresholds/restart-cycles.yaml"),
        },
        Self {
            name: "parent-death",
            about: "a manager that is killed, and the workers below it",
            fault: "orphans",
            scenario: include_str!("../../scenarios/parent-death.yaml"),
            thresholds: include_str!("../../thresholds/parent-death.yaml"),
        },
        Self {
            name: "healthcheck-hang",
            about: "a health check that asks a path which does not answer",
            fault: "health-check",
            scenario: include_str!("../../scenarios/healthcheck-hang.yaml"),
            thresholds: include_str!("../../thresholds/healthcheck-hang.yaml"),
        },
        Self {
            name: "idle",
            about: "subscriptions that refresh by themselves, and nothing but time",
            fault: "refresh-loop",
            scenario: include_str!("../../scenarios/idle.yaml"),
            thresholds: include_str!("../../thresholds/idle.yaml"),
        },
    ];

    /// The one of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|shipped| shipped.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::app::Fault;

    #[test]
    fn each_has_a_fault_of_its_own_that_the_application_knows() {
        for (number, shipped) in Shipped::ALL.iter().enumerate() {
            let fault: Fault = shipped.fault.parse().unwrap();
            assert_ne!(fault, Fault::None);
            assert!(!Shipped::ALL[..number].iter().any(|other| other.fault == shipped.fault), "{}", shipped.fault);
        }
        assert_eq!(Shipped::ALL.len(), Fault::ALL.len() - 1);
    }

    #[test]
    fn each_file_bears_its_name_and_begins_in_the_fixed_form() {
        for shipped in Shipped::ALL {
            let scenario: serde_yaml::Value = serde_yaml::from_str(shipped.scenario).unwrap();
            assert_eq!(scenario["name"], shipped.name);
            assert_eq!(scenario["vars"]["fault"], "none", "{}", shipped.name);
            assert_eq!(scenario["thresholds"], format!("../thresholds/{}.yaml", shipped.name).as_str());
            assert!(shipped.scenario.contains(&format!("slowdrip demo {}", shipped.name)));
            assert_eq!(Shipped::named(shipped.name), Some(shipped));
        }
        assert_eq!(Shipped::named("demo"), None);
    }
}

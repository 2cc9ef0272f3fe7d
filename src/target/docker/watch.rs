//! Follows what the engine reports of the target: health, deaths, restarts. What was asked for is no death and no restart.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bollard::models::EventMessage;
use bollard::query_parameters::EventsOptionsBuilder;
use futures_util::StreamExt;

use super::Engine;
use super::restart::Live;
use crate::model::EventKind;
use crate::target::asked::{Asked, Told};
use crate::target::events::TargetEvent;

/// What is asked for. Health checks flood `exec_*`, which nobody needs.
const ACTIONS: [&str; 6] = ["die", "health_status", "kill", "oom", "restart", "start"];
/// Rest before the next try where the stream broke off.
const REST: Duration = Duration::from_secs(1);

impl Engine {
    /// Follows a container's events until it is dropped. `starts` says how many starts are still to come that are not restarts.
    pub(super) async fn watch(self, id: String, mut starts: u32, since: jiff::Timestamp, live: Arc<Live>) {
        let filters = HashMap::from([
            ("type", vec!["container".to_owned()]),
            ("container", vec![id]),
            ("event", ACTIONS.map(str::to_owned).to_vec()),
        ]);
        let mut from = since.as_nanosecond();
        loop {
            let since = format!("{}.{:09}", from.div_euclid(1_000_000_000), from.rem_euclid(1_000_000_000));
            let options = EventsOptionsBuilder::new().since(&since).filters(&filters).build();
            let mut stream = self.api.events(Some(options));
            while let Some(Ok(message)) = stream.next().await {
                if let Some(at) = message.time_nano {
                    from = from.max(i128::from(at) + 1);
                }
                if let Some(event) = event_of(&message, &mut starts, &live.asked) {
                    live.events.push(event);
                }
            }
            // The engine restarts, or the line broke: what was missed is asked for again.
            tokio::time::sleep(REST).await;
        }
    }
}

fn event_of(message: &EventMessage, starts: &mut u32, asked: &Asked) -> Option<TargetEvent> {
    let action = message.action.as_deref()?;
    let at = message
        .time_nano
        .and_then(|nanos| jiff::Timestamp::from_nanosecond(i128::from(nanos)).ok())
        .unwrap_or_else(jiff::Timestamp::now);
    let told = match action {
        "kill" => Some(Told::Kill),
        "die" => Some(Told::Die),
        "start" => Some(Told::Start),
        "restart" => Some(Told::Restart),
        _ => None,
    };
    // Whoever asked has told of it.
    if told.is_some_and(|told| asked.accounts_for(told)) {
        return None;
    }
    let attributes = message.actor.as_ref().and_then(|actor| actor.attributes.as_ref());
    let (kind, text) = match action {
        "die" => {
            let code = attributes.and_then(|attributes| attributes.get("exitCode")).map_or("unknown", String::as_str);
            (EventKind::Died, format!("the main process ended with exit code {code}"))
        }
        "oom" => (EventKind::Oom, "the kernel killed a process for its memory".to_owned()),
        "start" if *starts > 0 => {
            *starts -= 1;
            return None;
        }
        "start" => (EventKind::Restart, "the container was started again".to_owned()),
        other => {
            let status = other.strip_prefix("health_status:")?.trim();
            (EventKind::Health, format!("the health check says {status}"))
        }
    };
    Some(TargetEvent { at, kind, text })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(action: &str, starts: &mut u32) -> Option<(EventKind, String)> {
        read_with(action, starts, &Asked::default())
    }

    fn read_with(action: &str, starts: &mut u32, asked: &Asked) -> Option<(EventKind, String)> {
        let attributes = json!({"exitCode": "137"});
        let message = json!({"Action": action, "timeNano": 1_000_000_000_i64, "Actor": {"Attributes": attributes}});
        let event = event_of(&serde_json::from_value(message).unwrap(), starts, asked)?;
        assert_eq!(event.at.as_second(), 1);
        Some((event.kind, event.text))
    }

    #[test]
    fn the_first_start_is_no_restart_and_executed_commands_are_no_events() {
        let mut starts = 1;
        assert_eq!(read("start", &mut starts), None);
        assert_eq!(read("start", &mut starts).unwrap().0, EventKind::Restart);
        assert_eq!(read("exec_start: /bin/true", &mut starts), None);
        assert_eq!(read("restart", &mut starts), None);
    }

    #[test]
    fn deaths_and_health_say_how() {
        assert!(read("die", &mut 0).unwrap().1.ends_with("exit code 137"));
        assert!(read("health_status: unhealthy", &mut 0).unwrap().1.ends_with("says unhealthy"));
        assert_eq!(read("oom", &mut 0).unwrap().0, EventKind::Oom);
    }

    #[test]
    fn what_belongs_to_a_restart_that_was_asked_for_is_no_event() {
        let asked = Asked::default();
        asked.expect_restart();
        for action in ["kill", "die", "start", "restart"] {
            assert_eq!(read_with(action, &mut 0, &asked), None, "{action}");
        }
        assert_eq!(read_with("die", &mut 0, &asked).unwrap().0, EventKind::Died);
        assert_eq!(read_with("start", &mut 0, &asked).unwrap().0, EventKind::Restart);
        assert_eq!(read_with("kill", &mut 0, &asked), None);
    }
}

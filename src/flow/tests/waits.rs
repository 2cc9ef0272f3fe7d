//! Waiting, with the clock stopped.

use super::*;

fn printing(expected: &str) -> Step {
    let expect = Expect { contains: Some(expected.to_owned()), ..Expect::default() };
    ExecStep { expect, ..exec(&["status"]) }.step()
}

#[tokio::test(start_paused = true)]
async fn waits_until_the_expectation_holds_with_a_pause_between_tries() {
    let target = Fake::running(|number, _, _| Ok(output(0, if number < 4 { "busy" } else { "done" }, "")));
    let mut told = Told::new();
    let started = tokio::time::Instant::now();
    told.run(&[wait(Duration::from_secs(60), Duration::from_secs(5), printing("done"))], &target).await.unwrap();
    assert_eq!(started.elapsed().as_secs(), 15);
    assert_eq!(told.lines(), ["wait until exec: status → exit 0 at try 4 in 15 s"]);
}

#[tokio::test(start_paused = true)]
async fn shows_the_last_failure_at_the_deadline() {
    let target = Fake::running(|number, _, _| Ok(output(0, &format!("try {number}"), "")));
    let mut told = Told::new();
    let started = tokio::time::Instant::now();
    let text = told.failure(wait(Duration::from_secs(60), Duration::from_secs(25), printing("done")), &target).await;
    holds(
        &text,
        &[
            "app.yaml:30:5: exec: status: not within 1 min (4 tries): expected standard output to contain `done`",
            "try 4",
        ],
    );
    let took = started.elapsed();
    assert!(took <= Duration::from_secs(60) && took > Duration::from_secs(59), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_try_cut_short_by_the_deadline_gives_way_to_the_one_before() {
    let target = Fake { takes: Duration::from_secs(7), ..Fake::running(|_, _, _| Ok(output(0, "busy", ""))) };
    let mut told = Told::new();
    let started = tokio::time::Instant::now();
    let text = told.failure(wait(Duration::from_secs(20), Duration::from_secs(5), printing("done")), &target).await;
    holds(&text, &["not within 20 s (3 tries): expected standard output to contain `done`", "busy"]);
    assert_eq!(started.elapsed().as_secs(), 20);
    // The first try has none before it.
    let text = told.failure(wait(Duration::from_secs(3), Duration::from_secs(1), printing("done")), &target).await;
    holds(&text, &["not within 3 s (1 try): the command did not end within 3 s"]);
}

#[tokio::test(start_paused = true)]
async fn does_not_wait_for_what_cannot_come() {
    let target = Fake::running(|_, _, _| Err(ControlError::Unsupported { kind: "pid", verb: "run commands" }));
    let mut told = Told::new();
    let started = tokio::time::Instant::now();
    let text = told.failure(wait(Duration::from_secs(60), Duration::from_secs(1), printing("x")), &target).await;
    holds(&text, &["a target of kind `pid` cannot run commands"]);
    let text =
        told.failure(wait(Duration::from_secs(60), Duration::from_secs(1), exec(&["{{ x }}"]).step()), &target).await;
    holds(&text, &["`x` is not defined"]);
    assert_eq!(started.elapsed(), Duration::ZERO);
    // What may pass is tried again.
    let target = Fake::running(|number, _, _| {
        if number < 3 { Err(ControlError::Failed("the engine is busy".to_owned())) } else { Ok(output(0, "x", "")) }
    });
    told.run(&[wait(Duration::from_secs(60), Duration::from_secs(1), printing("x"))], &target).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_outer_wait_bounds_an_inner_one_and_repeats_are_named() {
    let target = Fake::running(|_, _, _| Ok(output(1, "", "")));
    let mut told = Told::new();
    let inner = wait(Duration::from_secs(600), Duration::from_secs(1), printing("x"));
    let outer = wait(Duration::from_secs(10), Duration::from_secs(1), repeat(2, Some("n"), vec![inner]));
    let started = tokio::time::Instant::now();
    let text = told.failure(outer, &target).await;
    holds(
        &text,
        &["not within 10 s (11 tries): expected exit code 0, got 1", "\n  in: turn 1 of 2 of a repeat (`n` = 1)"],
    );
    assert!(started.elapsed() <= Duration::from_secs(10), "{:?}", started.elapsed());
    assert!(told.flow.blocks.is_empty());
}

#[tokio::test]
async fn waits_for_a_server_too() {
    let target = Fake::at(server::start().await);
    let mut told = Told::new();
    let step = get("/count").finds("$.n", JsonExpect::AtLeast(3.0)).take("n", "$.n").step();
    told.run(&[wait(Duration::from_secs(30), Duration::from_millis(1), step)], &target).await.unwrap();
    assert_eq!(told.captured("n"), Some(&serde_json::json!(3)));
    holds(&told.lines()[0], &["wait until get /count → 200 at try 3 in "]);
}

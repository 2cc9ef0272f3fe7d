//! Loops, users side by side, conditions, other files.

use serde_json::json;

use super::*;
use crate::flow::StepDone;
use crate::scenario::Items;

fn for_each(items: Items, name: &str, steps: Vec<Step>) -> Step {
    at(21, Action::ForEach { items, name: name.to_owned(), steps })
}

fn parallel(users: u32, name: Option<&str>, steps: Vec<Step>) -> Step {
    at(22, Action::Parallel { users, name: name.map(str::to_owned), steps })
}

fn when(condition: &str, steps: Vec<Step>, otherwise: Vec<Step>) -> Step {
    at(23, Action::When { condition: condition.to_owned(), steps, otherwise })
}

fn include(file: &str, with: Value, steps: Vec<Step>) -> Step {
    let with = with.as_object().unwrap().iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    at(24, Action::Include { file: file.to_owned(), with, steps })
}

fn say(text: &str) -> Step {
    exec(&["say", text]).step()
}

/// What was said so far.
type Said = Arc<Mutex<Vec<String>>>;

/// A target that notes what it is told to say, and fails where the text begins with `fail`.
fn listening() -> (Fake, Said) {
    let said = Said::default();
    let noted = Arc::clone(&said);
    let target = Fake::running(move |_, _, command| {
        noted.lock().unwrap().push(command[1].clone());
        Ok(output(i64::from(command[1].starts_with("fail")), "", ""))
    });
    (target, said)
}

fn texts(said: &Said) -> Vec<String> {
    std::mem::take(&mut said.lock().unwrap())
}

#[tokio::test]
async fn steps_are_taken_for_every_item_of_a_list_and_of_an_expression() {
    let (target, said) = listening();
    let mut told = Told::new();
    told.flow.captured.insert("ids".to_owned(), json!([{"id": 7}, {"id": 8}]));
    let list = Items::List(vec![json!("{{ topic }}"), json!(2), json!({"a": "{{ topic }} {{ user }}"})]);
    let steps = [
        for_each(list, "x", vec![say("{{ x }}")]),
        for_each(Items::Expression("ids".to_owned()), "ids", vec![say("{{ ids.id }}")]),
        for_each(Items::Expression("range(2)".to_owned()), "n", vec![say("{{ n + 1 }}")]),
        for_each(Items::List(Vec::new()), "n", vec![say("never")]),
        say("{{ ids[1].id }}"),
    ];
    told.run(&steps, &target).await.unwrap();
    let user = told.flow.identity.user();
    let object = format!("{{\"a\":\"cats {user}\"}}");
    assert_eq!(texts(&said), ["cats", "2", &object, "7", "8", "1", "2", "8"]);
    holds(&told.lines()[0], &["for each x 1 step → done for 3 items in "]);

    let failing = for_each(Items::List(vec![json!(1), json!(2)]), "n", vec![say("{{ 'fail' if n == 2 else n }}")]);
    let text = told.failure(repeat(2, None, vec![failing]), &target).await;
    holds(&text, &["\n  in: turn 1 of 2 of a repeat\n  in: item 2 of 2 of a for_each (`n` = 2)"]);
    let secret = for_each(Items::List(vec![json!("hunter22")]), "password", vec![say("fail {{ password }}")]);
    let text = told.failure(secret, &target).await;
    holds(&text, &["(`password` = [secret])"]);
    assert!(!text.contains("hunter22"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn what_is_no_list_or_too_long_a_one_is_said_at_once() {
    let (target, said) = listening();
    let mut told = Told::new();
    for (expression, problem) in [
        ("topic", "for each x: `topic` is \"cats\", where a list is needed"),
        ("topics", "`topics` is not defined; did you mean `topic`?"),
        ("range(10001)", "the list has 10001 items, and 10000 are the most"),
        ("1 +", "syntax error"),
    ] {
        let step = for_each(Items::Expression(expression.to_owned()), "x", vec![say("x")]);
        let text = told.failure(wait(Duration::from_secs(60), Duration::from_secs(1), step), &target).await;
        holds(&text, &["app.yaml:21:5: ", problem]);
    }
    assert!(texts(&said).is_empty());
}

#[tokio::test]
async fn conditions_are_the_template_engines() {
    let (target, said) = listening();
    let mut told = Told::new();
    told.flow.captured.insert("n".to_owned(), json!(3));
    told.flow.captured.insert("none".to_owned(), json!([]));
    for (condition, truth) in [
        ("n == 3", true),
        ("n > 3 or topic == 'dogs'", false),
        ("none", false),
        ("topic", true),
        ("missing is defined", false),
        ("0.0", false),
        ("not none and user", true),
        ("{'a': 1}", true),
        ("''", false),
    ] {
        told.run(&[when(condition, vec![say("yes")], vec![say("no")])], &target).await.unwrap();
        assert_eq!(texts(&said), [if truth { "yes" } else { "no" }], "{condition}");
    }
    told.run(&[when("false", vec![say("yes")], Vec::new())], &target).await.unwrap();
    holds(told.lines().last().unwrap(), &["when false → it is not true; nothing to do in "]);
    let text = told.failure(when("missing", Vec::new(), Vec::new()), &target).await;
    holds(&text, &["app.yaml:23:5: when missing: ", "`missing` is not defined"]);
    let text = told.failure(when("n ==", Vec::new(), Vec::new()), &target).await;
    holds(&text, &["syntax error"]);
}

#[tokio::test]
async fn an_included_file_knows_its_own_values_and_failures_name_the_chain() {
    let (target, said) = listening();
    let mut told = Told::new();
    let inner =
        include("b.yaml", json!({"topic": "{{ topic }}!", "n": "{{ n + 1 }}"}), vec![say("{{ topic }} {{ n }}")]);
    let steps =
        [include("a.yaml", json!({"topic": "dogs", "n": 1}), vec![say("{{ topic }}"), inner]), say("{{ topic }}")];
    told.run(&steps, &target).await.unwrap();
    assert_eq!(texts(&said), ["dogs", "dogs! 2", "cats"]);

    let inner = Step {
        file: "a.yaml".into(),
        ..include("b.yaml", json!({}), vec![Step { file: "b.yaml".into(), ..say("fail") }])
    };
    let text = told.failure(include("a.yaml", json!({}), vec![inner]), &target).await;
    holds(
        &text,
        &[
            "b.yaml:30:5: exec: say fail: ",
            "\n  in: a.yaml, included at app.yaml:24:5\n  in: b.yaml, included at a.yaml:24:5",
        ],
    );
    let text = told.failure(include("a.yaml", json!({"x": "{{ nope }}"}), vec![say("x")]), &target).await;
    holds(&text, &["include a.yaml: ", "`nope` is not defined"]);
    // Its values are gone with it.
    let text = told.failure(say("{{ n }}"), &target).await;
    holds(&text, &["`n` is not defined"]);
}

#[tokio::test]
async fn the_innermost_block_gives_a_name_its_value() {
    let (target, said) = listening();
    let mut told = Told::new();
    told.flow.tell("n", json!("told"));
    told.flow.captured.insert("n".to_owned(), json!("captured"));
    let each = for_each(
        Items::List(vec![json!("item")]),
        "n",
        vec![say("{{ n }}"), repeat(1, Some("n"), vec![say("{{ n }}")])],
    );
    let steps = [say("{{ n }}"), repeat(1, Some("n"), vec![each, say("{{ n }}")]), say("{{ n }}")];
    told.run(&steps, &target).await.unwrap();
    assert_eq!(texts(&said), ["told", "item", "1", "1", "told"]);
}

#[tokio::test(start_paused = true)]
async fn users_work_at_once_each_with_a_name_and_a_number_of_their_own() {
    let (target, said) = listening();
    let target = Fake { takes: Duration::from_secs(10), ..target };
    let mut told = Told::new();
    let started = tokio::time::Instant::now();
    let steps = repeat(2, Some("turn"), vec![parallel(5, Some("n"), vec![say("{{ turn }} {{ n }} {{ user }}")])]);
    told.run(&[steps], &target).await.unwrap();
    assert_eq!(started.elapsed().as_secs(), 20);
    let texts = texts(&said);
    let mut users: Vec<&str> = texts.iter().map(|text| text.split(' ').nth(2).unwrap()).collect();
    users.push(&told.flow.words["user"]);
    users.sort_unstable();
    users.dedup();
    assert_eq!(users.len(), 11, "two turns are not the same users: {texts:?}");
    for turn in 1..=2 {
        for n in 1..=5 {
            assert!(texts.iter().any(|text| text.starts_with(&format!("{turn} {n} "))), "{texts:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_first_failure_of_a_user_is_told_and_the_others_are_let_to_their_end() {
    let (target, said) = listening();
    let target = Fake { takes: Duration::from_secs(1), ..target };
    let mut told = Told::new();
    let fails = |condition: &str| {
        parallel(
            4,
            Some("n"),
            vec![
                when("n == 3", vec![say("first")], vec![say("first"), say("second")]),
                when(condition, vec![say("fail {{ n }}")], vec![say("fine {{ n }}")]),
            ],
        )
    };
    let text = told.failure(fails("n > 1"), &target).await;
    holds(
        &text,
        &[
            "exec: say 'fail 3': user 3 of 4 (3 of them failed): expected exit code 0, got 1",
            "\n  in: user 3 of 4 of a parallel (`n` = 3)",
        ],
    );
    let mut texts = texts(&said);
    texts.retain(|text| text.starts_with("f") && !text.starts_with("first"));
    texts.sort();
    assert_eq!(texts, ["fail 2", "fail 3", "fail 4", "fine 1"]);
    let text = told.failure(fails("n == 2"), &target).await;
    holds(&text, &["user 2 of 4: expected exit code 0, got 1"]);
}

#[tokio::test]
async fn an_observer_is_told_of_every_step_and_how_deep_it_is() {
    let (target, _) = listening();
    let mut told = Told::new();
    let seen: Said = Said::default();
    let noted = Arc::clone(&seen);
    told.flow.observe(Some(Arc::new(move |done: &StepDone<'_>| {
        noted.lock().unwrap().push(format!("{} {} {} {}", done.depth, done.what, done.said, done.failed));
    })));
    let steps = [
        say("a"),
        repeat(1, None, vec![when("true", vec![say("b"), parallel(1, None, vec![say("c")])], Vec::new())]),
        include("a.yaml", json!({}), vec![for_each(Items::List(vec![json!(1)]), "x", vec![say("d")])]),
        wait(Duration::from_secs(1), Duration::from_secs(1), say("e")),
        say("fail"),
    ];
    told.run(&steps, &target).await.unwrap_err();
    assert_eq!(
        texts(&seen),
        [
            "0 exec: say a exit 0 false",
            "2 exec: say b exit 0 false",
            "3 exec: say c exit 0 false",
            "2 exec: say d exit 0 false",
            "1 exec: say e exit 0 false",
            "0 exec: say fail expected exit code 0, got 1 true",
        ]
    );
    assert_eq!(told.flow.depth, 0);
    told.flow.observe(None);
    told.run(&[say("f")], &target).await.unwrap();
    assert!(texts(&seen).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_deadline_reaches_through_every_block() {
    let target = Fake { takes: Duration::from_secs(3600), ..Fake::running(|_, _, _| Ok(output(0, "", ""))) };
    let mut told = Told::new();
    for step in [
        for_each(Items::List(vec![json!(1)]), "x", vec![say("x")]),
        parallel(3, None, vec![say("x")]),
        when("true", vec![say("x")], Vec::new()),
        include("a.yaml", json!({}), vec![repeat(2, None, vec![say("x")])]),
    ] {
        let started = tokio::time::Instant::now();
        let text = told.failure(wait(Duration::from_secs(5), Duration::from_secs(1), step), &target).await;
        holds(&text, &["not within 5 s (1 try): ", "the command did not end within 5 s"]);
        assert_eq!(started.elapsed().as_secs(), 5);
    }
}

#[tokio::test]
async fn a_run_that_was_cut_off_leaves_nothing_to_the_next() {
    let (target, said) = listening();
    let never = Fake { takes: Duration::from_secs(3600), ..Fake::running(|_, _, _| Ok(output(0, "", ""))) };
    let mut told = Told::new();
    let inner = repeat(3, Some("n"), vec![include("a.yaml", json!({"x": 1}), vec![say("x")])]);
    let cut = tokio::time::timeout(Duration::from_millis(20), told.run(&[inner], &never)).await;
    assert!(cut.is_err());
    assert_eq!((told.flow.depth, told.flow.blocks.len()), (0, 0));
    told.run(&[say("{{ n is defined }}")], &target).await.unwrap();
    assert_eq!(texts(&said), ["false"]);
}

#[tokio::test]
async fn a_million_turns_that_do_nothing_are_soon_over_and_can_be_cut_off() {
    let (target, _) = listening();
    let mut told = Told::new();
    let turns = repeat(1_000_000, Some("n"), vec![when("n < 0", vec![say("x")], Vec::new())]);
    let steps = [turns];
    let cut = tokio::time::timeout(Duration::from_millis(50), told.run(&steps, &target)).await;
    assert!(cut.is_err(), "the clock has its turn");
}

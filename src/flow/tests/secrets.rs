//! Nothing that is a secret is ever shown.

use serde_json::json;

use super::*;

#[tokio::test]
async fn secrets_are_masked_in_failures_and_told_to_the_shared_redactor() {
    let target = Fake::at(server::start().await);
    let mut told = Told::new();
    let password = told.flow.words["password"].clone();
    let steps = [
        get("/login").take_css("csrf", "input[name=csrf_token]", Some("value")).step(),
        form("/login", &[("csrf_token", "{{ csrf }}"), ("password", "{{ password }}"), ("confirm", "{{ password }}")])
            .step(),
        get("/me").take("token", "$.access_token").step(),
    ];
    told.run(&steps, &target).await.unwrap();
    let step = json(
        "/error?api_key=key-in-query",
        json!({"password": "hunter22", "note": "{{ password }}", "n": {"auth": "abc"}}),
    )
    .header("X-CSRFToken", "{{ csrf }}")
    .header("Authorization", "Bearer bear-1234")
    .cookie("tiny", "t1")
    .step();
    let text = told.failure(step, &target).await;
    let secrets = [
        password.as_str(),
        server::CSRF,
        server::SESSION,
        "acc-55aa",
        "hunter22",
        "bear-1234",
        "key-in-query",
        "t1;",
        "\"abc\"",
        "anonymous-9",
    ];
    for secret in secrets {
        assert!(!text.contains(secret), "{secret} is shown:\n{text}");
    }
    holds(
        &text,
        &[
            "post /error?api_key=[secret]: expected",
            "x-csrftoken: [secret]",
            "authorization: [secret]",
            "cookie: sid=[secret]; visitor=[secret]; tiny=[secret]",
            r#"{"password":"[secret]","note":"[secret]","n":{"auth":"[secret]"}}"#,
            "captured before: csrf = [secret], token = [secret]",
        ],
    );
    for secret in &secrets[..7] {
        assert_eq!(told.redactor.mask(secret), "[secret]", "{secret}");
    }
    assert!(!format!("{:?}", told.flow).contains(&password));
}

#[tokio::test]
async fn what_an_answer_brings_is_masked_though_nobody_captured_it() {
    let target = Fake::at(server::start().await);
    let mut told = Told::new();
    let text = told.failure(get("/login").status(500).step(), &target).await;
    assert!(!text.contains(server::CSRF_IN_PAGE) && !text.contains("anonymous-9"), "{text}");
    holds(&text, &["value=\"[secret]\"", "set-cookie: visitor=[secret]; Path=/"]);
    let text = told.failure(get("/old").status(200).step(), &target).await;
    holds(&text, &["location: /error?token=[secret]"]);
    let step = json("/echo", json!({"session": "fresh-one"})).finds("$.json.session", JsonExpect::Equals(json!("x")));
    holds(&told.failure(step.step(), &target).await, &["expected $.json.session to be \"x\", found \"[secret]\""]);
}

#[tokio::test]
async fn progress_and_command_lines_are_masked_too() {
    let target = Fake::running(|_, _, _| Ok(output(0, "ok", "")));
    let mut scenario = scenario();
    scenario.secrets.push("from-the-environment".to_owned());
    scenario.vars.insert("api_token".to_owned(), "tok-from-set".to_owned());
    let mut told = Told::of(&scenario);
    let steps = [
        exec(&["login", "--password=opensesame", "--token", "second-one", "{{ password }}", "{{ api_token }}"]).step(),
        exec(&["echo", "from-the-environment"]).step(),
    ];
    told.run(&steps, &target).await.unwrap();
    let lines = told.lines();
    holds(&lines[0], &["exec: login --password=[secret] --token [secret] [secret] [secret] → exit 0"]);
    holds(&lines[1], &["exec: echo [secret] → exit 0"]);
    let target = Fake::running(|_, _, _| Ok(output(1, "opensesame", "second-one")));
    let text = told.failure(steps[0].clone(), &target).await;
    for secret in ["opensesame", "second-one", "tok-from-set"] {
        assert!(!text.contains(secret), "{text}");
    }
}

#[tokio::test]
async fn a_secret_is_not_shown_in_half_where_a_text_is_cut() {
    let target = Fake::at(server::start().await);
    let mut told = Told::new();
    let secret = "S".repeat(400);
    let body = format!("{}{secret}{}", "x".repeat(1900), "y".repeat(200));
    let step = form("/error", &[("filler", &body), ("token", &secret)]).step();
    let text = told.failure(step, &target).await;
    assert!(!text.contains("SSSS"), "{text}");
}

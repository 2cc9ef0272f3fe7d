//! Users made of a user.

use serde_json::json;

use super::*;

async fn cookies(flow: &mut Flow, target: &Fake) -> Value {
    let step = get("/echo").take("headers", "$.headers").step();
    flow.run(&[step], target, &|_| {}).await.unwrap();
    flow.captured["headers"]["cookie"].clone()
}

#[tokio::test]
async fn a_fork_is_somebody_else_and_a_twin_is_the_same() {
    let target = Fake::at(server::start().await);
    let mut told = Told::new();
    told.flow.captured.insert("id".to_owned(), json!(7));
    told.flow.tell("iteration", json!(3));
    told.run(&[get("/login").step()], &target).await.unwrap();
    let mut twin = told.flow.twin().unwrap();
    let mut fork = told.flow.fork("user 2").unwrap();
    let same = told.flow.fork("user 2").unwrap();
    let other = told.flow.fork("user 3").unwrap();

    assert_eq!(twin.words, told.flow.words);
    assert_ne!(fork.words, told.flow.words);
    assert_eq!(fork.words, same.words, "the label and the seed decide");
    assert_ne!(fork.words, other.words);
    for flow in [&mut twin, &mut fork] {
        let words = flow.words.clone();
        assert_eq!((&flow.captured["id"], &flow.told["iteration"]), (&json!(7), &json!(3)));
        let expected = json!(format!("{} {} {{{{ id }}}} {{{{ iteration }}}}", words["user"], words["password"]));
        let step = json("/echo", json!("{{ user }} {{ password() }} {{ id }} {{ iteration }}"))
            .finds("$.json", JsonExpect::Equals(expected));
        flow.run(&[step.step()], &target, &|_| {}).await.unwrap();
    }
    assert_eq!(cookies(&mut twin, &target).await, json!("visitor=anonymous-9"));
    assert_eq!(cookies(&mut fork, &target).await, Value::Null);
    // A cookie that one twin gets the other has; captures stay apart.
    fork.run(&[get("/login").step()], &target, &|_| {}).await.unwrap();
    twin.run(&[get("/count").take("id", "$.n").step()], &target, &|_| {}).await.unwrap();
    assert_eq!(told.captured("id"), Some(&json!(7)));
    assert_eq!(told.redactor.mask(&fork.words["password"]), "[secret]");
}

#[tokio::test]
async fn a_user_goes_back_to_what_they_had() {
    let target = Fake::at(server::start().await);
    let mut told = Told::new();
    told.run(&[get("/count").take("n", "$.n").step()], &target).await.unwrap();
    let memory = told.flow.memory();
    assert!(format!("{memory:?}").contains("\"n\"") && !format!("{memory:?}").contains("Number"), "{memory:?}");
    let user = told.flow.words.clone();
    let steps = [get("/login").take_css("csrf", "input", Some("value")).step(), get("/count").take("n", "$.n").step()];
    told.run(&steps, &target).await.unwrap();
    assert_eq!(cookies(&mut told.flow, &target).await, json!("visitor=anonymous-9"));
    told.flow.go_back(&memory);
    assert_eq!(told.captured("n"), Some(&json!(1)));
    assert_eq!(told.captured("csrf"), None);
    assert_eq!(cookies(&mut told.flow, &target).await, Value::Null);
    assert_eq!(told.flow.words, user, "nobody becomes somebody else");
}

#[tokio::test]
async fn what_is_told_is_told_anew() {
    let target = Fake::at(server::start().await);
    let mut told = Told::new();
    for n in 1..=2 {
        told.flow.tell("iteration", json!(n));
        let step = json("/echo", json!("{{ iteration }}")).finds("$.json", JsonExpect::Equals(json!(n)));
        told.run(&[step.step()], &target).await.unwrap();
    }
}

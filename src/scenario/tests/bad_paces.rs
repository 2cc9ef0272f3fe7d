//! What is said of paces and users that cannot be meant.

use super::*;

/// The message on a churn of one step with this beside it.
fn churn(more: &str) -> String {
    error(&with(&format!("churn:\n  steps: [{{get: {{path: /}}}}]\n  {more}\n")))
}

#[test]
fn churn_with_two_paces() {
    insta::assert_snapshot!(churn("every: 60s\n  rate: 1/m"), @r"
    both `every` and `rate` say how often
     --> soak.yaml:6:3
      |
    6 |   rate: 1/m
      |   ^^^^
      |
      = help: keep one of them: `every` is said of each user, `rate` of all together
    ");
}

#[test]
fn churn_at_a_rate_without_a_time() {
    insta::assert_snapshot!(churn("rate: 30"), @r"
    `churn.rate`: `30` is not a rate
     --> soak.yaml:5:9
      |
    5 |   rate: 30
      |         ^^
      |
      = help: write a number above zero in a second, minute or hour: `30/m`
    ");
}

#[test]
fn churn_at_a_rate_per_day() {
    insta::assert_snapshot!(churn("rate: 30/d"), @r"
    `churn.rate`: `30/d` is not a rate
     --> soak.yaml:5:9
      |
    5 |   rate: 30/d
      |         ^^^^
      |
      = help: write a number above zero in a second, minute or hour: `30/m`
    ");
}

#[test]
fn churn_at_a_rate_of_nothing() {
    insta::assert_snapshot!(churn("rate: 0/m"), @r"
    `churn.rate`: `0/m` is not a rate
     --> soak.yaml:5:9
      |
    5 |   rate: 0/m
      |         ^^^
      |
      = help: write a number above zero in a second, minute or hour: `30/m`
    ");
}

#[test]
fn churn_at_a_rate_that_one_user_cannot_keep() {
    insta::assert_snapshot!(churn("rate: 20/s"), @r"
    `churn.rate`: `20/s` is too much for 1 user
     --> soak.yaml:5:9
      |
    5 |   rate: 20/s
      |         ^^^^
      |
      = help: a user begins at most 10 iterations in a second; write a lower rate, or more `users`
    ");
}

#[test]
fn churn_at_a_rate_of_ages() {
    insta::assert_snapshot!(churn("rate: 0.1/h"), @r"
    no iteration would begin within the duration of 30m
     --> soak.yaml:5:9
      |
    5 |   rate: 0.1/h
      |         ^^^^^
      |
      = help: the first begins `start` and `every` after the begin of the soak, and none in the `idle_tail`
    ");
}

#[test]
fn churn_of_nobody() {
    insta::assert_snapshot!(churn("every: 60s\n  users: 0"), @r"
    a churn has 1 to 200 users, not 0
     --> soak.yaml:6:10
      |
    6 |   users: 0
      |          ^
      |
      = help: write a number from 1 to 200
    ");
}

#[test]
fn churn_of_a_crowd() {
    insta::assert_snapshot!(churn("every: 60s\n  users: 201"), @r"
    a churn has 1 to 200 users, not 201
     --> soak.yaml:6:10
      |
    6 |   users: 201
      |          ^^^
      |
      = help: write a number from 1 to 200
    ");
}

#[test]
fn churn_whose_jitter_is_longer_than_its_pace() {
    insta::assert_snapshot!(churn("rate: 30/m\n  jitter: 5s"), @r"
    the jitter of 5s is not shorter than the 2s from one iteration of a user to the next
     --> soak.yaml:6:11
      |
    6 |   jitter: 5s
      |           ^^
      |
      = help: write a shorter `jitter`, or let more time be in between
    ");
}

#[test]
fn churn_with_an_unknown_session() {
    insta::assert_snapshot!(churn("every: 60s\n  session: new"), @r"
    `churn.session`: `new` is not known
     --> soak.yaml:6:12
      |
    6 |   session: new
      |            ^^^
      |
      = help: `churn.session` is one of `keep` and `fresh`
    ");
}

#[test]
fn churn_with_two_ends() {
    insta::assert_snapshot!(churn("every: 60s\n  stop: 20m\n  idle_tail: 5m"), @r"
    both `stop` and `idle_tail` say when it ends
     --> soak.yaml:6:3
      |
    6 |   stop: 20m
      |   ^^^^
      |
      = help: keep one of them: `stop` counts from the begin of the soak, `idle_tail` from its end
    ");
}

#[test]
fn churn_that_stops_before_it_starts() {
    insta::assert_snapshot!(churn("every: 60s\n  start: 10m\n  stop: 5m"), @r"
    a stop after 5m leaves nothing of a start after 10m
     --> soak.yaml:7:9
      |
    7 |   stop: 5m
      |         ^^
      |
      = help: write a later `stop`, or an earlier `start`
    ");
}

#[test]
fn churn_that_stops_after_the_end() {
    insta::assert_snapshot!(churn("every: 60s\n  stop: 31m"), @r"
    a stop after 31m lies behind the end of the soak, 30m
     --> soak.yaml:6:9
      |
    6 |   stop: 31m
      |         ^^^
      |
      = help: write an earlier `stop`, or remove it
    ");
}

#[test]
fn churn_whose_setup_is_wrong() {
    insta::assert_snapshot!(churn("every: 60s\n  setup: [{get: {pth: /}}]"), @r"
    unknown key `pth` in `churn.setup[0].get`
     --> soak.yaml:6:18
      |
    6 |   setup: [{get: {pth: /}}]
      |                  ^^^
      |
      = help: did you mean `path`? The keys of `churn.setup[0].get` are `port`, `path`, `tls`, `query`, `headers`, `cookies`, `auth`, `form`, `json`, `body`, `body_file`, `multipart`, `redirects`, `timeout`, `retry`, `capture` and `expect`
    ");
}

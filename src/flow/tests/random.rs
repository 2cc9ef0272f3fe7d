//! Values that are made up: other ones from call to call, the same ones from run to run of one seed.

use super::raw::says;
use super::*;

const CALLS: &str = "/{{ uuid() }}/{{ text(8) }}/{{ number(1, 1000000) }}/{{ choice(range(1000)) }}/{{ uuid('mine') }}";

fn seeded(seed: u64) -> Flow {
    Flow::new(&scenario(), Arc::new(Redactor::new()), seed).unwrap()
}

/// What a user asks for in three steps.
async fn asks(flow: &mut Flow) -> Vec<String> {
    let server = raw::serve(|_, _| says("200 OK", &[], "")).await;
    let steps = [get(CALLS).step(), get(CALLS).step(), get("/{{ user() }}/{{ password() }}").step()];
    flow.run(&steps, &Fake::at(server.address), &|_| {}).await.unwrap();
    server.requests().iter().map(|request| raw::asked(request)).collect()
}

#[tokio::test]
async fn one_seed_is_one_run_and_calls_differ_within_it() {
    let (one, again, other) = (asks(&mut seeded(7)).await, asks(&mut seeded(7)).await, asks(&mut seeded(8)).await);
    assert_eq!(one, again);
    let parts = |asked: &str| asked.split('/').skip(1).map(str::to_owned).collect::<Vec<_>>();
    let (first, second, elsewhere) = (parts(&one[0]), parts(&one[1]), parts(&other[0]));
    for place in 0..3 {
        assert_ne!(first[place], second[place]);
        assert_ne!(first[place], elsewhere[place]);
    }
    assert_eq!(first[4], second[4]);
    assert_ne!(first[4], elsewhere[4]);
    assert_ne!(one[2], other[2]);
}

#[tokio::test]
async fn users_beside_each_other_make_up_values_of_their_own() {
    let mut one = seeded(7);
    let (mut fork, mut twin) = (one.fork("2").unwrap(), one.twin().unwrap());
    let (first, forked, twinned) = (asks(&mut one).await, asks(&mut fork).await, asks(&mut twin).await);
    assert!(first.iter().all(|asked| !forked.contains(asked)));
    // The same name, password and labels, and other values beside them.
    assert_eq!(first[2], twinned[2]);
    assert_ne!(first[0], twinned[0]);
    assert_eq!(first[0].rsplit('/').next(), twinned[0].rsplit('/').next());
    // And so they do in the next run.
    let mut next = seeded(7);
    let (mut fork, mut twin) = (next.fork("2").unwrap(), next.twin().unwrap());
    assert_eq!((asks(&mut next).await, asks(&mut fork).await, asks(&mut twin).await), (first, forked, twinned));
}

#[tokio::test]
async fn going_back_forgets_cookies_and_captures_and_draws_no_value_twice() {
    let mut flow = seeded(7);
    let memory = flow.memory();
    let first = asks(&mut flow).await;
    flow.go_back(&memory);
    let second = asks(&mut flow).await;
    assert!(first[..2].iter().all(|asked| !second.contains(asked)));
}

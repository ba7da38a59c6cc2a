//! A call may be dropped wherever it waits: the state after that is as if it had completed or never begun. Each public async
//! call is dropped at each place where it is pending, without faults and when its first request is lost or refused.

mod calls;
mod stage;
mod waits;

use std::{collections::BTreeSet, time::Duration};

use docr::RateBudget as _;

use self::{
    calls::{CASES, Case, file_budget},
    stage::{Done, Scene, Stage, Weather, drop_at, runtime, settled, wanted_credentials},
};

/// More often than any call is pending.
const NEVER: usize = 100_000;

/// What a call does when nobody drops it.
struct Whole {
    /// What was in the sandbox on the way.
    states: BTreeSet<String>,
    /// Whether it changes anything, or credentials do.
    changes: bool,
    /// How many credentials are live in the end.
    live: usize,
}

impl Whole {
    fn of(case: &Case, scene: &Scene, weather: Weather) -> Self {
        let stage = scene.begin();
        runtime().block_on(async {
            let call = (case.prepare)(stage.clone()).await;
            let live = scene.live();
            let states = scene.note_states();
            scene.befall(weather);
            let end = drop_at(NEVER, call).await.expect("it ends");
            if weather == Weather::Calm {
                end.unwrap_or_else(|error| panic!("{}: {error}", case.name));
            }
            settled().await;
            let mut states = std::mem::take(&mut *states.lock().unwrap());
            states.insert(scene.state());
            Self {
                changes: states.len() > 1 || scene.live() != live,
                states,
                live: scene.live(),
            }
        })
    }
}

/// Drops a call when it is pending for the n-th time, and checks what it leaves. `false` if it has ended before.
fn was_dropped(case: &Case, scene: &Scene, weather: Weather, n: usize, whole: &Whole) -> bool {
    let place = format!("{}, {weather:?}, dropped at {n}", case.name);
    let stage = scene.begin();
    runtime().block_on(async {
        let call = (case.prepare)(stage.clone()).await;
        settled().await;
        let (before, live_before) = (scene.state(), scene.live());
        scene.befall(weather);
        let was_dropped = drop_at(n, call).await.is_none();
        settled().await;
        let after = scene.state();
        assert!(
            after == before || whole.states.contains(&after),
            "{place}: it is neither as it was nor as it would be\n{before}\n{after}"
        );
        let (live, is_kept) = (scene.live(), stage.has_kept());
        assert!(!is_kept || live > 0, "{place}: what is kept was revoked");
        let may_hold = case.name.starts_with("Credential");
        let held = usize::from(may_hold);
        // Of what was minted and lost on its way nobody knows.
        let most = live_before.max(held).max(whole.live);
        assert!(
            live <= most,
            "{place}: {live} credentials are live, not {most}"
        );

        scene.calm_down();
        let probed = drop_at(NEVER, probe(&stage, may_hold)).await;
        let probed = probed.expect("it ends");
        probed.unwrap_or_else(|error| panic!("{place}, and then: {error}"));
        // One in the file and one in the cache, unless one was lost on its way.
        let most = if weather == Weather::Calm { 2 } else { 3 };
        assert!(
            !may_hold || scene.live() <= most,
            "{place}: what is held was minted again"
        );
        was_dropped
    })
}

/// Uses what the dropped call has used: locks, caches and budgets.
async fn probe(stage: &Stage, with_credentials: bool) -> Done {
    stage.registries().options().await?;
    file_budget(stage)
        .acquire(&stage.clock(), Duration::from_secs(120))
        .await?;
    if with_credentials {
        let registry = stage.registry();
        stage.files.get(&registry, wanted_credentials()).await?;
        stage.cache.get().await?;
    }
    Ok(())
}

#[allow(clippy::print_stdout, reason = "the figures are for people")]
fn drop_everywhere(weather: Weather) {
    let scene = Scene::new();
    let (mut calls, mut drops) = (0, 0);
    for case in CASES {
        let whole = Whole::of(case, &scene, weather);
        // What only reads is repeated the same way whatever the fault.
        if weather == Weather::Calm || whole.changes {
            calls += 1;
            let places = (1..).take_while(|n| was_dropped(case, &scene, weather, *n, &whole));
            drops += places.count();
        }
    }
    println!("{calls} calls were dropped at {drops} places");
    assert!(
        calls > 20 && drops > 3 * calls,
        "{calls} calls at {drops} places"
    );
}

#[test]
fn a_call_that_is_dropped_has_ended_or_never_begun() {
    drop_everywhere(Weather::Calm);
}

#[test]
fn so_it_has_when_its_first_response_is_lost() {
    drop_everywhere(Weather::Lost);
}

#[test]
fn so_it_has_when_its_first_request_is_refused_for_the_moment() {
    drop_everywhere(Weather::Busy);
}

#[test]
fn no_public_async_call_is_left_out() {
    let listing = include_str!("../../../crates/docr/public-api.txt");
    // What a trait asks for is called on the types that have it, and of this type there is no value.
    let is_left_out = |name: &String| {
        let (of, _) = name.split_once("::").unwrap();
        let is_trait =
            |line: &str| line.ends_with(&format!("::{of}")) || line.contains(&format!("::{of}: "));
        of == "NoReader"
            || listing
                .lines()
                .any(|line| line.starts_with("pub trait") && is_trait(line))
    };
    let public: BTreeSet<_> = listing.lines().filter_map(async_call).collect();
    let public: Vec<_> = public
        .into_iter()
        .filter(|name| !is_left_out(name))
        .collect();
    let dropped: Vec<_> = CASES.iter().map(|case| case.name).collect();
    assert_eq!(dropped, public);
}

/// The type and the name of a function that returns a future.
fn async_call(line: &str) -> Option<String> {
    const FUTURES: [&str; 3] = ["BudgetFuture", "TokenFuture", "BoxFuture"];
    let (is_async, signature) = match line.strip_prefix("pub async fn ") {
        Some(signature) => (true, signature),
        None => (false, line.strip_prefix("pub fn ")?),
    };
    let returned = signature
        .rsplit_once(" -> ")
        .map_or("", |(_, returned)| returned);
    let is_future = FUTURES.iter().any(|future| returned.contains(future));
    let mut depth = 0;
    let is_plain = |letter: &char| {
        depth += i32::from(*letter == '<');
        let is_plain = depth == 0;
        depth -= i32::from(*letter == '>');
        is_plain
    };
    let path: String = signature
        .chars()
        .filter(is_plain)
        .take_while(|letter| *letter != '(')
        .collect();
    let name: Vec<_> = path.rsplit("::").take(2).collect();
    (is_async || is_future).then(|| format!("{}::{}", name[1], name[0]))
}

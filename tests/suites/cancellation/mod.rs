//! A call may be dropped wherever it waits: it has then completed or never begun. Each public async call is dropped wherever
//! it is pending: undisturbed, with its first response lost, and with its first request refused.

mod calls;
mod stage;
mod waits;

use std::{collections::BTreeSet, time::Duration};

use docr::RateBudget as _;

use self::{
    calls::{CASES, Case, file_budget},
    stage::{Disruption, Done, Scene, Stage, drop_at, runtime, settled, wanted_credentials},
};

/// More often than any call is pending.
const NEVER: usize = 100_000;

/// What a call does when it is not dropped.
struct Completed {
    /// The states of the sandbox along the way.
    states: BTreeSet<String>,
    /// Whether it changes the state or the credentials.
    changes: bool,
    /// How many credentials are live at the end.
    live: usize,
}

impl Completed {
    fn of(case: &Case, scene: &Scene, disruption: Disruption) -> Self {
        let stage = scene.begin();
        runtime().block_on(async {
            let call = (case.prepare)(stage.clone()).await;
            let live = scene.live();
            let states = scene.record_states();
            scene.disrupt(disruption);
            let end = drop_at(NEVER, call).await.expect("the call completes");
            if disruption == Disruption::None {
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

/// Drops a call when it is pending for the n-th time, and checks what it leaves. `false` if it completed before that.
fn was_dropped(
    case: &Case,
    scene: &Scene,
    disruption: Disruption,
    n: usize,
    completed: &Completed,
) -> bool {
    let place = format!("{}, disruption {disruption:?}, dropped at {n}", case.name);
    let stage = scene.begin();
    runtime().block_on(async {
        let call = (case.prepare)(stage.clone()).await;
        settled().await;
        let (before, live_before) = (scene.state(), scene.live());
        scene.disrupt(disruption);
        let was_dropped = drop_at(n, call).await.is_none();
        settled().await;
        let after = scene.state();
        assert!(
            after == before || completed.states.contains(&after),
            "{place}: neither the state before nor one of the completed call\n{before}\n{after}"
        );
        let (live, is_kept) = (scene.live(), stage.has_kept());
        assert!(
            !is_kept || live > 0,
            "{place}: the stored credential was revoked"
        );
        let may_hold = case.name.starts_with("Credential");
        let held = usize::from(may_hold);
        // A credential in a lost response can't be revoked.
        let most = live_before.max(held).max(completed.live);
        assert!(
            live <= most,
            "{place}: {live} credentials are live, more than {most}"
        );

        scene.clear_faults();
        let probed = drop_at(NEVER, probe(&stage, may_hold)).await;
        let probed = probed.expect("the probe completes");
        probed.unwrap_or_else(|error| panic!("{place}: the probe failed: {error}"));
        // One in the file and one in the cache, and one that may have been lost.
        let most = match disruption {
            Disruption::None => 2,
            _ => 3,
        };
        assert!(
            !may_hold || scene.live() <= most,
            "{place}: a held credential was minted again"
        );
        was_dropped
    })
}

/// Uses what the dropped call used: locks, caches and budgets.
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
fn drop_everywhere(disruption: Disruption) {
    let scene = Scene::new();
    let (mut calls, mut drops) = (0, 0);
    for case in CASES {
        let completed = Completed::of(case, &scene, disruption);
        // A read is retried in the same way whatever the fault.
        if disruption == Disruption::None || completed.changes {
            calls += 1;
            let is_dropped = |n: &usize| was_dropped(case, &scene, disruption, *n, &completed);
            drops += (1..).take_while(is_dropped).count();
        }
    }
    println!("{calls} calls were dropped at {drops} places");
    assert!(
        calls > 20 && drops > 3 * calls,
        "{calls} calls at {drops} places"
    );
}

#[test]
fn a_dropped_call_has_completed_or_never_begun() {
    drop_everywhere(Disruption::None);
}

#[test]
fn a_dropped_call_with_a_lost_response_has_completed_or_never_begun() {
    drop_everywhere(Disruption::LostResponse);
}

#[test]
fn a_dropped_call_with_a_refused_request_has_completed_or_never_begun() {
    drop_everywhere(Disruption::Refusal);
}

#[test]
fn no_public_async_call_is_left_out() {
    let listing = include_str!("../../../crates/docr/public-api.txt");
    // Methods of traits are called on the types that implement them, and `NoReader` has no value.
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

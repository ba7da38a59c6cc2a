//! Calls that are dropped while they wait for a retry, a turn or the next item.

use std::{sync::Arc, time::Duration};

use docr::{FileBudget, LocalBudget, ManualClock, RateBudget, RetryBudget, Secret};
use docr_sandbox::{Fault, ScriptedResponse};
use docr_tests::sandbox::{TOKEN, noon};

use super::{
    NEVER,
    calls::run,
    stage::{Hesitant, Scene, drop_at, runtime},
};

/// Makes a budget, with a directory for its files.
type MakeBudget = fn(&std::path::Path) -> Arc<dyn RateBudget>;

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn a_retry_that_is_dropped_before_it_is_sent_costs_nothing() {
    let scene = Scene::new();
    runtime().block_on(async {
        let stage = scene.begin();
        let busy = || Fault::response(ScriptedResponse::html(503, "<h1>Busy</h1>"));
        let once = RetryBudget::of(1);
        let registries = { stage.registries() }.with(|calls| calls.retry_budget(once));
        // Only the first attempt is sent, and the wait after it begins.
        for _ in 0..3 {
            stage.sandbox.add_fault(busy().times(1)).unwrap();
            let mut place = 0;
            while stage.sandbox.faults()[0].applied == 0 {
                place += 1;
                stage.sandbox.forget_rates();
                assert!(drop_at(place, registries.options()).await.is_none());
            }
            stage.sandbox.clear_faults();
        }
        stage.sandbox.add_fault(busy().times(1)).unwrap();
        registries.options().await.unwrap();
    });
}

#[test]
fn a_caller_that_gives_up_waiting_takes_no_turn_and_blocks_nobody() {
    let directory = tempfile::tempdir().unwrap();
    let budgets: [MakeBudget; 2] = [
        |_| Arc::new(LocalBudget::new()),
        |directory| {
            Arc::new(FileBudget::new(
                directory.join("budgets"),
                &Secret::from(TOKEN),
            ))
        },
    ];
    for budget in budgets {
        for place in 1.. {
            let budget = budget(&directory.path().join(place.to_string()));
            let clock = Hesitant(Arc::new(ManualClock::at(noon())));
            let was_dropped = runtime().block_on(async {
                for _ in 0..249 {
                    budget.record(&clock).await;
                }
                let first = drop_at(place, budget.acquire(&clock, 2 * MINUTE)).await;
                let second = budget.acquire(&clock, 2 * MINUTE);
                drop_at(NEVER, second)
                    .await
                    .expect("the budget is free")
                    .unwrap();
                first.is_none()
            });
            // No turn is taken twice.
            let waited = docr::Clock::monotonic(&clock);
            assert!(
                waited <= MINUTE + Duration::from_secs(1),
                "{place}: {waited:?}"
            );
            if !was_dropped {
                break;
            }
        }
    }
}

/// Reads a stream to its end, and drops each `next` wherever it is pending.
macro_rules! read_dropping {
    ($stream:expr) => {{
        let mut stream = $stream;
        let mut read = Vec::new();
        loop {
            match drop_at(1, stream.next()).await {
                Some(Some(item)) => read.push(format!("{:?}", item.unwrap())),
                Some(None) => break read,
                // Lets tasks of the stream run.
                None => tokio::task::yield_now().await,
            }
        }
    }};
}

/// Reads a stream to its end.
macro_rules! read {
    ($stream:expr) => {{
        let mut stream = $stream;
        let mut read = Vec::new();
        while let Some(item) = stream.next().await {
            read.push(format!("{:?}", item.unwrap()));
        }
        read
    }};
}

#[test]
fn a_stream_continues_where_it_was_after_a_dropped_next() {
    let scene = Scene::new();
    runtime().block_on(async {
        let stage = scene.begin();
        let tags = || stage.repository().tags().per_page(1);
        let whole = read!(tags().items());
        assert_eq!(whole.len(), 2);
        assert_eq!(read_dropping!(tags().items()), whole);
        assert_eq!(read_dropping!(tags().pages()), read!(tags().pages()));
        let all = stage.registry().usage().await.unwrap();
        let storage = || stage.registry().read_storage(all.clone());
        assert_eq!(read_dropping!(storage()), read!(storage()));
        let stage = scene.begin();
        let run = run(&stage).await;
        let whole = read!(stage.runs().watch(&run));
        let stage = scene.begin();
        let run = super::calls::run(&stage).await;
        assert_eq!(read_dropping!(stage.runs().watch(&run)), whole);
    });
}

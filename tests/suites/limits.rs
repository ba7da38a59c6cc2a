//! Rate limit, budget and pacing, with the sandbox's limits, on a clock that client and sandbox share.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use docr::{
    BudgetFuture, Client, Clock, FileBudget, LocalBudget, ManualClock, NoTurn, ObservedResponse,
    RateBudget, Secret,
};
use docr_sandbox::{Sandbox, ScriptedResponse};
use docr_tests::{
    calls::Subjects,
    raw_server::RawServer,
    sandbox::{Checked, TOKEN, client_at, noon, shared_clock, sharing, start},
};

fn refused(sandbox: &Sandbox) -> usize {
    sandbox
        .requests()
        .iter()
        .filter(|request| request.status == 429)
        .count()
}

#[tokio::test]
async fn paced_calls_never_exceed_the_limit_per_minute() {
    let (sandbox, clock) = start().await;
    let docr = sharing(&sandbox, &clock).paced();
    for _ in 0..600 {
        docr.registries().options().await.unwrap();
    }
    assert_eq!(refused(&sandbox), 0);
    let took = clock.now() - noon();
    // 250 at once, 250 a minute later, and the last 100 after another minute.
    assert!((120..=125).contains(&took.num_seconds()), "{took}");
}

#[tokio::test]
async fn two_paced_programs_with_one_token_are_rarely_refused() {
    let (sandbox, clock) = start().await;
    let (one, other) = (
        sharing(&sandbox, &clock).paced(),
        sharing(&sandbox, &clock).paced(),
    );
    for _ in 0..400 {
        one.registries().options().await.unwrap();
        other.registries().options().await.unwrap();
    }
    let share = refused(&sandbox) as f64 / sandbox.requests().len() as f64;
    assert!(share < 0.02, "{share}");
}

#[tokio::test]
async fn calls_without_pacing_wait_as_requested_and_succeed() {
    let (sandbox, clock) = start().await;
    let docr = sharing(&sandbox, &clock);
    for _ in 0..300 {
        docr.registries().options().await.unwrap();
    }
    assert_eq!(refused(&sandbox), 1, "one refusal, and its wait is kept");
    assert_eq!((clock.now() - noon()).num_seconds(), 60);
}

#[tokio::test]
async fn an_outage_costs_a_client_a_bounded_number_of_retries() {
    let server =
        RawServer::responding_with_body("503 Service Unavailable", "text/html", "down").await;
    let docr = client_at(server.url(), TOKEN);
    let mut retries = 0;
    for _ in 0..50 {
        let error = docr.registries().list().all().await.unwrap_err();
        assert!(error.is_server_error() && !error.is_ambiguous());
        retries += error.attempts() - 1;
        assert_eq!(
            error.attempts() == 1,
            error.elapsed() == Duration::ZERO,
            "{error}"
        );
    }
    assert_eq!(retries, 20);
    assert_eq!(server.requests().len(), 70);
}

/// Two clients make 600 requests in turn. Returns the seconds that took, and the number of refused requests.
async fn two_clients(budgets: [Arc<dyn RateBudget>; 2]) -> (i64, usize) {
    let (sandbox, clock) = start().await;
    let clients = budgets.map(|budget| {
        let builder = Client::builder().base_url(sandbox.url()).token(TOKEN);
        let builder = builder.clock(shared_clock(&clock)).rate_budget(budget);
        builder.build().unwrap()
    });
    for _ in 0..300 {
        for docr in &clients {
            docr.registries().options().await.unwrap();
        }
    }
    ((clock.now() - noon()).num_seconds(), refused(&sandbox))
}

#[tokio::test]
async fn clients_that_share_a_budget_never_exceed_the_limit() {
    let budget = Arc::new(LocalBudget::new());
    let (took, refused) = two_clients([budget.clone(), budget]).await;
    assert_eq!(refused, 0);
    assert!((120..=125).contains(&took), "{took}");
}

#[tokio::test]
async fn processes_that_share_a_file_never_exceed_the_limit() {
    let directory = tempfile::tempdir().unwrap();
    // Two budgets, as in two processes.
    let budget = || -> Arc<dyn RateBudget> {
        let directory = directory.path().join("budgets");
        Arc::new(FileBudget::new(directory, &Secret::from(TOKEN)))
    };
    let (took, refused) = two_clients([budget(), budget()]).await;
    assert_eq!(refused, 0);
    assert!((120..=125).contains(&took), "{took}");
}

/// Logs its calls, and grants a number of turns.
#[derive(Debug, Default)]
struct LoggingBudget {
    events: Mutex<Vec<String>>,
    turns: usize,
}

impl LoggingBudget {
    fn log(&self, event: String) -> usize {
        let mut events = self.events.lock().unwrap();
        events.push(event);
        events.iter().filter(|event| *event == "turn").count()
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.events.lock().unwrap())
    }
}

impl RateBudget for LoggingBudget {
    fn acquire<'a>(
        &'a self,
        _: &'a dyn Clock,
        _: Duration,
    ) -> BudgetFuture<'a, Result<(), NoTurn>> {
        let is_used_up = self.log("turn".into()) > self.turns;
        Box::pin(async move {
            match is_used_up {
                true => Err(NoTurn::Unavailable("it is down".into())),
                false => Ok(()),
            }
        })
    }

    fn record<'a>(&'a self, _: &'a dyn Clock) -> BudgetFuture<'a, ()> {
        self.log("no turn".into());
        Box::pin(async {})
    }

    fn observe<'a>(&'a self, _: &'a dyn Clock, response: ObservedResponse) -> BudgetFuture<'a, ()> {
        let remaining = response.rate_limit.map(|limit| limit.remaining);
        self.log(format!(
            "{}: {remaining:?}, {:?}",
            response.status, response.pause
        ));
        Box::pin(async {})
    }
}

fn logged(turns: usize, sandbox: &Checked) -> (Arc<LoggingBudget>, Client) {
    let budget = Arc::new(LoggingBudget {
        turns,
        ..LoggingBudget::default()
    });
    let builder = Client::builder().base_url(sandbox.url()).token(TOKEN);
    let builder = builder.clock(Arc::new(ManualClock::at(noon())));
    (budget.clone(), builder.rate_budget(budget).build().unwrap())
}

#[tokio::test]
async fn a_budget_grants_each_attempt_and_observes_each_response() {
    let (sandbox, _) = start().await;
    let (budget, docr) = logged(9, &sandbox);
    let refusal = ScriptedResponse::status(429).header("retry-after", "7");
    sandbox
        .respond_next("registries_get_options", refusal)
        .unwrap();
    docr.registries().options().await.unwrap();
    let events = budget.take();
    let [first, refused, second, served] = &events[..] else {
        panic!("{events:?}");
    };
    assert_eq!([first, second], ["turn"; 2]);
    assert!(
        refused.starts_with("429: ") && refused.ends_with("Some(7s)"),
        "{events:?}"
    );
    assert_eq!(served, "200: Some(4998), None");
    let unpaced = docr.with(|calls| calls.paced(false));
    unpaced.registries().options().await.unwrap();
    assert_eq!(budget.take(), ["no turn", "200: Some(4997), None"]);
    let missing = Subjects::default().certificate;
    let error = docr.certificates().get(&missing).await.unwrap_err();
    assert!(error.is_not_found());
    assert_eq!(budget.take(), ["turn", "404: Some(4996), None"]);
}

#[tokio::test]
async fn without_a_turn_a_call_fails_and_sends_nothing() {
    let (sandbox, _) = start().await;
    let (_, docr) = logged(0, &sandbox);
    let error = docr.registries().options().await.unwrap_err();
    assert!(error.is_rate_budget_unavailable(), "{error:?}");
    assert_eq!((error.attempts(), error.retry_at()), (0, None));
    assert!(format!("{error:?}").contains("it is down"), "{error:?}");
    assert!(sandbox.requests().is_empty());
}

//! Progress of deletions: a progress bar, and an audit log on request.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result};
use docr::{
    ErrorKind,
    retention::{Deletion, ObserveRetention, RetentionPlan, RetentionStep},
};
use serde::Serialize;

use crate::{
    interrupt::{Interrupt, is_output_closed},
    output::{Output, Progress, Waits},
};

/// Shows the progress of deletions, logs them, and interrupts when the output is closed.
pub(super) struct Deleting {
    progress: Progress,
    waits: Waits,
    registry: String,
    log: Option<(PathBuf, File)>,
    interrupt: Interrupt,
}

/// A line of the log. Only the line after a deletion has an outcome.
#[derive(Serialize)]
struct Line<'a> {
    time: String,
    event: &'static str,
    registry: &'a str,
    #[serde(flatten)]
    deletion: &'a Deletion,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<&'a docr::retention::Outcome>,
}

impl Deleting {
    pub(super) fn new(
        plan: &RetentionPlan,
        output: &Output,
        log: Option<&Path>,
        interrupt: &Interrupt,
    ) -> Result<Self> {
        let log = log.map(|path| {
            let mut options = OpenOptions::new();
            let file = options.create(true).append(true).open(path);
            let file = file.with_context(|| format!("the audit log {}", path.display()))?;
            Ok::<_, anyhow::Error>((path.to_owned(), file))
        });
        Ok(Self {
            progress: output.counted("deleting", plan.deletions.len()),
            waits: output.waits().clone(),
            registry: plan.registry.clone(),
            log: log.transpose()?,
            interrupt: interrupt.clone(),
        })
    }

    fn write(
        &mut self,
        event: &'static str,
        deletion: &Deletion,
        outcome: Option<&docr::retention::Outcome>,
    ) -> io::Result<()> {
        let Some((path, file)) = &mut self.log else {
            return Ok(());
        };
        let line = Line {
            // By this machine's clock, like any other log.
            time: docr::Clock::now(&docr::SystemClock)
                .to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
            event,
            registry: &self.registry,
            deletion,
            outcome,
        };
        let mut line = serde_json::to_vec(&line)?;
        line.push(b'\n');
        let written = file.write_all(&line).and_then(|()| file.sync_data());
        written
            .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))
    }
}

impl ObserveRetention for Deleting {
    fn begins(&mut self, deletion: &Deletion) -> io::Result<()> {
        self.write("begin", deletion, None)
    }

    fn ended(&mut self, step: &RetentionStep) {
        // If writing fails, the report has it, and no further deletion starts.
        let _ = self.write("end", &step.deletion, Some(&step.outcome));
        self.progress.advance(step.to_string());
        if is_output_closed() {
            self.interrupt.stop();
        }
    }

    fn waits(&mut self, duration: Duration) {
        self.waits.begin(duration, Some(ErrorKind::RateLimited));
    }
}

//! What calls look like from outside: `cargo run -p docr --example telemetry`.
//!
//! Spans go through OpenTelemetry to an exporter that prints them; in your program it would be that of your collector.
//! Attempts are counted in a metric. The calls go to a sandbox inside this program.

// Examples print what they do.
#![allow(clippy::print_stdout)]

use std::error::Error;

use docr::Client;
use docr_sandbox::{Sandbox, ScriptedResponse};
use opentelemetry::{KeyValue, metrics::MeterProvider as _, trace::TracerProvider as _};
use opentelemetry_sdk::{metrics::SdkMeterProvider, trace::SdkTracerProvider};
use tracing_subscriber::layer::SubscriberExt as _;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let traces = SdkTracerProvider::builder()
        .with_simple_exporter(opentelemetry_stdout::SpanExporter::default())
        .build();
    let to_traces = tracing_opentelemetry::layer().with_tracer(traces.tracer("telemetry"));
    // The spans of this crate alone: HTTP libraries emit many more.
    let own = tracing_subscriber::filter::Targets::new().with_target("docr", tracing::Level::DEBUG);
    let subscriber = tracing_subscriber::registry().with(own).with(to_traces);
    tracing::subscriber::set_global_default(subscriber)?;

    let metrics = SdkMeterProvider::builder()
        .with_periodic_exporter(opentelemetry_stdout::MetricExporter::default())
        .build();
    let attempts = metrics
        .meter("telemetry")
        .u64_counter("docr.attempts")
        .build();

    let sandbox = Sandbox::start().await?;
    let docr = Client::builder()
        .base_url(sandbox.url())
        .token(sandbox.token())
        .on_attempt(move |attempt| {
            let outcome = attempt.error.map_or("success", |kind| kind.as_str());
            let operation = attempt.operation.unwrap_or("other");
            let labels = [
                KeyValue::new("operation", operation),
                KeyValue::new("outcome", outcome),
            ];
            attempts.add(1, &labels);
        })
        .build()?;

    // The first attempt fails, the second one succeeds.
    sandbox.respond_next("registries_get_options", ScriptedResponse::status(503))?;
    let options = docr.registries().options().await?;
    println!("{} regions\n", options.available_regions.len());

    traces.shutdown()?;
    metrics.shutdown()?;
    Ok(())
}

//! The report as metrics, in Prometheus's text exposition format.

use std::fmt::Write as _;

use super::report::Report;

/// A family of gauges.
struct Family<'a> {
    name: &'static str,
    help: &'static str,
    samples: Vec<Sample<'a>>,
}

struct Sample<'a> {
    labels: Vec<(&'static str, &'a str)>,
    value: f64,
}

/// The metrics. Unknown values have no sample.
pub(super) fn metrics(report: &Report) -> String {
    let rows = report.rows();
    let registry = ("registry", report.registry.as_str());
    let account = |value: Option<u64>| gauge(vec![("tier", report.tier.as_str())], value);
    let of_registry = |value| gauge(vec![registry], value);
    let by_repository = |value: fn(&super::report::Row) -> Option<u64>| {
        let samples = rows.iter().flat_map(|row| {
            gauge(
                vec![registry, ("repository", row.name.as_str())],
                value(row),
            )
        });
        samples.collect()
    };
    let measured_at = report
        .measured_at
        .map(|time| time.timestamp_micros() as f64 / 1e6);
    let families = [
        Family {
            name: "docr_account_storage_bytes",
            help: "Bytes stored in all registries of the account, as the service last measured them.",
            samples: account(Some(report.storage.used)),
        },
        Family {
            name: "docr_account_storage_included_bytes",
            help: "Bytes that the subscription tier includes.",
            samples: account(report.storage.included),
        },
        Family {
            name: "docr_account_repositories",
            help: "Repositories in all registries of the account.",
            samples: account(Some(report.repositories.used)),
        },
        Family {
            name: "docr_account_repositories_included",
            help: "Repositories that the subscription tier includes; absent if their number is unlimited.",
            samples: account(report.repositories.included),
        },
        Family {
            name: "docr_registry_storage_bytes",
            help: "Bytes stored in the registry, as the service last measured them.",
            samples: of_registry(report.measured),
        },
        Family {
            name: "docr_registry_storage_measured_timestamp_seconds",
            help: "When the service last measured the bytes stored in the registry.",
            samples: measured_at
                .map(|value| Sample {
                    labels: vec![registry],
                    value,
                })
                .into_iter()
                .collect(),
        },
        Family {
            name: "docr_registry_repositories",
            help: "Repositories in the registry.",
            samples: of_registry(Some(rows.len() as u64)),
        },
        Family {
            name: "docr_repository_storage_bytes",
            help: "Size of the repository's blobs, each counted once; without --deep only for repositories with at most one image.",
            samples: by_repository(|row| row.bytes),
        },
        Family {
            name: "docr_repository_storage_least_bytes",
            help: "Lower bound of the repository's size: without --deep the size of its newest image.",
            samples: by_repository(|row| Some(row.at_least_bytes)),
        },
        Family {
            name: "docr_repository_tags",
            help: "Tags in the repository.",
            samples: by_repository(|row| row.tags),
        },
        Family {
            name: "docr_repository_manifests",
            help: "Manifests in the repository, tagged or not.",
            samples: by_repository(|row| row.manifests),
        },
    ];
    let mut text = String::new();
    for family in families.iter().filter(|family| !family.samples.is_empty()) {
        family.write(&mut text);
    }
    text
}

fn gauge<'a>(labels: Vec<(&'static str, &'a str)>, value: Option<u64>) -> Vec<Sample<'a>> {
    let value = value.map(|value| value as f64);
    value
        .map(|value| Sample { labels, value })
        .into_iter()
        .collect()
}

impl Family<'_> {
    fn write(&self, text: &mut String) {
        let Self { name, help, .. } = self;
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge");
        for sample in &self.samples {
            let labels: Vec<_> = sample
                .labels
                .iter()
                .map(|(label, value)| format!("{label}=\"{}\"", escaped(value)))
                .collect();
            let _ = writeln!(text, "{name}{{{}}} {}", labels.join(","), sample.value);
        }
    }
}

/// Escapes the value of a label. Of all control characters the format only has an escape for line breaks.
fn escaped(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for character in value.chars() {
        match character {
            '\\' => text.push_str(r"\\"),
            '"' => text.push_str("\\\""),
            '\n' => text.push_str(r"\n"),
            control if control.is_control() => text.push(char::REPLACEMENT_CHARACTER),
            plain => text.push(plain),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_escaped_by_the_rules_of_the_format() {
        assert_eq!(escaped("shop/api"), "shop/api");
        assert_eq!(
            escaped("a\\b\"c\nd\u{1b}[2Kü"),
            "a\\\\b\\\"c\\nd\u{fffd}[2Kü"
        );
    }

    #[test]
    fn large_numbers_are_written_without_an_exponent() {
        let mut text = String::new();
        let family = Family {
            name: "docr_registry_storage_bytes",
            help: "Bytes.",
            samples: gauge(vec![("registry", "acme")], Some(107_374_182_400)),
        };
        family.write(&mut text);
        let expected = "# HELP docr_registry_storage_bytes Bytes.\n\
                        # TYPE docr_registry_storage_bytes gauge\n\
                        docr_registry_storage_bytes{registry=\"acme\"} 107374182400\n";
        assert_eq!(text, expected);
    }
}

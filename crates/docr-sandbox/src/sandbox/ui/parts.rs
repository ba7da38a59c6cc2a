//! The pieces that pages are made of.

use chrono::{DateTime, SecondsFormat, Utc};
use maud::{Markup, html};

use super::visit::Visit;
use crate::storage::Algorithm;

/// A time, readable by people and programs.
pub(super) fn time(time: DateTime<Utc>) -> Markup {
    let exact = time.to_rfc3339_opts(SecondsFormat::Millis, true);
    html! { time datetime=(exact) title=(exact) { (time.format("%Y-%m-%d %H:%M:%S UTC").to_string()) } }
}

/// A size in binary units.
pub(super) fn bytes(bytes: u64) -> Markup {
    html! { span.number title={ (bytes) " bytes" } { (in_units(bytes)) } }
}

pub(super) fn in_units(bytes: u64) -> String {
    const UNITS: [&str; 7] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let unit = (bytes.checked_ilog2().unwrap_or(0) / 10) as usize;
    if unit == 0 {
        return format!("{bytes} B");
    }
    // Tenths, rounded down: never 1024.0.
    let tenths = (u128::from(bytes) * 10) >> (10 * unit);
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
}

/// A shortened digest.
pub(super) fn digest(digest: &str) -> Markup {
    const SHOWN: usize = 12;
    match digest.split_once(':') {
        Some((algorithm, hex)) if Algorithm::of(digest).is_some() => html! {
            code.digest title=(digest) { (algorithm) ":" (&hex[..SHOWN]) "…" }
        },
        _ => html! { code { (digest) } },
    }
}

/// Usage of a limit, as a bar.
pub(super) fn bar(used: u64, most: u64, label: &str) -> Markup {
    let (most, high) = (most.max(1), most.max(1).saturating_mul(9) / 10);
    html! {
        meter min="0" max=(most) high=(high) optimum="0" value=(used.min(most)) aria-label=(label) title=(label) {
            (label)
        }
    }
}

/// A share of a whole, as a bar.
pub(super) fn share(part: u64, whole: u64) -> Markup {
    let whole = whole.max(1);
    // HTML numbers are floats, exact only up to a limit.
    let percent = u128::from(part) * 100 / u128::from(whole);
    let label = format!("{percent} %");
    html! { meter min="0" max=(whole) value=(part.min(whole)) aria-label=(label) title=(label) { (label) } }
}

#[derive(Clone, Copy)]
pub(super) enum Tone {
    Good,
    Busy,
    Bad,
    Plain,
}

/// A highlighted word.
pub(super) fn badge(tone: Tone, text: &str) -> Markup {
    let class = match tone {
        Tone::Good => "good",
        Tone::Busy => "busy",
        Tone::Bad => "bad",
        Tone::Plain => "plain",
    };
    html! { span class={ "badge " (class) } { (text) } }
}

/// A number and what it counts, with a plural `s` unless it is 1.
pub(super) fn count(number: usize, one: &str) -> String {
    match number {
        1 => format!("1 {one}"),
        _ => format!("{number} {one}s"),
    }
}

/// A table. On a narrow screen each row becomes a list with its headings beside the values.
pub(super) fn table<const N: usize>(
    caption: &str,
    heads: [&str; N],
    rows: impl IntoIterator<Item = [Markup; N]>,
) -> Markup {
    html! {
        table {
            caption { (caption) }
            thead { tr { @for head in heads { th scope="col" { (head) } } } }
            tbody {
                @for row in rows {
                    tr {
                        @for (head, cell) in heads.iter().zip(row) {
                            td data-head=(head) { div { (cell) } }
                        }
                    }
                }
            }
        }
    }
}

/// Text to copy into a shell or a program.
pub(super) fn command(text: &str) -> Markup {
    html! { pre tabindex="0" { code { (text) } } }
}

/// A part of a list that is too long for one page.
#[derive(Clone, Copy)]
pub(super) struct Pages {
    key: &'static str,
    pub(super) offset: usize,
    pub(super) size: usize,
}

impl Pages {
    /// The page with the number in the query's `key`, of this size.
    pub(super) fn asked(visit: &Visit<'_>, key: &'static str, size: usize) -> Self {
        let number: usize = visit.asked(key).parse().unwrap_or(1);
        Self {
            key,
            offset: number.saturating_sub(1).saturating_mul(size),
            size,
        }
    }

    pub(super) fn of<T>(self, items: impl Iterator<Item = T>) -> impl Iterator<Item = T> {
        items.skip(self.offset).take(self.size)
    }

    /// Links to the pages before and after, if there are any.
    pub(super) fn links(self, visit: &Visit<'_>, total: usize) -> Markup {
        let last = total.div_ceil(self.size).max(1);
        let number = self.offset / self.size + 1;
        let link = |number: usize, text: &str| {
            html! { li { a href=(visit.address_with(self.key, &number.to_string())) { (text) } } }
        };
        html! {
            @if last > 1 || number > last {
                nav.pages aria-label="Parts of the list" {
                    ul {
                        @if number > 1 {
                            (link(1, "First"))
                            (link((number - 1).min(last), "Previous"))
                        }
                        li { "Page " (number) " of " (last) ", " (total) " in all" }
                        @if number < last {
                            (link(number + 1, "Next"))
                            (link(last, "Last"))
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_in_binary_units_and_never_rounded_up() {
        for (size, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1536, "1.5 KiB"),
            ((1 << 20) - 1, "1023.9 KiB"),
            (100 << 30, "100.0 GiB"),
            (u64::MAX, "15.9 EiB"),
        ] {
            assert_eq!(in_units(size), text);
        }
    }

    #[test]
    fn a_shortened_digest_has_the_whole_one_as_its_title() {
        let whole = format!("sha256:{}", "a".repeat(64));
        let html = digest(&whole).into_string();
        assert!(html.contains(&format!("title=\"{whole}\"")));
        assert!(html.contains(">sha256:aaaaaaaaaaaa…<"), "{html}");
        // What is no digest is shown as it is.
        let odd = digest("<é:éééééééééééééé>").into_string();
        assert!(odd.contains("&lt;é:éééééééééééééé&gt;"), "{odd}");
    }
}

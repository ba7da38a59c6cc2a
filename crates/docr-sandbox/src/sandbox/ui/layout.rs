//! What all pages have in common.

use std::time::Duration;

use maud::{DOCTYPE, Markup, html};

use super::parts::time;
use super::visit::{ROOT, Visit};

/// What a page shows.
pub(super) struct View {
    pub(super) title: String,
    pub(super) live: Live,
    /// Shown above the live part: forms, which must not change while someone types.
    pub(super) form: Option<Markup>,
    pub(super) content: Markup,
}

/// What makes a page refresh.
#[derive(Clone, Copy, Default)]
pub(super) struct Live {
    pub(super) on: &'static str,
    /// When it refreshes in any case, because something changes by itself.
    pub(super) after: Option<Duration>,
}

impl Live {
    /// Changes of the sandbox's content.
    pub(super) const WORLD: Self = Self {
        on: "world",
        after: None,
    };
    /// Requests.
    pub(super) const REQUESTS: Self = Self {
        on: "requests",
        after: None,
    };

    pub(super) const BOTH: Self = Self {
        on: "world requests",
        after: None,
    };

    /// Refreshes often while something changes by itself.
    pub(super) fn closely(mut self, moves: bool) -> Self {
        const CLOSELY: Duration = Duration::from_secs(1);
        self.after = moves.then_some(CLOSELY);
        self
    }
}

/// The pages that each page links to.
const PAGES: [(&str, &str); 4] = [
    ("", "Overview"),
    ("/credentials", "Credentials"),
    ("/certificates", "Certificates"),
    ("/requests", "Requests"),
];

pub(super) fn document(visit: &Visit<'_>, view: View) -> Markup {
    let here = visit.place();
    let after = view.live.after.map(|after| after.as_millis());
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (view.title) " · docr-sandbox" }
                link rel="icon" href={ (ROOT) "/icon.svg" };
                link rel="stylesheet" href={ (ROOT) "/style.css" };
                script src={ (ROOT) "/script.js" } defer {}
            }
            body {
                a.skip href="#main" { "Skip to content" }
                header {
                    p.brand { a href=(ROOT) { "docr-sandbox" } }
                    nav aria-label="Pages" {
                        ul {
                            @for (path, name) in PAGES {
                                li {
                                    a href={ (ROOT) (path) } aria-current=[(here == path).then_some("page")] { (name) }
                                }
                            }
                        }
                    }
                    p #status role="status" {}
                }
                main #main {
                    h1 { (view.title) }
                    @if let Some(form) = view.form { (form) }
                    div #live data-on=(view.live.on) data-after=[after] { (view.content) }
                }
                footer #as-of { "As of " (time(visit.now)) " by the sandbox’s clock." }
            }
        }
    }
}

/// A page that reports a problem.
pub(super) fn problem(title: &str, why: &str) -> View {
    View {
        title: title.to_owned(),
        live: Live::WORLD,
        form: None,
        content: html! {
            p { (why) " " a href=(ROOT) { "Back to the overview" } }
        },
    }
}

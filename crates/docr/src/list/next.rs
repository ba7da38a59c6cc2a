//! The next page of a list, as the last one links to it.

use std::collections::HashSet;

use docr_api::Operation;
use reqwest::Url;

use super::{Page, PageRequest, PageResponse};
use crate::error::{Error, Result};

/// What has been read of a list.
pub(super) struct Progress {
    operation: &'static Operation,
    seen_items: u64,
    seen_tokens: HashSet<String>,
}

impl Progress {
    pub(super) fn new(operation: &'static Operation) -> Self {
        Self {
            operation,
            seen_items: 0,
            seen_tokens: HashSet::new(),
        }
    }

    /// Adds a page, and determines the next one; `None` at the end.
    pub(super) fn take_in<T>(
        &mut self,
        request: &PageRequest,
        response: PageResponse<T>,
    ) -> Result<(Page<T>, Option<PageRequest>)> {
        self.seen_items = self.seen_items.saturating_add(response.items.len() as u64);
        let total = response.meta.and_then(|meta| meta.total);
        let link = response
            .links
            .and_then(|links| links.pages)
            .and_then(|pages| pages.next)
            .filter(|link| !link.is_empty());
        let next = match link {
            Some(link) => Some(self.follow(request, &link)?),
            // Some lists have a total but no links.
            None if !response.items.is_empty() && total > Some(self.seen_items) => {
                Some(request.numbered(request.page.saturating_add(1)))
            }
            None => None,
        };
        let page = Page {
            items: response.items,
            number: request.page,
            total,
        };
        Ok((page, next))
    }

    /// The page that a `next` link leads to. It must lead forward, or the list would never end.
    fn follow(&mut self, request: &PageRequest, link: &str) -> Result<PageRequest> {
        let broken = |why: String| Error::broken_list(self.operation, why);
        // Only the query of a link is used, so it may lack the host.
        let url = Url::parse("https://list.invalid")
            .and_then(|base| base.join(link))
            .map_err(|_| {
                broken(format!(
                    "the link to the page after {} is not a URL",
                    request.page
                ))
            })?;
        let value = |key: &str| {
            let mut pairs = url.query_pairs();
            pairs
                .find(|(name, _)| name == key)
                .map(|(_, value)| value.into_owned())
        };
        let token = value("page_token").filter(|token| !token.is_empty());
        let number = value("page").and_then(|number| number.parse::<u64>().ok());
        let page = match (&token, number) {
            (None, Some(number)) if number <= request.page => {
                let from = request.page;
                return Err(broken(format!(
                    "page {from} names page {number} as the next one"
                )));
            }
            (None, Some(number)) => number,
            // With a token, the number is only informative.
            _ => request.page.saturating_add(1),
        };
        if let Some(token) = &token
            && !self.seen_tokens.insert(token.clone())
        {
            return Err(broken(format!(
                "page {} repeats an earlier page's token",
                request.page
            )));
        }
        Ok(PageRequest {
            page,
            token,
            per_page: request.per_page,
        })
    }
}

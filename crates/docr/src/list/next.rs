//! Where the next page of a list is, by what the last one says.

use std::collections::HashSet;

use docr_api::Operation;
use reqwest::Url;

use super::{Page, PageAnswer, PageRequest};
use crate::error::{Error, Result};

/// What was read of a list so far.
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

    /// Takes a page in, and finds out where the next one is; `None` at the end.
    pub(super) fn take_in<T>(
        &mut self,
        request: &PageRequest,
        answer: PageAnswer<T>,
    ) -> Result<(Page<T>, Option<PageRequest>)> {
        self.seen_items = self.seen_items.saturating_add(answer.items.len() as u64);
        let total = answer.meta.and_then(|meta| meta.total);
        let link = answer
            .links
            .and_then(|links| links.pages)
            .and_then(|pages| pages.next)
            .filter(|link| !link.is_empty());
        let next = match link {
            Some(link) => Some(self.follow(request, &link)?),
            // Some lists tell their total but not their pages.
            None if !answer.items.is_empty() && total > Some(self.seen_items) => {
                Some(request.numbered(request.page.saturating_add(1)))
            }
            None => None,
        };
        let page = Page {
            items: answer.items,
            number: request.page,
            total,
        };
        Ok((page, next))
    }

    /// The page that a `next` link leads to. It must lead forward: a link that repeats would be read
    /// forever.
    fn follow(&mut self, request: &PageRequest, link: &str) -> Result<PageRequest> {
        let broken = |why: String| Error::broken_list(self.operation, why);
        // A link without a host is read as one of any host: only its query counts.
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
            // The number beside a token is for people.
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

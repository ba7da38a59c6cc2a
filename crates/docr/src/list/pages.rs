//! A list as a stream of pages or of items.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
    vec,
};

use futures_core::{Stream, stream::BoxStream};
use futures_util::{StreamExt, stream};

use sync_wrapper::SyncWrapper;

use super::{List, Page, PageRequest, PageResponse, next::Progress};
use crate::error::Result;

/// The pages of a [`List`], as a stream. An error ends it.
///
/// ```no_run
/// # async fn example(docr: docr::Client) -> docr::Result<()> {
/// let mut pages = docr.certificates().list().pages();
/// while let Some(page) = pages.next().await {
///     println!("{} certificates", page?.items.len());
/// }
/// # Ok(())
/// # }
/// ```
#[must_use = "a stream does nothing until it is polled"]
pub struct Pages<T> {
    pages: SyncWrapper<BoxStream<'static, Result<Page<T>>>>,
    operation: &'static str,
}

/// A list that is being read.
struct Reading<T> {
    list: List<T>,
    /// `None` at the end.
    next: Option<PageRequest>,
    progress: Progress,
    ahead: Option<Ahead<T>>,
}

/// Pages that are fetched ahead.
struct Ahead<T> {
    pages: BoxStream<'static, Result<PageResponse<T>>>,
    /// The number of the next page to return.
    next: u64,
    last: u64,
}

impl<T: Send + 'static> Pages<T> {
    pub(super) fn of(list: List<T>) -> Self {
        let operation = list.operation;
        let reading = Reading {
            next: Some(PageRequest {
                page: 1,
                token: None,
                per_page: list.per_page,
            }),
            list,
            progress: Progress::new(operation),
            ahead: None,
        };
        Self {
            pages: SyncWrapper::new(stream::try_unfold(reading, Reading::step).boxed()),
            operation: operation.id,
        }
    }

    /// The next page, `None` at the end.
    pub async fn next(&mut self) -> Option<Result<Page<T>>> {
        self.pages.get_mut().next().await
    }
}

impl<T: Send + 'static> Reading<T> {
    /// Reads one page.
    async fn step(mut self) -> Result<Option<(Page<T>, Self)>> {
        let Some(request) = self.next.take() else {
            return Ok(None);
        };
        request.check()?;
        let response = match self.fetched_ahead(&request).await {
            Some(response) => response?,
            None => (self.list.fetch)(request.clone()).await?,
        };
        let (page, next) = self.progress.take_in(&request, response)?;
        self.read_ahead(next.as_ref(), &page);
        self.next = next;
        Ok(Some((page, self)))
    }

    /// A page that was fetched ahead.
    async fn fetched_ahead(&mut self, request: &PageRequest) -> Option<Result<PageResponse<T>>> {
        let ahead = self.ahead.as_mut()?;
        debug_assert!(request.token.is_none() && ahead.next == request.page);
        ahead.next = ahead.next.saturating_add(1);
        ahead.pages.next().await
    }

    /// Starts to fetch the next pages, as far as the length of the list is known.
    fn read_ahead(&mut self, next: Option<&PageRequest>, page: &Page<T>) {
        let length = page.items.len() as u64;
        // A page with a token is known only from the one before it.
        let numbered = next.filter(|next| next.token.is_none() && length > 0);
        let Some(next) = numbered.filter(|_| self.list.read_ahead > 1) else {
            self.ahead = None;
            return;
        };
        let is_what_comes = |ahead: &Ahead<T>| ahead.next == next.page && ahead.next <= ahead.last;
        if self.ahead.as_ref().is_some_and(is_what_comes) {
            return;
        }
        // The link doesn't fit the known length, or the list has grown. A page beyond that length is fetched on its own.
        let last = page.total.unwrap_or(0).div_ceil(length);
        let (first, fetch) = (next.clone(), self.list.fetch.clone());
        let fetches = (next.page..=last).map(move |number| fetch(first.numbered(number)));
        self.ahead = Some(Ahead {
            pages: stream::iter(fetches).buffered(self.list.read_ahead).boxed(),
            next: next.page,
            last,
        });
    }
}

impl<T> Stream for Pages<T> {
    type Item = Result<Page<T>>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.pages.get_mut().poll_next_unpin(context)
    }
}

/// The items of a [`List`], as a stream. An error ends it.
///
/// ```no_run
/// # async fn example(registry: docr::RegistryHandle) -> docr::Result<()> {
/// let mut repositories = registry.repositories().items();
/// while let Some(repository) = repositories.next().await {
///     println!("{}", repository?.name);
/// }
/// # Ok(())
/// # }
/// ```
#[must_use = "a stream does nothing until it is polled"]
pub struct Items<T> {
    pages: Pages<T>,
    page: vec::IntoIter<T>,
}

impl<T: Send + 'static> Items<T> {
    pub(super) fn of(list: List<T>) -> Self {
        Self {
            pages: Pages::of(list),
            page: Vec::new().into_iter(),
        }
    }
}

impl<T: Send + Unpin + 'static> Items<T> {
    /// The next item, `None` at the end.
    pub async fn next(&mut self) -> Option<Result<T>> {
        // Most items are fetched already: no need to poll for these.
        if let Some(item) = self.page.next() {
            return Some(Ok(item));
        }
        StreamExt::next(self).await
    }
}

impl<T: Send + Unpin + 'static> Stream for Items<T> {
    type Item = Result<T>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(item) = self.page.next() {
                return Poll::Ready(Some(Ok(item)));
            }
            match ready!(self.pages.poll_next_unpin(context)) {
                Some(Ok(page)) => self.page = page.items.into_iter(),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
    }
}

impl<T> fmt::Debug for Pages<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pages")
            .field("operation", &self.operation)
            .finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for Items<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Items")
            .field("operation", &self.pages.operation)
            .finish_non_exhaustive()
    }
}

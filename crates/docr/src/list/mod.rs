//! Paginated lists: as a stream of items, as a stream of pages, or all at once.

// Calculates with numbers and times from outside.
#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

mod next;
mod pages;
#[cfg(test)]
mod tests;

use std::{fmt, sync::Arc};

use docr_api::{
    Operation,
    types::{PageLinks, PageMeta},
};
use futures_core::future::BoxFuture;

pub use pages::{Items, Pages};

use crate::error::{InvalidInput, Result};

/// The service's largest page, and the default.
pub(crate) const MAX_PER_PAGE: u64 = 200;

/// A list that has not been read yet. Read it item by item ([`items`](Self::items)), page by page
/// ([`pages`](Self::pages)) or all at once ([`all`](Self::all)).
///
/// ```no_run
/// # async fn example(docr: docr::Client) -> docr::Result<()> {
/// let registry = docr.registry("acme-images".parse()?);
/// let mut tags = registry.repository("shop/api".parse()?).tags().items();
/// while let Some(tag) = tags.next().await {
///     println!("{}", tag?.tag);
/// }
/// # Ok(())
/// # }
/// ```
#[must_use = "a list sends no request until it is read"]
pub struct List<T> {
    fetch: Fetch<T>,
    operation: &'static Operation,
    per_page: u64,
    read_ahead: usize,
}

type Fetch<T> = Arc<dyn Fn(PageRequest) -> Fetching<T> + Send + Sync>;
type Fetching<T> = BoxFuture<'static, Result<PageResponse<T>>>;

/// Which page to fetch.
#[derive(Clone, Debug)]
pub(crate) struct PageRequest {
    pub(crate) page: u64,
    pub(crate) token: Option<String>,
    pub(crate) per_page: u64,
}

impl PageRequest {
    /// The page of this number, of the same list.
    fn numbered(&self, page: u64) -> Self {
        Self {
            page,
            token: None,
            per_page: self.per_page,
        }
    }

    fn check(&self) -> Result<(), InvalidInput> {
        if (1..=MAX_PER_PAGE).contains(&self.per_page) {
            return Ok(());
        }
        let value = self.per_page.to_string();
        Err(InvalidInput::new(
            "per_page",
            value,
            "a page holds 1 to 200 items",
        ))
    }
}

/// A page as received.
pub(crate) struct PageResponse<T> {
    pub(crate) items: Vec<T>,
    pub(crate) links: Option<PageLinks>,
    pub(crate) meta: Option<PageMeta>,
}

/// One page of a list.
///
/// ```no_run
/// # async fn example(docr: docr::Client) -> docr::Result<()> {
/// let page = docr.certificates().list().per_page(20).page(1).await?;
/// println!("page {}: {} of {:?}", page.number, page.items.len(), page.total);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Page<T> {
    /// The items, in the service's order. A page in the middle may be empty.
    pub items: Vec<T>,
    /// The number of the page, from 1.
    pub number: u64,
    /// How many items the whole list has, if the service reports it.
    pub total: Option<u64>,
}

impl<T: Send + 'static> List<T> {
    pub(crate) fn new<F>(
        operation: &'static Operation,
        fetch: impl Fn(PageRequest) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<PageResponse<T>>> + Send + 'static,
    {
        let fetch: Fetch<T> = Arc::new(move |request| Box::pin(fetch(request)));
        Self {
            fetch,
            operation,
            per_page: MAX_PER_PAGE,
            read_ahead: 1,
        }
    }

    /// A list that the service returns as one page.
    pub(crate) fn of_one_page<F>(
        operation: &'static Operation,
        fetch: impl Fn() -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<Vec<T>>> + Send + 'static,
    {
        let fetch = Arc::new(fetch);
        Self::new(operation, move |request: PageRequest| {
            let fetch = Arc::clone(&fetch);
            async move {
                let items = match request.page {
                    1 => fetch().await?,
                    _ => Vec::new(),
                };
                let (links, meta) = (None, None);
                Ok(PageResponse { items, links, meta })
            }
        })
    }

    /// The number of items on a page, from 1 to 200; by default 200.
    ///
    /// ```no_run
    /// # async fn example(repository: docr::RepositoryHandle) -> docr::Result<()> {
    /// let mut pages = repository.tags().per_page(50).pages();
    /// # Ok(())
    /// # }
    /// ```
    pub fn per_page(mut self, per_page: u64) -> Self {
        self.per_page = per_page;
        self
    }

    /// How many pages to fetch at a time once the length of the list is known; by default 1. The order is kept, and a list
    /// that changes meanwhile is read to its new end. Don't use it on a list from which you delete while you read it: the
    /// pages would shift.
    ///
    /// ```no_run
    /// # async fn example(docr: docr::Client) -> docr::Result<()> {
    /// let registry = docr.registry("acme-images".parse()?);
    /// let all = registry.repository("shop/api".parse()?).tags().read_ahead(8).all().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn read_ahead(mut self, pages: usize) -> Self {
        self.read_ahead = pages.max(1);
        self
    }

    /// Fetches each page only while a permit is held, which several lists may share.
    #[cfg(feature = "retention")]
    pub(crate) fn within(self, permits: &Arc<tokio::sync::Semaphore>) -> Self {
        let (fetch, permits) = (self.fetch, Arc::clone(permits));
        let fetch: Fetch<T> = Arc::new(move |request| {
            let (fetch, permits) = (Arc::clone(&fetch), Arc::clone(&permits));
            Box::pin(async move {
                // It is never closed.
                let _permit = permits.acquire().await.ok();
                fetch(request).await
            })
        });
        Self { fetch, ..self }
    }

    /// The items, one after the other; the next page is fetched when the current one is used up.
    pub fn items(self) -> Items<T> {
        Items::of(self)
    }

    /// The pages, one after the other.
    ///
    /// ```no_run
    /// # async fn example(repository: docr::RepositoryHandle) -> docr::Result<()> {
    /// let mut pages = repository.manifests().pages();
    /// while let Some(page) = pages.next().await {
    ///     let page = page?;
    ///     println!("page {} has {} manifests", page.number, page.items.len());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn pages(self) -> Pages<T> {
        Pages::of(self)
    }

    /// One page by its number, from 1. A page beyond the end is empty.
    ///
    /// ```no_run
    /// # async fn example(repository: docr::RepositoryHandle) -> docr::Result<()> {
    /// let newest = repository.tags().per_page(10).page(1).await?.items;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of the call. Before a request is sent: page 0, or a page size other than 1 to 200.
    pub async fn page(self, number: u64) -> Result<Page<T>> {
        if number == 0 {
            return Err(InvalidInput::new("page", "0", "pages are counted from 1").into());
        }
        let request = PageRequest {
            page: number,
            token: None,
            per_page: self.per_page,
        };
        request.check()?;
        let response = (self.fetch)(request).await?;
        Ok(Page {
            items: response.items,
            number,
            total: response.meta.and_then(|meta| meta.total),
        })
    }

    /// All items. A list may be long: a repository can have a million tags.
    ///
    /// # Errors
    ///
    /// The error of the first page that fails: the result is complete or an error.
    pub async fn all(self) -> Result<Vec<T>> {
        let mut all = Vec::new();
        let mut pages = self.pages();
        while let Some(page) = pages.next().await {
            all.append(&mut page?.items);
        }
        Ok(all)
    }
}

impl<T> fmt::Debug for List<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("List")
            .field("operation", &self.operation.id)
            .field("per_page", &self.per_page)
            .finish_non_exhaustive()
    }
}

/// The parts of a generated page: the list has another name in each type.
macro_rules! page_response {
    ($response:expr, $items:ident) => {{
        let response = $response;
        Ok($crate::list::PageResponse {
            items: response.$items,
            links: response.links,
            meta: response.meta,
        })
    }};
}
/// A list on a registry in either form, page by page. The caller names the handle, for the setters to borrow from it.
macro_rules! list_either {
    ($handle:expr => $this:ident, $target:expr, $items:ident,
     $method:ident | $old_method:ident $(.$setter:ident($value:expr))*) => {{
        let $this = $handle.clone();
        let operation = match $target.form {
            $crate::call::Form::ByName => docr_api::operations::$method(),
            $crate::call::Form::OfAccount => docr_api::operations::$old_method(),
        };
        $crate::list::List::new(operation, move |request: $crate::list::PageRequest| {
            let $this = $this.clone();
            async move {
                let $this = &$this;
                let response = $crate::call::call_either!(
                    &$target,
                    $method | $old_method
                    $(.$setter($value))*
                    .page(request.page)
                    .per_page(request.per_page)
                );
                $crate::list::page_response!(response?, $items)
            }
        })
    }};
}

pub(crate) use {list_either, page_response};

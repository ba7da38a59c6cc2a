//! Lists that come in pages: as a stream of items, as a stream of pages, or all at once.

use std::{
    collections::{HashSet, VecDeque},
    fmt,
    future::{poll_fn, ready as at_once},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    vec,
};

use docr_api::{
    Operation,
    types::{PageLinks, PageMeta},
};
use futures_core::{Stream, future::BoxFuture};
use reqwest::Url;

use crate::{Error, InvalidInput, Result};

/// The most items that the service puts on a page, and what a list asks for unless told otherwise.
const MAX_PER_PAGE: u64 = 200;

/// A list that has not been asked for yet. Choose how to read it: item by item ([`items`](Self::items)),
/// page by page ([`pages`](Self::pages)) or all at once ([`all`](Self::all)).
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
#[must_use = "a list is not read until it is asked for"]
pub struct List<T> {
    fetch: Fetch<T>,
    operation: &'static Operation,
    per_page: u64,
    read_ahead: usize,
}

type Fetch<T> = Arc<dyn Fn(PageRequest) -> Fetching<T> + Send + Sync>;
type Fetching<T> = BoxFuture<'static, Result<PageAnswer<T>>>;

/// Which page to fetch.
#[derive(Clone, Debug)]
pub(crate) struct PageRequest {
    pub(crate) page: u64,
    pub(crate) token: Option<String>,
    pub(crate) per_page: u64,
}

impl PageRequest {
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

/// A page as it comes.
pub(crate) struct PageAnswer<T> {
    pub(crate) items: Vec<T>,
    pub(crate) links: Option<PageLinks>,
    pub(crate) meta: Option<PageMeta>,
}

/// One page of a list.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Page<T> {
    /// The items, in the service's order. A page in the middle may be empty.
    pub items: Vec<T>,
    /// The number of the page, from 1.
    pub number: u64,
    /// How many items the whole list has, if the service told.
    pub total: Option<u64>,
}

impl<T: Send + 'static> List<T> {
    pub(crate) fn new<F>(
        operation: &'static Operation,
        fetch: impl Fn(PageRequest) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<PageAnswer<T>>> + Send + 'static,
    {
        let fetch: Fetch<T> = Arc::new(move |request| Box::pin(fetch(request)));
        Self {
            fetch,
            operation,
            per_page: MAX_PER_PAGE,
            read_ahead: 1,
        }
    }

    /// How many items to ask for at a time, from 1 to 200; 200 unless told otherwise.
    pub fn per_page(mut self, per_page: u64) -> Self {
        self.per_page = per_page;
        self
    }

    /// How many pages to fetch at a time once the length of the list is known; 1 unless told otherwise. The order stays,
    /// and a list that changes meanwhile is read as far as its pages say. Not for a list from which you delete while you
    /// read it: the pages would shift under the reader.
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

    /// The items, one after the other; the next page is fetched when the last one is used up.
    pub fn items(self) -> Items<T> {
        Items {
            pages: self.pages(),
            page: Vec::new().into_iter(),
        }
    }

    /// The pages, one after the other.
    pub fn pages(self) -> Pages<T> {
        Pages {
            next: Next::Ask(PageRequest {
                page: 1,
                token: None,
                per_page: self.per_page,
            }),
            list: self,
            seen_items: 0,
            seen_tokens: HashSet::new(),
            ahead: VecDeque::new(),
        }
    }

    /// One page by its number, from 1. A page beyond the end is empty.
    ///
    /// # Errors
    ///
    /// Those of the call; before a request is sent, a number that no page has.
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
        let answer = (self.fetch)(request).await?;
        Ok(Page {
            items: answer.items,
            number,
            total: answer.meta.and_then(|meta| meta.total),
        })
    }

    /// All items. A list may be long: a repository can have a million tags.
    ///
    /// # Errors
    ///
    /// That of the first page which fails; nothing is left out in silence.
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

/// The pages of a [`List`], as a stream. An error ends it.
#[must_use = "a stream does nothing until it is polled"]
pub struct Pages<T> {
    list: List<T>,
    next: Next<T>,
    seen_items: u64,
    seen_tokens: HashSet<String>,
    /// Pages that are fetched before their turn: the one that comes next, and those after it.
    ahead: VecDeque<(PageRequest, Ahead<T>)>,
}

enum Next<T> {
    Ask(PageRequest),
    Wait(PageRequest, Fetching<T>),
    End,
}

enum Ahead<T> {
    Fetching(Fetching<T>),
    There(Result<PageAnswer<T>>),
}

impl<T: Send + 'static> Pages<T> {
    /// The next page, `None` at the end.
    pub async fn next(&mut self) -> Option<Result<Page<T>>> {
        poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }

    /// Takes a page in, and finds out where the next one is.
    fn take_in(&mut self, request: &PageRequest, answer: PageAnswer<T>) -> Result<Page<T>> {
        let length = answer.items.len() as u64;
        self.seen_items = self.seen_items.saturating_add(length);
        let total = answer.meta.and_then(|meta| meta.total);
        let link = answer
            .links
            .and_then(|links| links.pages)
            .and_then(|pages| pages.next)
            .filter(|link| !link.is_empty());
        self.next = match link {
            Some(link) => Next::Ask(self.follow(request, &link)?),
            // Some lists tell their total but not their pages.
            None if !answer.items.is_empty() && total > Some(self.seen_items) => {
                Next::Ask(PageRequest {
                    page: request.page + 1,
                    token: None,
                    ..request.clone()
                })
            }
            None => Next::End,
        };
        self.plan_ahead(length, total);
        Ok(Page {
            items: answer.items,
            number: request.page,
            total,
        })
    }

    /// Begins to fetch the pages that come next, as far as the list is known to go on.
    fn plan_ahead(&mut self, page_length: u64, total: Option<u64>) {
        let Next::Ask(next) = &self.next else {
            return self.ahead.clear();
        };
        // A page that is asked for by a token is known only when the one before it is there.
        if self.list.read_ahead < 2 || next.token.is_some() || page_length == 0 {
            return self.ahead.clear();
        }
        if self
            .ahead
            .front()
            .is_some_and(|(first, _)| first.page != next.page)
        {
            self.ahead.clear();
        }
        let last = total.unwrap_or(0).div_ceil(page_length);
        while self.ahead.len() < self.list.read_ahead {
            let page = next.page.saturating_add(self.ahead.len() as u64);
            if page > last {
                break;
            }
            let request = PageRequest {
                page,
                ..next.clone()
            };
            let fetching = (self.list.fetch)(request.clone());
            self.ahead.push_back((request, Ahead::Fetching(fetching)));
        }
    }

    /// Lets the pages that are fetched ahead go on.
    fn drive_ahead(&mut self, context: &mut Context<'_>) {
        for (_, ahead) in &mut self.ahead {
            if let Ahead::Fetching(fetching) = ahead
                && let Poll::Ready(answer) = fetching.as_mut().poll(context)
            {
                *ahead = Ahead::There(answer);
            }
        }
    }

    /// The fetch of a page that was begun before its turn.
    fn begun(&mut self, request: &PageRequest) -> Option<Fetching<T>> {
        let (ahead, _) = self.ahead.front()?;
        if ahead.page != request.page || request.token.is_some() {
            return None;
        }
        match self.ahead.pop_front()?.1 {
            Ahead::Fetching(fetching) => Some(fetching),
            Ahead::There(answer) => Some(Box::pin(at_once(answer))),
        }
    }

    /// The page that a `next` link leads to. It must lead forward: a link that repeats would be read
    /// forever.
    fn follow(&mut self, request: &PageRequest, link: &str) -> Result<PageRequest> {
        let broken = |why: String| Error::broken_list(self.list.operation, why);
        // A link without a host is read as one of any host: only its query counts.
        let url = Url::parse("https://list.invalid")
            .and_then(|base| base.join(link))
            .map_err(|_| {
                broken(format!(
                    "the link to the page after {} is no URL",
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

/// Nothing in it is pinned in its place: fetches are boxed.
impl<T> Unpin for Pages<T> {}

impl<T: Send + 'static> Stream for Pages<T> {
    type Item = Result<Page<T>>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            match std::mem::replace(&mut self.next, Next::End) {
                Next::Ask(request) => {
                    if let Err(error) = request.check() {
                        return Poll::Ready(Some(Err(error.into())));
                    }
                    let answer = match self.begun(&request) {
                        Some(answer) => answer,
                        None => (self.list.fetch)(request.clone()),
                    };
                    self.next = Next::Wait(request, answer);
                }
                Next::Wait(request, mut answer) => match answer.as_mut().poll(context) {
                    Poll::Pending => {
                        self.drive_ahead(context);
                        self.next = Next::Wait(request, answer);
                        return Poll::Pending;
                    }
                    Poll::Ready(Err(error)) => return Poll::Ready(Some(Err(error))),
                    Poll::Ready(Ok(answer)) => {
                        return Poll::Ready(Some(self.take_in(&request, answer)));
                    }
                },
                Next::End => return Poll::Ready(None),
            }
        }
    }
}

/// The items of a [`List`], as a stream. An error ends it.
#[must_use = "a stream does nothing until it is polled"]
pub struct Items<T> {
    pages: Pages<T>,
    page: vec::IntoIter<T>,
}

impl<T: Send + Unpin + 'static> Items<T> {
    /// The next item, `None` at the end.
    pub async fn next(&mut self) -> Option<Result<T>> {
        // Most items are there: no need to ask for them as for one to wait for.
        if let Some(item) = self.page.next() {
            return Some(Ok(item));
        }
        poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }
}

impl<T: Send + Unpin + 'static> Stream for Items<T> {
    type Item = Result<T>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(item) = self.page.next() {
                return Poll::Ready(Some(Ok(item)));
            }
            match ready!(Pin::new(&mut self.pages).poll_next(context)) {
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
            .field("list", &self.list)
            .finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for Items<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Items")
            .field("list", &self.pages.list)
            .finish_non_exhaustive()
    }
}

/// The parts of a generated page, whose list has another name in each type.
macro_rules! page_answer {
    ($answer:expr, $items:ident) => {{
        let answer = $answer;
        Ok($crate::list::PageAnswer {
            items: answer.$items,
            links: answer.links,
            meta: answer.meta,
        })
    }};
}
pub(crate) use page_answer;

#[cfg(test)]
mod tests {
    use std::sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    };

    use docr_api::{operations, types::PageUrls};

    use super::*;

    type Script = Vec<(Vec<u32>, Option<&'static str>, Option<u64>)>;

    /// The pages and tokens that were asked for.
    type Asked = Arc<Mutex<Vec<(u64, Option<String>)>>>;

    fn page_of<T>(items: Vec<T>, next: Option<String>, total: Option<u64>) -> PageAnswer<T> {
        let mut urls = PageUrls::default();
        urls.next = next;
        let (mut links, mut meta) = (PageLinks::default(), PageMeta::default());
        (links.pages, meta.total) = (Some(urls), total);
        PageAnswer {
            items,
            links: Some(links),
            meta: Some(meta),
        }
    }

    /// A list whose pages are these: items, `next` link and total. Also returns what was asked for.
    fn scripted(script: Script) -> (List<u32>, Asked) {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (log, script) = (Arc::clone(&asked), Arc::new(Mutex::new(script.into_iter())));
        let list = List::new(
            &operations::REGISTRIES_LIST_REPOSITORIES_V2,
            move |request| {
                log.lock().unwrap().push((request.page, request.token));
                let step = script.lock().unwrap().next();
                async move {
                    let (items, next, total) = step.expect("a page that the script has");
                    Ok(page_of(items, next.map(String::from), total))
                }
            },
        );
        (list.per_page(2), asked)
    }

    async fn read(list: List<u32>) -> (Vec<u32>, Option<String>) {
        let mut items = list.items();
        let (mut read, mut failure) = (Vec::new(), None);
        while let Some(item) = items.next().await {
            match item {
                Ok(item) => read.push(item),
                Err(error) => failure = Some(error.to_string()),
            }
        }
        (read, failure)
    }

    #[tokio::test]
    async fn a_next_link_leads_on_also_over_an_empty_page() {
        let (list, asked) = scripted(vec![
            (
                vec![1, 2],
                Some("https://x.example/v2/a?page=2&per_page=2"),
                Some(3),
            ),
            (vec![], Some("/v2/a?page=3&per_page=2"), Some(3)),
            (vec![3], None, Some(3)),
        ]);
        assert_eq!(read(list).await, (vec![1, 2, 3], None));
        assert_eq!(*asked.lock().unwrap(), [(1, None), (2, None), (3, None)]);
    }

    #[tokio::test]
    async fn a_token_is_followed_and_a_link_without_one_does_not_restart() {
        let (list, asked) = scripted(vec![
            (
                vec![1],
                Some("https://x.example/a?page=2&page_token=t%2F1"),
                None,
            ),
            (vec![2], Some("https://x.example/a?per_page=2"), None),
            (vec![3], None, None),
        ]);
        assert_eq!(read(list).await, (vec![1, 2, 3], None));
        assert_eq!(
            *asked.lock().unwrap(),
            [(1, None), (2, Some("t/1".into())), (3, None)]
        );
    }

    #[tokio::test]
    async fn a_repeated_token_is_an_error_after_what_was_read() {
        let again = Some("https://x.example/a?page_token=t");
        let (list, asked) = scripted(vec![(vec![1], again, None), (vec![2], again, None)]);
        let (items, failure) = read(list).await;
        assert_eq!(items, [1]);
        assert!(
            failure
                .unwrap()
                .contains("page 2 repeats an earlier page's token")
        );
        assert_eq!(asked.lock().unwrap().len(), 2);
    }

    #[tokio::test]
    async fn a_link_that_leads_back_is_an_error() {
        let (list, _) = scripted(vec![(vec![1], Some("https://x.example/a?page=1"), None)]);
        let (_, failure) = read(list).await;
        assert!(
            failure
                .unwrap()
                .contains("page 1 names page 1 as the next one")
        );
    }

    #[tokio::test]
    async fn a_list_without_links_goes_on_while_its_total_says_so() {
        let (list, asked) = scripted(vec![(vec![1, 2], None, Some(3)), (vec![3], None, Some(3))]);
        assert_eq!(read(list).await, (vec![1, 2, 3], None));
        assert_eq!(asked.lock().unwrap().len(), 2);
        // The total may be out of date: an empty page ends the list all the same.
        let (list, _) = scripted(vec![(vec![1, 2], None, Some(9)), (vec![], None, Some(9))]);
        assert_eq!(read(list).await, (vec![1, 2], None));
    }

    #[tokio::test]
    async fn one_page_can_be_read_by_its_number() {
        let (list, asked) = scripted(vec![(vec![7], None, Some(41))]);
        let page = list.page(21).await.unwrap();
        assert_eq!(
            (page.items, page.number, page.total),
            (vec![7], 21, Some(41))
        );
        assert_eq!(asked.lock().unwrap()[0].0, 21);
    }

    /// A list of so many pages of two, the last one half full, whose fetches end in the opposite order in which they
    /// were begun, as far as several are under way. Tells the most that were.
    fn many_pages(pages: u64) -> (List<u64>, Arc<AtomicUsize>) {
        let (under_way, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let most_seen = Arc::clone(&most);
        let list = List::new(&operations::REGISTRIES_LIST, move |request: PageRequest| {
            let (under_way, most) = (Arc::clone(&under_way), Arc::clone(&most_seen));
            async move {
                most.fetch_max(under_way.fetch_add(1, SeqCst) + 1, SeqCst);
                for _ in 0..(pages - request.page) {
                    tokio::task::yield_now().await;
                }
                under_way.fetch_sub(1, SeqCst);
                let first = request.page * 2 - 1;
                let is_last = request.page == pages;
                let next = format!("/v2/a?page={}&per_page=2", request.page + 1);
                let items = if is_last {
                    vec![first]
                } else {
                    vec![first, first + 1]
                };
                let next = (!is_last).then_some(next);
                Ok(page_of(items, next, Some(pages * 2 - 1)))
            }
        });
        (list.per_page(2), most)
    }

    #[tokio::test]
    async fn pages_are_read_ahead_in_order_and_no_more_than_allowed() {
        let all: Vec<u64> = (1..=39).collect();
        for (read_ahead, most_allowed) in [(1, 1), (2, 2), (8, 8), (64, 19), (0, 1)] {
            let (list, most) = many_pages(20);
            assert_eq!(list.read_ahead(read_ahead).all().await.unwrap(), all);
            assert_eq!(most.load(SeqCst), most_allowed, "{read_ahead}");
        }
    }

    #[tokio::test]
    async fn unless_asked_pages_are_read_one_by_one() {
        let (list, most) = many_pages(5);
        list.all().await.unwrap();
        assert_eq!(most.load(SeqCst), 1);
    }

    #[tokio::test]
    async fn a_list_that_ends_early_or_goes_on_is_read_as_its_pages_say() {
        // The total promises three pages: the second one is the last.
        let (list, _) = scripted(vec![
            (vec![1, 2], Some("/v2/a?page=2"), Some(6)),
            (vec![3, 4], None, Some(4)),
            (vec![9, 9], None, Some(4)),
        ]);
        assert_eq!(read(list.read_ahead(8)).await, (vec![1, 2, 3, 4], None));
        // It promises two: there is a third.
        let (list, _) = scripted(vec![
            (vec![1, 2], Some("/v2/a?page=2"), Some(4)),
            (vec![3, 4], Some("/v2/a?page=3"), Some(5)),
            (vec![5], None, Some(5)),
        ]);
        assert_eq!(read(list.read_ahead(8)).await, (vec![1, 2, 3, 4, 5], None));
    }

    #[tokio::test]
    async fn a_list_with_tokens_is_not_read_ahead() {
        let (list, asked) = scripted(vec![
            (vec![1], Some("/v2/a?page=2&page_token=t1"), Some(3)),
            (vec![2], Some("/v2/a?page=3&page_token=t2"), Some(3)),
            (vec![3], None, Some(3)),
        ]);
        assert_eq!(read(list.read_ahead(8)).await, (vec![1, 2, 3], None));
        let asked = asked.lock().unwrap();
        assert_eq!(
            *asked,
            [(1, None), (2, Some("t1".into())), (3, Some("t2".into()))]
        );
    }

    #[tokio::test]
    async fn a_page_size_that_the_service_would_refuse_is_refused_here() {
        for per_page in [0, 201] {
            let (list, asked) = scripted(vec![]);
            let error = list.per_page(per_page).all().await.unwrap_err();
            assert!(error.is_invalid_input(), "{error}");
            assert!(asked.lock().unwrap().is_empty());
        }
    }
}

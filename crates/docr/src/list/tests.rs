//! Lists whose pages a test dictates.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering::SeqCst},
};

use docr_api::{
    operations,
    types::{PageLinks, PageMeta, PageUrls},
};

use super::*;

type Script = Vec<(Vec<u32>, Option<&'static str>, Option<u64>)>;

/// The pages and tokens that were asked for.
type Asked = Arc<Mutex<Vec<(u64, Option<String>)>>>;

fn page_of<T>(items: Vec<T>, next: Option<String>, total: Option<u64>) -> PageResponse<T> {
    let mut urls = PageUrls::default();
    urls.next = next;
    let (mut links, mut meta) = (PageLinks::default(), PageMeta::default());
    (links.pages, meta.total) = (Some(urls), total);
    PageResponse {
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
        operations::registries_list_repositories_v2(),
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
async fn a_next_link_is_followed_even_from_an_empty_page() {
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
async fn a_list_without_links_is_read_up_to_its_total() {
    let (list, asked) = scripted(vec![(vec![1, 2], None, Some(3)), (vec![3], None, Some(3))]);
    assert_eq!(read(list).await, (vec![1, 2, 3], None));
    assert_eq!(*asked.lock().unwrap(), [(1, None), (2, None)]);
    // A link counts by the number that it names, not by its place.
    let (list, asked) = scripted(vec![
        (vec![1, 2], Some("/v2/a?page=4"), Some(9)),
        (vec![3], None, Some(3)),
    ]);
    assert_eq!(read(list).await, (vec![1, 2, 3], None));
    assert_eq!(*asked.lock().unwrap(), [(1, None), (4, None)]);
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
    let list = List::new(
        operations::registries_list(),
        move |request: PageRequest| {
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
        },
    );
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

#[cfg(feature = "retention")]
#[tokio::test]
async fn lists_that_share_permits_fetch_no_more_pages_at_once_than_permits() {
    let permits = Arc::new(tokio::sync::Semaphore::new(3));
    let all: Vec<u64> = (1..=39).collect();
    let (list, most) = many_pages(20);
    let fetch = list.fetch.clone();
    let other = List {
        fetch,
        operation: list.operation,
        per_page: list.per_page,
        read_ahead: 1,
    };
    let read = |list: List<u64>| list.read_ahead(8).within(&permits).all();
    let (one, two) = futures_util::future::join(read(list), read(other)).await;
    assert_eq!((one.unwrap(), two.unwrap()), (all.clone(), all));
    assert_eq!(most.load(SeqCst), 3);
}

#[tokio::test]
async fn a_list_that_has_grown_is_read_ahead_to_its_new_end() {
    let (many, most) = many_pages(20);
    // The first two pages know of five.
    let fetch = many.fetch.clone();
    let list = List::new(
        operations::registries_list(),
        move |request: PageRequest| {
            let (is_early, fetching) = (request.page <= 2, fetch(request));
            async move {
                let mut response = fetching.await?;
                if let (true, Some(meta)) = (is_early, &mut response.meta) {
                    meta.total = Some(10);
                }
                Ok(response)
            }
        },
    );
    let all: Vec<u64> = (1..=39).collect();
    assert_eq!(list.per_page(2).read_ahead(8).all().await.unwrap(), all);
    assert_eq!(most.load(SeqCst), 8);
}

#[tokio::test]
async fn a_page_that_a_link_leaves_out_is_not_waited_for() {
    let list = List::new(
        operations::registries_list(),
        |request: PageRequest| async move {
            match request.page {
                1 => Ok(page_of(vec![1, 2], Some("/v2/a?page=3".into()), Some(8))),
                3 => Ok(page_of(vec![5, 6], None, Some(4))),
                _ => std::future::pending().await,
            }
        },
    );
    assert_eq!(read(list.read_ahead(8)).await, (vec![1, 2, 5, 6], None));
}

#[tokio::test]
async fn pages_are_read_one_at_a_time_by_default() {
    let (list, most) = many_pages(5);
    list.all().await.unwrap();
    assert_eq!(most.load(SeqCst), 1);
}

#[tokio::test]
async fn a_list_that_shrinks_or_grows_is_read_to_its_actual_end() {
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
async fn an_empty_first_page_does_not_end_a_list_that_is_read_ahead() {
    let (list, asked) = scripted(vec![
        (vec![], Some("/v2/a?page=2"), Some(3)),
        (vec![1, 2], Some("/v2/a?page=3"), Some(3)),
        (vec![3], None, Some(3)),
    ]);
    assert_eq!(read(list.read_ahead(8)).await, (vec![1, 2, 3], None));
    assert_eq!(asked.lock().unwrap().len(), 3);
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
async fn a_page_size_that_the_service_would_refuse_is_refused_before_a_request() {
    for per_page in [0, 201] {
        let (list, asked) = scripted(vec![]);
        let error = list.per_page(per_page).all().await.unwrap_err();
        assert!(error.is_invalid_input(), "{error}");
        assert!(asked.lock().unwrap().is_empty());
    }
}

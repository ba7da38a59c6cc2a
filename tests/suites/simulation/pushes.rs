//! What is pushed beside the fleet, and what of it may be deleted: nothing that a plan keeps, and nothing that was pushed
//! before the last look at its repository.

use std::{
    collections::{BTreeMap, BTreeSet},
    slice,
    time::Duration,
};

use docr_sandbox::{Image, RecordedRequest, Sandbox};
use docr_tests::sandbox::registry_name;

use super::{schedule::Schedule, state::State};

pub(super) const REPOSITORIES: [&str; 2] = ["shop/api", "shop/web"];
/// How many images of each repository are kept: those whose manifests were pushed last, by whatever tag.
pub(super) const KEPT: usize = 2;
/// How old a look may be by which something is deleted: a minute, and then what a call may take.
const FRESH: Duration = Duration::from_secs(60 + 12 * 60);
/// How many images of a repository may be pushed again.
const REMEMBERED: usize = 12;

/// The repositories as the pushes and deletions have left them.
#[derive(Default)]
pub(super) struct Pushes {
    repositories: BTreeMap<&'static str, Repository>,
    /// What was pushed between the last look and a deletion, and went with it: a look can't prevent that.
    pub(super) raced: u64,
}

#[derive(Default)]
struct Repository {
    images: Vec<Pushed>,
    history: Vec<Change>,
    /// All tags that were ever pushed.
    tags: BTreeMap<String, Tag>,
    /// Tags of images that have lost parts in such a race.
    broken: BTreeSet<String>,
}

/// What has become of a tag.
struct Change {
    /// The step at which it was pushed or deleted.
    at: u64,
    tag: String,
    /// The digests of its image and the image's parts; none if the tag was deleted.
    digests: Vec<String>,
}

/// An image that was pushed at some time.
struct Pushed {
    image: Image,
    parts: Vec<String>,
}

struct Tag {
    digest: String,
    parts: Vec<String>,
    /// The step at which it was pushed.
    at: u64,
    is_gone: bool,
}

/// What a client knows of the repositories that it prunes.
#[derive(Debug, Default)]
pub(super) struct Pruning {
    /// The step at which the plan was made; `None` before.
    planned: Option<u64>,
    /// When tags and manifests of a repository were last listed since then.
    tags: BTreeMap<String, (u64, Duration)>,
    manifests: BTreeMap<String, (u64, Duration)>,
}

impl Pruning {
    pub(super) fn plans_at(&mut self, step: u64) {
        *self = Self {
            planned: Some(step),
            ..Self::default()
        };
    }

    /// When the last look at a repository began; `None` before it.
    fn looked(&self, repository: &str) -> Option<(u64, Duration)> {
        let (tags, manifests) = (self.tags.get(repository), self.manifests.get(repository));
        Some(*tags?.min(manifests?))
    }
}

impl Pushes {
    /// Pushes an image: of its own content as a build does, or one that was pushed before; by a new tag, or one that moves.
    pub(super) fn push(&mut self, schedule: &Schedule, sandbox: &Sandbox) -> Option<String> {
        let (place, number, kind) =
            schedule.draw(|random| (random.usize(..2), random.usize(..), random.u32(..10)));
        let name = REPOSITORIES[place];
        let repository = self.repositories.entry(name).or_default();
        let image = repository.image(name, number, kind);
        let moved = { repository.tags.keys() }.nth(number % repository.tags.len().max(1));
        let tag = match (kind % 4, moved) {
            (3, Some(tag)) => tag.clone(),
            _ => format!("build-{}", repository.tags.len()),
        };
        // Times of pushes are whole seconds: each has its own.
        schedule.clock.advance(schedule.rest_of_second());
        let registry = registry_name();
        // A garbage collection keeps the registry read-only, and before it is created there is none.
        let pushed = sandbox.push(registry.as_str(), image.clone().tag(tag.as_str()));
        let pushed = pushed.ok()?;
        let (digest, parts) = (pushed.digest, pushed.children);
        let shown = format!("{name}:{tag} is pushed: {digest} of {parts:?}");
        repository.broken.remove(&tag);
        let at = schedule.next_step();
        repository.history.push(Change {
            at,
            tag: tag.clone(),
            digests: [slice::from_ref(&digest), &parts].concat(),
        });
        let place = Tag {
            digest,
            parts: parts.clone(),
            at,
            is_gone: false,
        };
        repository.tags.insert(tag, place);
        repository.images.push(Pushed { image, parts });
        let surplus = repository.images.len().saturating_sub(REMEMBERED);
        repository.images.drain(..surplus);
        Some(shown)
    }

    /// Notes what a request of a client has listed or deleted.
    pub(super) fn note(
        &mut self,
        request: &RecordedRequest,
        is_done: bool,
        pruning: &mut Pruning,
        schedule: &Schedule,
    ) {
        let Some((name, subject)) = subject(request) else {
            return;
        };
        let now = (schedule.next_step(), schedule.passed());
        match (request.method.as_str(), subject) {
            ("GET", Subject::Tags) if pruning.planned.is_some() => {
                pruning.tags.insert(name, now);
            }
            ("GET", Subject::Manifests) if pruning.planned.is_some() => {
                pruning.manifests.insert(name, now);
            }
            ("DELETE", Subject::Tag(tag)) if is_done => {
                self.deleted(&name, |found, _| found == tag, pruning, now);
            }
            ("DELETE", Subject::Manifest(digest)) if is_done => {
                self.deleted(&name, |_, tag| tag.digest == digest, pruning, now);
                self.lost_part(&name, &digest, pruning);
            }
            _ => {}
        }
    }

    /// Some tags were deleted, by themselves or with their manifest.
    fn deleted(
        &mut self,
        name: &str,
        is_it: impl Fn(&str, &Tag) -> bool,
        pruning: &Pruning,
        (at, now): (u64, Duration),
    ) {
        let planned = pruning.planned.expect("only prunes delete");
        let look = pruning.looked(name);
        let repository = self.repositories.get_mut(name).unwrap();
        let kept = repository.newest_at(planned);
        for (tag, place) in &mut repository.tags {
            if place.is_gone || !is_it(tag, place) {
                continue;
            }
            if place.at <= planned {
                assert!(
                    !kept.contains(&place.digest),
                    "{name}:{tag} was deleted, though the rules keep it"
                );
            } else {
                let (step, time) = look.expect("looks before it deletes");
                assert!(
                    place.at > step && now - time <= FRESH,
                    "{name}:{tag} was deleted, though it was pushed before the last look"
                );
                self.raced += 1;
            }
            place.is_gone = true;
            repository.history.push(Change {
                at,
                tag: tag.clone(),
                digests: Vec::new(),
            });
        }
    }

    /// A manifest was deleted, which may be part of images.
    fn lost_part(&mut self, name: &str, digest: &str, pruning: &Pruning) {
        let planned = pruning.planned.expect("only prunes delete");
        let looked = pruning.looked(name).map(|(step, _)| step);
        let repository = self.repositories.get_mut(name).unwrap();
        for (tag, place) in &repository.tags {
            let lacks = !place.is_gone && place.parts.iter().any(|part| part == digest);
            if lacks && place.at > planned && looked.is_some_and(|looked| place.at > looked) {
                self.raced += u64::from(repository.broken.insert(tag.clone()));
            }
        }
    }

    /// Holds what is in the sandbox against this.
    pub(super) fn check(&self, state: &State) {
        for (name, repository) in &self.repositories {
            let here = repository.tags.iter().filter(|(_, tag)| !tag.is_gone);
            let here: BTreeMap<_, _> = here
                .map(|(name, tag)| (name.as_str(), tag.digest.as_str()))
                .collect();
            assert_eq!(state.tags(name), here, "the tags of {name}");
            state.has_whole_images(name, &repository.broken);
        }
    }
}

impl Repository {
    fn image(&self, name: &str, number: usize, kind: u32) -> Image {
        let again = self.images.get(number % self.images.len().max(1));
        let part = |number: usize| Image::new(name).sized_layer(number as u64, 1_000);
        match (kind, again) {
            (0..3, Some(again)) => again.image.clone(),
            // An index over an image that was pushed by itself.
            (3, Some(again)) if again.parts.is_empty() => Image::index(name)
                .child(again.image.clone())
                .child(part(number)),
            (4..6, _) => Image::index(name)
                .child(part(number))
                .child(part(number ^ 1)),
            _ => part(number),
        }
    }

    /// The digests of the tagged images that were the newest at a step.
    fn newest_at(&self, step: u64) -> BTreeSet<String> {
        let mut tags = BTreeMap::new();
        let mut pushed = BTreeMap::new();
        for change in self.history.iter().take_while(|change| change.at <= step) {
            pushed.extend(change.digests.iter().map(|digest| (digest, change.at)));
            match change.digests.first() {
                Some(digest) => tags.insert(&change.tag, digest),
                None => tags.remove(&change.tag),
            };
        }
        let tagged: BTreeSet<_> = tags.into_values().collect();
        let is_newest = |digest: &&&String| {
            let newer = { tagged.iter() }
                .filter(|other| other != digest && pushed[**other] >= pushed[**digest]);
            newer.count() < KEPT
        };
        { tagged.iter().filter(is_newest) }
            .map(|digest| (*digest).clone())
            .collect()
    }
}

enum Subject {
    Tags,
    Manifests,
    Tag(String),
    Manifest(String),
}

/// What of a repository a request of the API is about.
fn subject(request: &RecordedRequest) -> Option<(String, Subject)> {
    request.operation.as_ref()?;
    let (_, path) = request.path.split_once("/repositories/")?;
    let mut parts = path.split('/').map(|part| part.replace("%2F", "/"));
    let (name, kind) = (parts.next()?, parts.next()?);
    let subject = match (kind.as_str(), parts.next()) {
        ("tags", None) => Subject::Tags,
        ("digests", None) => Subject::Manifests,
        ("tags", Some(tag)) => Subject::Tag(tag),
        ("digests", Some(digest)) => Subject::Manifest(digest.replace("%3A", ":")),
        _ => return None,
    };
    Some((name, subject))
}

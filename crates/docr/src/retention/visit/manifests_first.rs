//! Deleting manifests before their tags, where the service deletes these with them.

use std::{
    collections::{HashMap, HashSet},
    iter,
    sync::Arc,
};

use futures_util::{StreamExt as _, stream::FuturesUnordered};
use tokio::sync::OwnedSemaphorePermit;

use super::{Visit, delete, run::is_refusal};
use crate::{
    RepositoryHandle, Result,
    retention::{
        look::{Look, Scope},
        manifest::ManifestReader,
        observe::ObserveRetention,
        plan::Deletion,
        report::Outcome,
    },
};

/// A manifest to delete, with the tags that point to it.
#[derive(Clone)]
struct Tagged<'a> {
    manifest: &'a Deletion,
    tags: Vec<&'a Deletion>,
}

impl<'a> Tagged<'a> {
    fn all(&self) -> impl Iterator<Item = &'a Deletion> + Clone {
        iter::once(self.manifest).chain(self.tags.iter().copied())
    }
}

impl<'a, O: ObserveRetention + Send> Visit<'_, 'a, '_, O> {
    /// Deletes the manifests with their tags. The rest must be deleted one by one; returns the last look.
    pub(super) async fn manifests_first<R: ManifestReader + Sync>(
        &mut self,
        scope: &Scope<'_, R>,
        look: Option<Look>,
    ) -> Option<Look> {
        let run = self.run;
        let Some(tags_go_along) = &run.tags_go_along else {
            return look;
        };
        let mut look = look;
        let mut under_way = FuturesUnordered::new();
        loop {
            // What must be deleted before others is deleted by the next round.
            let images = self.tagged();
            if images.is_empty() {
                self.forget_ended();
                return look;
            }
            for image in images {
                if self.left.is_empty() {
                    // The repository could not be read.
                    return look;
                }
                self.tried_first.insert(&image.manifest.subject);
                let mut known = tags_go_along.lock().await;
                match *known {
                    Some(true) => drop(known),
                    Some(false) => {
                        self.forget_ended();
                        return look;
                    }
                    None => {
                        *known = self.find_out(scope, &image, &mut look).await;
                        continue;
                    }
                }
                let Some(permit) = self.permit_beside(&mut under_way).await else {
                    continue;
                };
                let prepared = self.prepare(scope, &image, &mut look, &mut under_way);
                if let Some(repository) = prepared.await {
                    under_way.push(async move {
                        let (_, result) = delete(repository, image.manifest, permit).await;
                        (image, result)
                    });
                }
            }
            self.end_all(&mut under_way).await;
        }
    }

    /// The tagged manifests that have not been tried, and that nothing but their tags must precede.
    fn tagged(&self) -> Vec<Tagged<'a>> {
        let left = self.left.iter().copied();
        let left = left.filter(|deletion| !self.ended.contains_key(&deletion.subject));
        let (manifests, tags): (Vec<_>, Vec<_>) = left.partition(|it| it.is_manifest());
        let mut tags_of = HashMap::<_, Vec<_>>::new();
        for tag in tags {
            tags_of.entry(tag.digest.as_deref()).or_default().push(tag);
        }
        let untried = manifests
            .into_iter()
            .filter(|manifest| !self.tried_first.contains(&manifest.subject));
        let images = untried.filter_map(|manifest| {
            let tags = tags_of.remove(&manifest.digest.as_deref())?;
            Some(Tagged { manifest, tags })
        });
        images.filter(|image| self.is_ready(image)).collect()
    }

    fn is_ready(&self, image: &Tagged<'a>) -> bool {
        let own: HashSet<_> = image.tags.iter().map(|tag| &tag.subject).collect();
        let mut before = image.all().flat_map(|deletion| &deletion.after);
        before.all(|before| own.contains(before) || self.is_gone(before))
    }

    /// Deletes the first manifest, and checks whether its tags were deleted with it; `None` if that remains unknown.
    async fn find_out<R: ManifestReader + Sync>(
        &mut self,
        scope: &Scope<'_, R>,
        image: &Tagged<'a>,
        look: &mut Option<Look>,
    ) -> Option<bool> {
        let permit = self.run.permit().await?;
        if !self.run.may_begin() {
            return None;
        }
        let prepared = self.prepare(scope, image, look, &mut no_others()).await;
        let deleting = delete(prepared?, image.manifest, permit);
        let (_, result) = self.run.finish(deleting).await;
        match result {
            Ok(()) => self.end(image.manifest, Outcome::Deleted),
            Err(error) if error.is_not_found() || error.is_stopped() || is_refusal(&error) => {
                self.end_image((image.clone(), Err(error)));
                return None;
            }
            // Perhaps a tagged manifest can't be deleted.
            Err(_) => return Some(false),
        }
        self.forget_ended();
        *look = self.look(scope, None).await;
        let look = look.as_ref()?;
        let are_gone = image.tags.iter().all(|tag| look.has_no_tag(tag));
        if are_gone {
            for tag in &image.tags {
                self.end(tag, Outcome::Deleted);
            }
        }
        Some(are_gone)
    }

    /// Waits for a permit to call, and handles deletions that end meanwhile; `None` if stopped before.
    async fn permit_beside<F>(
        &mut self,
        under_way: &mut FuturesUnordered<F>,
    ) -> Option<OwnedSemaphorePermit>
    where
        F: Future<Output = (Tagged<'a>, Result<()>)>,
    {
        let permit = loop {
            match Arc::clone(&self.run.permits).try_acquire_owned() {
                Ok(permit) => break permit,
                // Deletions in progress hold permits, and return them only when polled.
                Err(_) => match self.run.finish(under_way.next()).await {
                    Some(ended) => self.end_image(ended),
                    None => break self.run.permit().await?,
                },
            }
        };
        self.run.may_begin().then_some(permit)
    }

    /// Prepares to delete a manifest before its tags; `None` if it is not to be deleted so, or nothing more may start.
    async fn prepare<R, F>(
        &mut self,
        scope: &Scope<'_, R>,
        image: &Tagged<'a>,
        look: &mut Option<Look>,
        under_way: &mut FuturesUnordered<F>,
    ) -> Option<RepositoryHandle>
    where
        R: ManifestReader + Sync,
        F: Future<Output = (Tagged<'a>, Result<()>)>,
    {
        if self.resumes_at.is_some() {
            self.end_all(under_way).await;
            self.wait_for_rate_limit().await;
        }
        if !look.as_ref().is_some_and(|look| look.is_fresh(self.now())) {
            self.end_all(under_way).await;
            self.forget_ended();
            *look = match self.run.may_begin() {
                true => self.look(scope, None).await,
                false => None,
            };
        }
        let look = look.as_ref();
        let look = look.filter(|look| look.has_no_more(image.manifest, &image.tags))?;
        (self.run.may_begin() && self.begin_all(image.all())).then(|| self.within(look))
    }

    /// Waits for the deletions in progress.
    async fn end_all<F>(&mut self, under_way: &mut FuturesUnordered<F>)
    where
        F: Future<Output = (Tagged<'a>, Result<()>)>,
    {
        while let Some(ended) = self.run.finish(under_way.next()).await {
            self.end_image(ended);
        }
    }

    /// Records the outcome for a manifest and its tags, unless it is tried again.
    fn end_image(&mut self, (image, result): (Tagged<'a>, Result<()>)) {
        if self.is_to_repeat(image.manifest, &result) {
            self.tried_first.remove(&image.manifest.subject);
            return;
        }
        let outcome = self.run.outcome(result);
        self.end(image.manifest, outcome.clone());
        let of_tags = match outcome {
            // Whoever deleted it may have left its tags.
            Outcome::GoneAlready => return,
            Outcome::Refused(_) => Outcome::NotTried,
            outcome => outcome,
        };
        for tag in &image.tags {
            self.end(tag, of_tags.clone());
        }
    }

    fn forget_ended(&mut self) {
        let ended = &self.ended;
        self.left
            .retain(|deletion| !ended.contains_key(&deletion.subject));
    }
}

/// No other deletions are in progress.
fn no_others<'a>() -> FuturesUnordered<std::future::Pending<(Tagged<'a>, Result<()>)>> {
    FuturesUnordered::new()
}

//! Making sure that something is there, and what that gives back.

use crate::error::Result;

/// What was ensured, and whether that took a change.
///
/// ```no_run
/// use docr::{CreateRegistry, Ensured, Region, TierSlug};
///
/// # async fn example(docr: docr::Client) -> Result<(), Box<dyn std::error::Error>> {
/// let wanted = CreateRegistry::new("acme-images".parse()?, TierSlug::Basic).region(Region::Fra1);
/// match docr.registries().ensure(wanted).await? {
///     Ensured::Unchanged(registry) => println!("{} is there", registry.name),
///     Ensured::Changed(registry) => println!("{} was created", registry.name),
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum Ensured<T> {
    /// It was so already.
    Unchanged(T),
    /// It was created, or changed.
    Changed(T),
}

impl<T> Ensured<T> {
    /// What is there now.
    pub fn into_inner(self) -> T {
        match self {
            Self::Unchanged(value) | Self::Changed(value) => value,
        }
    }

    /// What is there now.
    pub fn get(&self) -> &T {
        match self {
            Self::Unchanged(value) | Self::Changed(value) => value,
        }
    }

    /// Whether it was created or changed.
    pub fn is_changed(&self) -> bool {
        matches!(self, Self::Changed(_))
    }
}

/// Finds what is there and holds it against what is wanted, or makes it.
pub(crate) async fn ensure<T, F>(
    find: impl Fn() -> F,
    hold: impl Fn(T) -> Result<T>,
    make: impl Future<Output = Result<T>>,
) -> Result<Ensured<T>>
where
    F: Future<Output = Result<Option<T>>>,
{
    if let Some(found) = find().await? {
        return hold(found).map(Ensured::Unchanged);
    }
    let error = match make.await {
        Ok(made) => return Ok(Ensured::Changed(made)),
        Err(error) => error,
    };
    // Another program may have been faster, and what may have taken effect may be there.
    let may_be_there = error.is_conflict() || error.is_rejected() || error.is_ambiguous();
    if !may_be_there || error.is_name_of_another_account() {
        return Err(error);
    }
    match find().await {
        Ok(Some(found)) => hold(found).map(Ensured::Unchanged),
        _ => Err(error),
    }
}

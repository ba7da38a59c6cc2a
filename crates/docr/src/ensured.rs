//! Ensuring that a resource exists.

use crate::error::Result;

/// A resource that was ensured, and whether that took a change.
///
/// ```no_run
/// use docr::{CreateRegistry, Ensured, Region, TierSlug};
///
/// # async fn example(docr: docr::Client) -> Result<(), Box<dyn std::error::Error>> {
/// let wanted = CreateRegistry::new("acme-images".parse()?, TierSlug::Basic).region(Region::Fra1);
/// match docr.registries().ensure(wanted).await? {
///     Ensured::Unchanged(registry) => println!("{} exists", registry.name),
///     Ensured::Changed(registry) => println!("{} was created", registry.name),
/// }
/// # Ok(())
/// # }
/// ```
///
/// Where the difference doesn't matter, or matters less:
///
/// ```
/// # use docr::Ensured;
/// let ensured = Ensured::Changed("acme-images");
/// if ensured.is_changed() {
///     println!("created {}", ensured.get());
/// }
/// assert_eq!(ensured.into_inner(), "acme-images");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum Ensured<T> {
    /// It existed as requested.
    Unchanged(T),
    /// It was created or changed.
    Changed(T),
}

impl<T> Ensured<T> {
    /// The resource as it is now.
    pub fn into_inner(self) -> T {
        match self {
            Self::Unchanged(value) | Self::Changed(value) => value,
        }
    }

    /// The resource as it is now.
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

/// Finds the resource and compares it with what is wanted, or makes it.
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
    // Another program may have been faster, and an ambiguous call may have taken effect.
    let may_be_there = error.is_conflict() || error.is_rejected() || error.is_ambiguous();
    if !may_be_there || error.is_name_of_another_account() {
        return Err(error);
    }
    match find().await {
        Ok(Some(found)) => hold(found).map(Ensured::Unchanged),
        _ => Err(error),
    }
}

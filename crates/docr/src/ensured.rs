//! What `ensure` gives back.

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

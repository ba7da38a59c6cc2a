//! `docr certificate`

pub(crate) mod list;

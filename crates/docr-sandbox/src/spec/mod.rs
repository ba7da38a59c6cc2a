//! The API's description, and from a request to the operation that it means.

mod description;
mod document;
mod operation;
mod route;
mod template;

pub(crate) use description::Spec;
pub(crate) use operation::{Operation, ResponseRule, messages};
pub(crate) use route::{Routed, query_pairs};

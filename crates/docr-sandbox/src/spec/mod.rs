//! The API's description, and the way from a request to the operation it calls.

mod description;
mod document;
mod operation;
mod route;
mod schema;
mod template;

pub(crate) use description::Spec;
pub(crate) use operation::{Operation, ResponseRule};
pub(crate) use route::{Routed, decode, query_list, query_pairs};
pub(crate) use template::Template;

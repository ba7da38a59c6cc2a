//! The API's spec, routing by it and validation.

mod description;
mod document;
mod operation;
mod route;
mod schema;
mod template;

pub(crate) use description::Spec;
pub(crate) use operation::{Operation, QueryRule, ResponseRule};
pub(crate) use route::{Routed, decode, query_list, query_pairs};
pub(crate) use template::Template;

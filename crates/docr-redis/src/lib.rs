#![doc = include_str!("../README.md")]
#![warn(missing_docs)]

mod budget;
mod journal;
mod turn;

pub use budget::RedisBudget;
pub use redis;

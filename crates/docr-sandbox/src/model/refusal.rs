//! Why the world refuses what is asked of it.

/// A refusal, with a message for the client.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) reason: Reason,
    pub(crate) message: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// What it takes is not there.
    Missing,
    /// The account's state does not allow it.
    Precondition,
    /// A value breaks a rule. The message begins with its field.
    Invalid,
}

impl Refusal {
    pub(super) fn missing(message: impl Into<String>) -> Self {
        Self::new(Reason::Missing, message)
    }

    pub(super) fn precondition(message: impl Into<String>) -> Self {
        Self::new(Reason::Precondition, message)
    }

    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(Reason::Invalid, message)
    }

    fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
        }
    }
}

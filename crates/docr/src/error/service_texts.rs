//! The service's messages that a decision depends on, where the status alone is not enough. They are matched regardless
//! of case, as part of a longer message.

use docr_api::types::EligibilityReason;

/// Whether the message of a 403 says that the resource is in use.
pub(super) fn says_in_use(message: &str) -> bool {
    // The service has no error id for this, but two messages.
    const SAID: [&str; 2] = [
        "make sure the certificate is not in use before deleting it",
        "being used by one or more load balancers",
    ];
    let message = message.to_lowercase();
    SAID.iter().any(|said| message.contains(said))
}

/// The reasons in `... because: [OverRepositoryLimit OverStorageLimit]`.
pub(super) fn eligibility_reasons(message: &str) -> Vec<EligibilityReason> {
    const BEFORE: &str = "because: [";
    // Only ASCII is folded, which keeps the positions in the message.
    let list = message
        .to_ascii_lowercase()
        .find(BEFORE)
        .and_then(|at| message.get(at.saturating_add(BEFORE.len())..))
        .and_then(|rest| rest.split_once(']'));
    let Some((list, _)) = list else {
        return Vec::new();
    };
    list.split([' ', ','])
        .filter(|reason| !reason.is_empty())
        .map(|reason| {
            reason
                .parse()
                .unwrap_or_else(|_| EligibilityReason::Other(reason.to_owned()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_read_from_the_brackets_and_unknown_ones_are_kept() {
        for before in ["because", "Because", "É BECAUSE"] {
            let message = format!("not eligible for tier {before}: [OverRegistryLimit Moonphase]");
            assert_eq!(
                eligibility_reasons(&message),
                [
                    EligibilityReason::OverRegistryLimit,
                    EligibilityReason::Other("Moonphase".into())
                ]
            );
        }
        assert_eq!(eligibility_reasons("because: [unclosed"), []);
        assert_eq!(eligibility_reasons("nothing"), []);
    }

    #[test]
    fn both_sentences_for_in_use_are_recognized_in_any_case() {
        assert!(says_in_use(
            "Make sure the certificate is NOT in use before deleting it."
        ));
        assert!(says_in_use(
            "it is Being used by one or more load balancers"
        ));
        assert!(!says_in_use("You are not authorized"));
    }
}

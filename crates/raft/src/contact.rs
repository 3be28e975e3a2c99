//! Whether a leader still hears a majority. openraft lets it lead on without, and nothing that it is
//! sent is acknowledged then: whoever looks at it must be told.

use std::time::Duration;

/// A majority that has not answered for so long is not heard. Twelve heartbeats; the others ask for
/// votes after five.
const LATELY: Duration = Duration::from_secs(1);

/// Whether a leader of so many voters hears a majority, whose last answer is so long ago. It has won
/// votes just now if there is none.
pub(crate) fn hears_majority(voters: usize, last_answer: Option<Duration>) -> bool {
    voters == 1 || last_answer.is_none_or(|since| since < LATELY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_majority_that_has_answered_within_a_second_is_heard() {
        assert!(hears_majority(3, Some(Duration::from_millis(900))));
        assert!(!hears_majority(3, Some(Duration::from_millis(1100))));
        assert!(hears_majority(3, None), "elected just now");
        assert!(
            hears_majority(1, Some(Duration::MAX)),
            "who is alone is one"
        );
    }
}

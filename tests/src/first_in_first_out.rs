//! What a FIFO queue promises, checked on what senders and receivers saw: nothing lost, one
//! message for a deduplication id, order within a group, and its lock.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::groups::{Delivery, Name, Outcome};

/// Checks all promises. `visibility_timeout` is that of the queue.
pub fn assert_kept(outcome: &Outcome, visibility_timeout: Duration) {
    assert_nothing_is_lost(outcome);
    assert_one_message_for_each_deduplication_id(outcome);
    assert_sequence_numbers_grow(outcome);
    assert_first_deliveries_come_in_order(outcome);
    assert_groups_are_locked(outcome, visibility_timeout);
    assert_the_deleted_stay_away(outcome);
}

fn assert_nothing_is_lost(outcome: &Outcome) {
    let delivered: BTreeSet<Name> = outcome.deliveries.iter().map(|one| one.name).collect();
    let lost: Vec<_> = outcome
        .acknowledged
        .iter()
        .filter(|(name, _)| !delivered.contains(name))
        .collect();
    assert!(lost.is_empty(), "acknowledged and never received: {lost:?}");
}

/// A sender tried each message until it was acknowledged: whatever came out is that message.
fn assert_one_message_for_each_deduplication_id(outcome: &Outcome) {
    for delivery in &outcome.deliveries {
        let told = outcome.acknowledged.get(&delivery.name);
        let told = told.unwrap_or_else(|| panic!("never acknowledged: {delivery:?}"));
        assert_eq!(delivery.message_id, told.message_id, "{delivery:?}");
        assert_eq!(
            delivery.sequence_number, told.sequence_number,
            "{delivery:?}"
        );
    }
    let ids: BTreeSet<&str> = outcome
        .acknowledged
        .values()
        .map(|told| told.message_id.as_str())
        .collect();
    assert_eq!(
        ids.len(),
        outcome.acknowledged.len(),
        "each message has its own id"
    );
}

fn assert_sequence_numbers_grow(outcome: &Outcome) {
    let acknowledged: Vec<_> = outcome.acknowledged.iter().collect();
    for pair in acknowledged.windows(2) {
        let [(name, told), (next_name, next_told)] = [pair[0], pair[1]];
        assert!(
            name.group != next_name.group || told.sequence_number < next_told.sequence_number,
            "{name:?} has {told:?}, but {next_name:?} has {next_told:?}"
        );
    }
}

fn assert_first_deliveries_come_in_order(outcome: &Outcome) {
    let mut next_of_group: BTreeMap<usize, u64> = BTreeMap::new();
    for delivery in &outcome.deliveries {
        let next = next_of_group.entry(delivery.name.group).or_default();
        assert!(
            delivery.name.number <= *next,
            "number {next} of its group was never seen before this: {delivery:?}"
        );
        *next = (*next).max(delivery.name.number + 1);
    }
}

/// While a message is in flight, only the receive that returned it returns later ones of its
/// group: until its receiver asks to delete it, or its visibility timeout ends.
fn assert_groups_are_locked(outcome: &Outcome, visibility_timeout: Duration) {
    let mut of_group: BTreeMap<usize, Vec<&Delivery>> = BTreeMap::new();
    for delivery in &outcome.deliveries {
        let before = of_group.entry(delivery.name.group).or_default();
        for holder in before.iter() {
            let is_of_one_receive =
                holder.returned_at == delivery.returned_at && holder.asked_at == delivery.asked_at;
            let is_free = holder.deletion_asked_at <= delivery.returned_at
                || holder.asked_at + visibility_timeout <= delivery.returned_at;
            assert!(
                is_of_one_receive || is_free || holder.name.number > delivery.name.number,
                "{delivery:?} came while {holder:?} was in flight"
            );
        }
        before.push(delivery);
        // What is free now is free for all that come later.
        before.retain(|holder| holder.deletion_asked_at > delivery.returned_at);
    }
}

fn assert_the_deleted_stay_away(outcome: &Outcome) {
    let mut deleted_at = BTreeMap::new();
    for delivery in &outcome.deliveries {
        if let Some(deleted) = deleted_at.get(&delivery.name) {
            assert!(
                delivery.asked_at < *deleted,
                "deleted at {deleted:?}, but it came again: {delivery:?}"
            );
        }
        if let Some(deleted) = delivery.deleted_at {
            deleted_at.entry(delivery.name).or_insert(deleted);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::groups::Acknowledged;

    const VISIBILITY_TIMEOUT: Duration = Duration::from_secs(5);
    const STEP: Duration = Duration::from_millis(10);

    /// Three messages of one group, each received alone and deleted at once.
    fn good() -> Outcome {
        let began = Instant::now();
        let mut outcome = Outcome::default();
        for number in 0..3_u32 {
            let name = Name {
                group: 1,
                number: number.into(),
            };
            let message_id = format!("id-{number}");
            let sequence_number = u128::from(number) + 7;
            outcome.acknowledged.insert(
                name,
                Acknowledged {
                    message_id: message_id.clone(),
                    sequence_number,
                },
            );
            let asked_at = began + 10 * number * STEP;
            outcome.deliveries.push(Delivery {
                name,
                message_id,
                sequence_number,
                asked_at,
                returned_at: asked_at + STEP,
                deletion_asked_at: asked_at + 2 * STEP,
                deleted_at: Some(asked_at + 3 * STEP),
            });
        }
        outcome
    }

    fn check(outcome: &Outcome) {
        assert_kept(outcome, VISIBILITY_TIMEOUT);
    }

    #[test]
    fn what_went_well_is_accepted() {
        check(&good());
    }

    #[test]
    fn messages_of_one_receive_do_not_lock_each_other() {
        let mut outcome = good();
        let first = outcome.deliveries[0].clone();
        for delivery in &mut outcome.deliveries {
            delivery.asked_at = first.asked_at;
            delivery.returned_at = first.returned_at;
        }
        check(&outcome);
    }

    #[test]
    #[should_panic(expected = "never received")]
    fn a_lost_message_is_noticed() {
        let mut outcome = good();
        outcome.deliveries.pop();
        check(&outcome);
    }

    #[test]
    #[should_panic(expected = "id-other")]
    fn a_second_message_for_a_deduplication_id_is_noticed() {
        let mut outcome = good();
        outcome.deliveries[1].message_id = "id-other".to_owned();
        check(&outcome);
    }

    #[test]
    #[should_panic(expected = "sequence_number: 8")]
    fn a_sequence_number_that_does_not_grow_is_noticed() {
        let mut outcome = good();
        for told in outcome.acknowledged.values_mut() {
            told.sequence_number = 8;
        }
        for delivery in &mut outcome.deliveries {
            delivery.sequence_number = 8;
        }
        check(&outcome);
    }

    #[test]
    #[should_panic(expected = "was never seen before this")]
    fn a_wrong_order_is_noticed() {
        let mut outcome = good();
        outcome.deliveries.swap(0, 1);
        check(&outcome);
    }

    #[test]
    #[should_panic(expected = "was in flight")]
    fn a_broken_lock_is_noticed() {
        let mut outcome = good();
        outcome.deliveries[0].deletion_asked_at += 20 * STEP;
        check(&outcome);
    }

    #[test]
    #[should_panic(expected = "it came again")]
    fn a_deleted_message_that_comes_back_is_noticed() {
        let mut outcome = good();
        let mut again = outcome.deliveries[0].clone();
        again.asked_at += VISIBILITY_TIMEOUT;
        again.returned_at += VISIBILITY_TIMEOUT;
        outcome.deliveries.push(again);
        check(&outcome);
    }
}

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

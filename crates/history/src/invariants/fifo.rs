//! FIFO queues: messages of a group come in the order of their sequence numbers, and nothing comes
//! while an earlier message of the group is there and hidden.

use std::collections::{BTreeMap, BTreeSet};

use super::{Report, moment};
use crate::history::Call;
use crate::messages::{Delivered, Messages};
use crate::verdict::Invariant;

/// A group of a queue.
type Group<'h> = (&'h str, &'h str);

/// What one receive has told of a group.
struct Response<'h> {
    group: Group<'h>,
    call: &'h Call,
    /// Places in the answer, with places in the group.
    told: Vec<(usize, usize)>,
}

/// What is known of a message of a group.
struct Member<'h> {
    body: &'h str,
    number: u128,
    /// Since when it is certainly in the queue.
    known_at: u64,
    /// From when on it may be gone.
    gone_at: u64,
}

pub(super) fn check(messages: &Messages<'_>, report: &mut Report) {
    let groups = groups(messages);
    check_order(messages, &groups, report);
    check_sequence_numbers(messages, report);
}

fn groups<'h>(messages: &Messages<'h>) -> BTreeMap<Group<'h>, Vec<Member<'h>>> {
    let mut groups: BTreeMap<Group<'h>, Vec<Member<'h>>> = BTreeMap::new();
    for (body, message) in &messages.by_body {
        let Some(send) = message.sends.first() else {
            continue;
        };
        let settings = messages.settings(send.queue);
        let (true, Some(group)) = (settings.fifo, send.message.group.as_deref()) else {
            continue;
        };
        let told = message.sends.iter().filter_map(|send| send.accepted);
        let here = message.deliveries.iter().filter(|d| d.queue == send.queue);
        let mut numbers = told
            .filter_map(|accepted| accepted.sequence_number.as_deref())
            .chain(
                here.clone()
                    .filter_map(|d| d.delivery.sequence_number.as_deref()),
            );
        let Some(number) = numbers.find_map(|text| text.parse().ok()) else {
            continue;
        };
        let acknowledged = message.acknowledged().map(|send| send.call.ended_at);
        let known_at = acknowledged
            .into_iter()
            .chain(here.clone().map(|d| d.call.ended_at))
            .min();
        groups.entry((send.queue, group)).or_default().push(Member {
            body,
            number,
            known_at: known_at.unwrap_or(u64::MAX),
            gone_at: gone_at(messages, send.queue, &here),
        });
    }
    for members in groups.values_mut() {
        members.sort_by_key(|member| member.number);
    }
    groups
}

/// From when on a message may have left its queue: a delete or a purge was asked for, or it was
/// received so often that it may be a dead letter.
fn gone_at<'h>(
    messages: &Messages<'h>,
    queue: &str,
    here: &(impl Iterator<Item = &'h Delivered<'h>> + Clone),
) -> u64 {
    let deletes = here.clone().flat_map(|d| {
        messages
            .deletes_of(d)
            .iter()
            .map(|delete| delete.call.invoked_at)
    });
    let purges = messages.purges.iter();
    let purges = purges
        .filter(|p| p.queue == queue)
        .map(|p| p.call.invoked_at);
    let settings = messages.settings(queue);
    let dies = settings.dead_letters.and_then(|dead_letters| {
        let mut counted = here.clone();
        let exhausted = counted.find(|d| d.delivery.receive_count >= dead_letters.max_receives);
        let unseen = messages.lost_receives.iter();
        let unseen = unseen.filter(|receive| receive.queue == queue);
        let exhausted = exhausted.map(|d| d.call.invoked_at);
        exhausted
            .into_iter()
            .chain(unseen.map(|receive| receive.call.invoked_at))
            .min()
    });
    let expires = settings.retention_millis.map(|_| 0);
    deletes
        .chain(purges)
        .chain(dies)
        .chain(expires)
        .min()
        .unwrap_or(u64::MAX)
}

fn check_order<'h>(
    messages: &Messages<'h>,
    groups: &BTreeMap<Group<'h>, Vec<Member<'h>>>,
    report: &mut Report,
) {
    // The latest moment up to which a message before each one stays, and whose that is.
    let stays: BTreeMap<&Group<'h>, Vec<Option<usize>>> = groups
        .iter()
        .map(|(group, members)| (group, latest_before(members)))
        .collect();
    for response in responses(messages, groups) {
        let Response { group, call, told } = response;
        let places: Vec<usize> = told.into_iter().map(|(_, place)| place).collect();
        let members = &groups[&group];
        let told: BTreeSet<usize> = places.iter().copied().collect();
        if let Some(pair) = places.windows(2).find(|pair| pair[0] > pair[1]) {
            let (later, earlier) = (&members[pair[0]], &members[pair[1]]);
            report.add(
                Invariant::GroupOrder,
                call.ended_at,
                format!(
                    "group {} of {}: one receive of {} at {} gave message {} before message {}, \
                     which has the smaller sequence number",
                    group.1,
                    group.0,
                    call.client,
                    moment(call.ended_at),
                    later.body,
                    earlier.body,
                ),
            );
        }
        let Some(&first) = told.first() else {
            continue;
        };
        let before_first =
            stays[&group][first].filter(|place| members[*place].gone_at >= call.ended_at);
        // Its message may not have been there: then the others before it must be looked at.
        let before_first = before_first.and_then(|_| {
            (0..first)
                .rev()
                .find(|place| stays_through(&members[*place], call))
        });
        let last = told.last().copied().unwrap_or(first);
        let between = (first..last)
            .find(|place| !told.contains(place) && stays_through(&members[*place], call));
        if let Some(place) = before_first.or(between) {
            let earlier = &members[place];
            let later = told
                .range(place..)
                .next()
                .map_or("", |later| members[*later].body);
            report.add(
                Invariant::GroupOrder,
                call.ended_at,
                format!(
                    "group {} of {}: message {later} was delivered to {} between {} and {}, while \
                     message {} before it, there since {}, was not deleted",
                    group.1,
                    group.0,
                    call.client,
                    moment(call.invoked_at),
                    moment(call.ended_at),
                    earlier.body,
                    moment(earlier.known_at),
                ),
            );
        }
    }
}

/// Whether a message was certainly in the queue during a whole receive.
fn stays_through(member: &Member<'_>, call: &Call) -> bool {
    member.known_at < call.invoked_at && member.gone_at >= call.ended_at
}

/// For each message the place of the one before it that stays the longest.
fn latest_before(members: &[Member<'_>]) -> Vec<Option<usize>> {
    let mut latest: Option<usize> = None;
    let mut all = Vec::with_capacity(members.len());
    for (place, member) in members.iter().enumerate() {
        all.push(latest);
        if latest.is_none_or(|known| members[known].gone_at <= member.gone_at) {
            latest = Some(place);
        }
    }
    all
}

/// What each receive has told of each group.
fn responses<'h>(
    messages: &Messages<'h>,
    groups: &BTreeMap<Group<'h>, Vec<Member<'h>>>,
) -> Vec<Response<'h>> {
    let mut responses: BTreeMap<(Group<'h>, u64), Response<'h>> = BTreeMap::new();
    for (&group, members) in groups {
        for (place, member) in members.iter().enumerate() {
            for delivered in &messages.by_body[member.body].deliveries {
                // Dead letters elsewhere are in the order of another queue.
                if delivered.queue != group.0 {
                    continue;
                }
                let call = delivered.call;
                let response = responses
                    .entry((group, call.number))
                    .or_insert_with(|| Response {
                        group,
                        call,
                        told: Vec::new(),
                    });
                response.told.push((delivered.position, place));
            }
        }
    }
    let mut responses: Vec<Response<'h>> = responses.into_values().collect();
    for response in &mut responses {
        response.told.sort_unstable();
    }
    responses
}

/// An acknowledged send with the number that it got.
#[derive(Clone, Copy)]
struct Numbered<'h> {
    number: u128,
    body: &'h str,
    id: &'h str,
    /// When it was tried first: a retry is told the number that the first try got.
    tried_at: u64,
    call: &'h Call,
}

/// A send that began after another was acknowledged has the greater number.
fn check_sequence_numbers(messages: &Messages<'_>, report: &mut Report) {
    let mut acknowledged: BTreeMap<Group<'_>, Vec<Numbered<'_>>> = BTreeMap::new();
    for (body, message) in &messages.by_body {
        let Some(send) = message.acknowledged() else {
            continue;
        };
        let (Some(group), Some(accepted)) = (&send.message.group, send.accepted) else {
            continue;
        };
        let number = accepted.sequence_number.as_deref();
        let Some(number) = number.and_then(|text| text.parse().ok()) else {
            continue;
        };
        let sends = acknowledged.entry((send.queue, group)).or_default();
        sends.push(Numbered {
            number,
            body,
            id: &accepted.message_id,
            tried_at: message.first_tried_at().unwrap_or(send.call.invoked_at),
            call: send.call,
        });
    }
    for ((queue, group), mut sends) in acknowledged {
        let mut by_end = sends.clone();
        sends.sort_unstable_by_key(|send| send.tried_at);
        by_end.sort_unstable_by_key(|send| send.call.ended_at);
        let mut ended = by_end.into_iter().peekable();
        let mut greatest: Option<Numbered<'_>> = None;
        for send in sends {
            while let Some(earlier) = ended.next_if(|it| it.call.ended_at < send.tried_at) {
                if greatest.is_none_or(|known| known.number < earlier.number) {
                    greatest = Some(earlier);
                }
            }
            if let Some(before) = greatest
                && before.number >= send.number
                && before.id != send.id
            {
                report.add(
                    Invariant::SequenceNumbers,
                    send.call.ended_at,
                    format!(
                        "group {group} of {queue}: message {} was sent after {} was acknowledged, \
                         and has sequence number {}, which is not greater than {}",
                        send.body, before.body, send.number, before.number,
                    ),
                );
            }
        }
    }
}

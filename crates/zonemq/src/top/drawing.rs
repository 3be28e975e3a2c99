//! A picture of the cluster as text.

use std::fmt::Write;

use comfy_table::Table;

use super::events::{Fault, Picture, Seen};
use super::rates::{Rate, Rates};
use crate::paint::one_line;
use crate::status::UNHEARD;
use crate::table;

/// More queues than fit on a screen.
const MOST_QUEUES: usize = 20;

pub(super) fn drawn(picture: &Picture, rates: &Rates) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = draw(&mut out, picture, rates);
    out
}

fn draw(out: &mut String, picture: &Picture, rates: &Rates) -> std::fmt::Result {
    let seen = || picture.nodes.iter().filter_map(|node| node.seen.as_ref());
    let leader = picture.leader().map(|(_, seen)| seen);
    writeln!(out, "{}", nodes(picture, leader))?;
    let Some((_, best)) = picture.best() else {
        return writeln!(out, "No node answers n{}.", picture.from);
    };
    writeln!(out, "{}", queues(best, rates))?;
    if best.queues.len() > MOST_QUEUES {
        writeln!(out, "and {} more queues", best.queues.len() - MOST_QUEUES)?;
    }
    let mut faults: Vec<&Fault> = seen().flat_map(|seen| &seen.faults).collect();
    faults.sort_by_key(|fault| fault.number);
    faults.dedup_by_key(|fault| fault.number);
    for Fault {
        number,
        words,
        left_millis,
    } in faults
    {
        let words = one_line(words, 60);
        match left_millis {
            Some(left) => writeln!(
                out,
                "broken: #{number} {words}, {} s left",
                left.div_ceil(1000)
            )?,
            None => writeln!(out, "broken: #{number} {words}, until it is undone")?,
        }
    }
    Ok(())
}

fn nodes(picture: &Picture, leader: Option<&Seen>) -> Table {
    let mut table = table::with_header([
        "node",
        "zone",
        "role",
        "term",
        "last log",
        "durable",
        "committed",
        "applied",
        "behind",
    ]);
    for node in &picture.nodes {
        let mut row = vec![format!("n{}", node.id), node.zone.clone()];
        let Some(seen) = &node.seen else {
            let why = node.why.as_deref().unwrap_or_default();
            tracing::debug!(node = node.id, why, "does not answer");
            row.push("no answer".to_owned());
            table.add_row(row);
            continue;
        };
        let behind = leader.map(|leader| {
            let behind = leader.last_log_index.saturating_sub(seen.last_log_index);
            behind.to_string()
        });
        row.push(match seen.hears_majority {
            Some(false) => UNHEARD.to_owned(),
            _ => seen.role.clone(),
        });
        let numbers = [
            seen.term,
            seen.last_log_index,
            seen.durable_index,
            seen.committed_index,
            seen.applied_index,
        ];
        row.extend(numbers.map(|number| number.to_string()));
        row.push(behind.unwrap_or_else(|| "-".to_owned()));
        table.add_row(row);
    }
    table::align_numbers(&mut table, 3);
    table
}

fn queues(best: &Seen, rates: &Rates) -> Table {
    let mut table = table::with_header([
        "queue",
        "visible",
        "in flight",
        "delayed",
        "sent/s",
        "received/s",
        "deleted/s",
        "oldest",
        "receivers",
    ]);
    for queue in best.queues.iter().take(MOST_QUEUES) {
        let oldest = queue.oldest_age_seconds.map(|age| format!("{age} s"));
        let rate = rates.of(&queue.name);
        let per_second = |of: fn(&Rate) -> f64| {
            let rate = rate.as_ref().map(of);
            rate.map_or_else(|| "-".to_owned(), |rate| format!("{rate:.1}"))
        };
        table.add_row([
            queue.name.clone(),
            queue.visible.to_string(),
            queue.in_flight.to_string(),
            queue.delayed.to_string(),
            per_second(|rate| rate.sent),
            per_second(|rate| rate.received),
            per_second(|rate| rate.deleted),
            oldest.unwrap_or_else(|| "-".to_owned()),
            queue.waiting_receivers.to_string(),
        ]);
    }
    table::align_numbers(&mut table, 1);
    table
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn a_picture_is_drawn_with_its_nodes_queues_and_faults() {
        let mut picture: Picture = serde_json::from_str(
            r#"{"from":1,"nodes":[
                {"id":1,"zone":"a","why":null,"seen":{"role":"leader","term":4,"last_log_index":12,
                 "durable_index":12,"committed_index":11,"applied_index":10,
                 "queues":[{"name":"work","visible":3,"in_flight":1,"delayed":0,
                            "oldest_age_seconds":7,"waiting_receivers":2,
                            "sent":9,"received":5,"deleted":4}],
                 "faults":[{"number":2,"words":"cut n1-n2","left_millis":1500}]}},
                {"id":2,"zone":"b","why":"it does not answer","seen":null}]}"#,
        )
        .unwrap();
        let mut rates = Rates::default();
        let now = Instant::now();
        rates.note(now, &picture);
        let leader = &mut picture.nodes[0].seen.as_mut().unwrap().queues[0];
        leader.counts.sent += 25;
        rates.note(now + Duration::from_secs(2), &picture);
        let drawn = drawn(&picture, &rates);
        for part in [
            "leader",
            "no answer",
            "work",
            "7 s",
            "12.5",
            "broken: #2 cut n1-n2, 2 s left",
        ] {
            assert!(drawn.contains(part), "{part} in {drawn}");
        }
    }
}

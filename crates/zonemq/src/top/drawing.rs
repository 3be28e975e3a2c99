//! A picture of the cluster as text.

use std::fmt::Write;

use comfy_table::{CellAlignment, Table, presets};

use super::events::{Fault, Picture, Seen};
use crate::paint::one_line;

/// More queues than fit on a screen.
const MOST_QUEUES: usize = 20;

pub(super) fn drawn(picture: &Picture) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = draw(&mut out, picture);
    out
}

fn draw(out: &mut String, picture: &Picture) -> std::fmt::Result {
    let seen = || picture.nodes.iter().filter_map(|node| node.seen.as_ref());
    let leader = seen()
        .filter(|seen| seen.role == "leader")
        .max_by_key(|seen| seen.term);
    let best = leader.or(seen().max_by_key(|seen| seen.applied_index));
    writeln!(out, "{}", nodes(picture, leader))?;
    let Some(best) = best else {
        return writeln!(out, "No node answers n{}.", picture.from);
    };
    writeln!(out, "{}", queues(best))?;
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
    let mut table = Table::new();
    table.load_preset(presets::UTF8_FULL_CONDENSED).set_header([
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
        row.push(seen.role.clone());
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
    for column in table.column_iter_mut().skip(3) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn queues(best: &Seen) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::UTF8_FULL_CONDENSED).set_header([
        "queue",
        "visible",
        "in flight",
        "delayed",
        "oldest",
        "receivers",
    ]);
    for queue in best.queues.iter().take(MOST_QUEUES) {
        let oldest = queue.oldest_age_seconds.map(|age| format!("{age} s"));
        table.add_row([
            queue.name.clone(),
            queue.visible.to_string(),
            queue.in_flight.to_string(),
            queue.delayed.to_string(),
            oldest.unwrap_or_else(|| "-".to_owned()),
            queue.waiting_receivers.to_string(),
        ]);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_drawn_with_its_nodes_queues_and_faults() {
        let picture: Picture = serde_json::from_str(
            r#"{"from":1,"nodes":[
                {"id":1,"zone":"a","why":null,"seen":{"role":"leader","term":4,"last_log_index":12,
                 "durable_index":12,"committed_index":11,"applied_index":10,
                 "queues":[{"name":"work","visible":3,"in_flight":1,"delayed":0,
                            "oldest_age_seconds":7,"waiting_receivers":2}],
                 "faults":[{"number":2,"words":"cut n1-n2","left_millis":1500}]}},
                {"id":2,"zone":"b","why":"it does not answer","seen":null}]}"#,
        )
        .unwrap();
        let drawn = drawn(&picture);
        for part in [
            "leader",
            "no answer",
            "work",
            "7 s",
            "broken: #2 cut n1-n2, 2 s left",
        ] {
            assert!(drawn.contains(part), "{part} in {drawn}");
        }
    }
}

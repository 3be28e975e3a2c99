//! `zonemq trace`: asks all nodes where one message is.

use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use crate::args::TraceArgs;
use crate::cluster::{DataFolder, LocalNode};
use crate::failure::Failure;
use crate::http;
use crate::paint::painted;
use crate::say::{self, say};
use crate::table;

/// What a node knows of the message.
#[derive(Debug, Serialize, Deserialize)]
struct Trace {
    id: String,
    now_millis: u64,
    committed_index: u64,
    applied_index: u64,
    queue: Option<String>,
    message: Option<Message>,
    entry: Option<Entry>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Message {
    state: String,
    until_millis: Option<u64>,
    sent_at_millis: u64,
    receive_count: u32,
    log_offset: u32,
    log_bytes: u32,
}

#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    index: u64,
    durable: bool,
    committed: bool,
    applied: bool,
}

/// One node of what `--json` prints. Its shape is a promise.
#[derive(Debug, Serialize)]
struct NodeTrace {
    id: u64,
    zone: String,
    /// Nothing if it does not answer.
    trace: Option<Trace>,
}

pub(crate) async fn run(args: TraceArgs) -> Result<(), Failure> {
    let (_, cluster) = DataFolder::existing(&args.data.data)?;
    let client = http::client()?;
    let mut asking = JoinSet::new();
    for node in cluster.nodes {
        let url = http::url(node.api, &format!("/admin/messages/{}", args.id));
        asking.spawn(ask(client.clone(), url, node));
    }
    let mut nodes = Vec::new();
    while let Some(asked) = asking.join_next().await {
        nodes.push(asked.map_err(anyhow::Error::from)??);
    }
    nodes.sort_by_key(|node| node.id);
    if args.json {
        let text = serde_json::to_string_pretty(&nodes).map_err(anyhow::Error::from)?;
        say!("{text}");
    } else {
        say::text(&painted(&told(&nodes)));
    }
    if nodes.iter().all(|node| node.trace.is_none()) {
        return Err(Failure::Runtime(anyhow::anyhow!(
            "no node of the cluster answers; `zonemq status` shows which of them live"
        )));
    }
    Ok(())
}

async fn ask(client: reqwest::Client, url: String, node: LocalNode) -> Result<NodeTrace, Failure> {
    let trace = match client.get(url).send().await {
        Ok(answer) if answer.status().is_success() => answer.json().await.ok(),
        // It is the id that is wrong, and every node says so.
        Ok(answer) if answer.status() == reqwest::StatusCode::BAD_REQUEST => {
            let sentence = answer.text().await.unwrap_or_default();
            return Err(Failure::Usage(sentence.trim_end().to_owned()));
        }
        Ok(_) | Err(_) => None,
    };
    Ok(NodeTrace {
        id: node.id,
        zone: node.zone,
        trace,
    })
}

fn told(nodes: &[NodeTrace]) -> String {
    let mut table = table::with_header([
        "node",
        "zone",
        "entry",
        "on disk",
        "committed",
        "applied",
        "now",
    ]);
    for node in nodes {
        let mut row = vec![format!("n{}", node.id), node.zone.clone()];
        match &node.trace {
            None => row.extend(["-", "-", "-", "-", "no answer"].map(str::to_owned)),
            Some(trace) => {
                row.extend(steps(trace.entry.as_ref()));
                row.push(now(trace));
            }
        }
        table.add_row(row);
    }
    format!("{table}\n{}\n", summary(nodes))
}

fn steps(entry: Option<&Entry>) -> [String; 4] {
    let mark = |done: bool| if done { "✓" } else { "✗" }.to_owned();
    match entry {
        Some(entry) => [
            entry.index.to_string(),
            mark(entry.durable),
            mark(entry.committed),
            mark(entry.applied),
        ],
        None => ["-", "-", "-", "-"].map(str::to_owned),
    }
}

fn now(trace: &Trace) -> String {
    let queue = trace.queue.as_deref().unwrap_or_default();
    match (&trace.message, &trace.entry) {
        (Some(message), _) => {
            let left = message.until_millis.map(|until| {
                let seconds = until.saturating_sub(trace.now_millis) / 1000;
                format!(" for {seconds} s")
            });
            let (state, count) = (message.state.replace('_', " "), message.receive_count);
            let left = left.unwrap_or_default();
            format!("{state}{left} in {queue}, received {count} times")
        }
        (None, Some(entry)) if entry.applied => "gone: deleted, expired or purged".to_owned(),
        (None, Some(_)) => "not applied yet".to_owned(),
        (None, None) => "not known".to_owned(),
    }
}

fn summary(nodes: &[NodeTrace]) -> String {
    let traces = nodes.iter().filter_map(|node| node.trace.as_ref());
    let on_disk = traces.clone().filter_map(|trace| trace.entry.as_ref());
    let on_disk = on_disk.filter(|entry| entry.durable).count();
    let message = traces.clone().find_map(|trace| trace.message.as_ref());
    match message {
        Some(message) => format!(
            "On the disk of {on_disk} of {} nodes: {} bytes at byte {} of its entry.",
            nodes.len(),
            message.log_bytes,
            message.log_offset
        ),
        None if on_disk > 0 => "No queue holds it.".to_owned(),
        None => "No queue holds it, and it did not come with any of the last entries: it may have \
                 been deleted long ago, or never sent."
            .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trace(durable: bool, message: Option<Message>) -> NodeTrace {
        NodeTrace {
            id: 1,
            zone: "a".to_owned(),
            trace: Some(Trace {
                id: "i".to_owned(),
                now_millis: 1_000,
                committed_index: 9,
                applied_index: 9,
                queue: message.is_some().then(|| "work".to_owned()),
                message,
                entry: Some(Entry {
                    index: 7,
                    durable,
                    committed: true,
                    applied: true,
                }),
            }),
        }
    }

    #[test]
    fn the_life_of_a_message_is_told_node_by_node() {
        let message = Message {
            state: "in_flight".to_owned(),
            until_millis: Some(31_000),
            sent_at_millis: 500,
            receive_count: 2,
            log_offset: 99,
            log_bytes: 12,
        };
        let silent = NodeTrace {
            id: 3,
            zone: "c".to_owned(),
            trace: None,
        };
        let told = told(&[trace(true, Some(message)), trace(false, None), silent]);
        for part in [
            "in flight for 30 s in work, received 2 times",
            "gone: deleted",
            "no answer",
            "On the disk of 1 of 3 nodes: 12 bytes at byte 99",
        ] {
            assert!(told.contains(part), "{part} in {told}");
        }
    }
}

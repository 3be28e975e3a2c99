//! `zonemq peek`: which queues there are, or what one holds, without receiving any of it.

use reqwest::Client;
use serde::{Deserialize, Serialize};

use crate::args::PeekArgs;
use crate::cluster::{Cluster, DataFolder, LocalNode};
use crate::failure::Failure;
use crate::http;
use crate::paint::{one_line, painted};
use crate::say;
use crate::status;
use crate::table;

/// Of a body, in the table; `--json` has more.
const BODY_CHARS: usize = 60;

/// The part of a node's overview that tells of queues.
#[derive(Debug, Deserialize, Serialize)]
struct Overview {
    queues: Vec<Queue>,
    /// Whether there are more than a person looks through.
    more_queues: bool,
}

#[derive(Debug, Deserialize, Serialize)]
struct Queue {
    name: String,
    visible: u64,
    in_flight: u64,
    delayed: u64,
    oldest_age_seconds: Option<u64>,
}

#[derive(Debug, Deserialize)]
struct Peeked {
    node: u64,
    now_millis: u64,
    messages: Vec<Message>,
    more: bool,
}

#[derive(Debug, Deserialize)]
struct Message {
    id: String,
    sent_at_millis: u64,
    receive_count: u32,
    state: String,
    until_millis: Option<u64>,
    #[serde(rename = "message_group")]
    group: Option<String>,
    body: Option<String>,
    body_bytes: Option<usize>,
    body_problem: Option<String>,
}

pub(crate) async fn run(args: PeekArgs) -> Result<(), Failure> {
    let (folder, cluster) = DataFolder::existing(&args.data.data)?;
    let client = http::client()?;
    let node = whom_to_ask(&client, &folder, &cluster).await?;
    let told = match &args.queue {
        None => {
            let answer = asked(&client, node, "/admin/overview").await?;
            let overview: Overview = serde_json::from_str(&answer).map_err(anyhow::Error::from)?;
            if args.json {
                serde_json::to_string(&overview).map_err(anyhow::Error::from)? + "\n"
            } else {
                listed(&overview, node.id)
            }
        }
        Some(queue) => {
            let path = format!("/admin/queues/{queue}/messages?limit={}", args.limit);
            let answer = asked(&client, node, &path).await?;
            if args.json {
                answer + "\n"
            } else {
                let peeked = serde_json::from_str(&answer).map_err(anyhow::Error::from)?;
                painted(&told(queue, &peeked))
            }
        }
    };
    say::text(&told);
    Ok(())
}

/// The leader knows most; without one, whoever answers.
async fn whom_to_ask<'c>(
    client: &Client,
    folder: &DataFolder,
    cluster: &'c Cluster,
) -> Result<&'c LocalNode, Failure> {
    let status = status::collect(client, folder, cluster).await?;
    let answering = status.nodes.iter().find(|node| node.role.is_some());
    let best = status.leader().or(answering.map(|node| node.id));
    let node = cluster.nodes.iter().find(|node| best == Some(node.id));
    node.ok_or_else(|| {
        Failure::Runtime(anyhow::anyhow!(
            "no node of the cluster answers; `zonemq status` shows which of them live"
        ))
    })
}

/// What a node answers; its refusal is a sentence.
async fn asked(client: &Client, node: &LocalNode, path: &str) -> Result<String, Failure> {
    let answer = client.get(http::url(node.api, path)).send().await;
    let answer = answer.map_err(anyhow::Error::from)?;
    let is_found = answer.status().is_success();
    let text = answer.text().await.map_err(anyhow::Error::from)?;
    if !is_found {
        return Err(Failure::Usage(text.trim_end().to_owned()));
    }
    Ok(text)
}

fn listed(overview: &Overview, node: u64) -> String {
    if overview.queues.is_empty() {
        return format!("n{node} knows of no queue.\n");
    }
    let mut table = table::with_header(["queue", "visible", "in flight", "delayed", "oldest"]);
    for queue in &overview.queues {
        let oldest = queue.oldest_age_seconds.map(|age| format!("{age} s"));
        table.add_row([
            queue.name.clone(),
            queue.visible.to_string(),
            queue.in_flight.to_string(),
            queue.delayed.to_string(),
            oldest.unwrap_or_else(|| "-".to_owned()),
        ]);
    }
    table::align_numbers(&mut table, 1);
    let more = if overview.more_queues {
        "There are more queues than these. "
    } else {
        ""
    };
    format!("{table}\n{more}As n{node} has applied them; `zonemq peek QUEUE` shows its messages.\n")
}

fn told(queue: &str, peeked: &Peeked) -> String {
    let mut table = table::with_header([
        "message", "state", "received", "age", "group", "bytes", "body",
    ]);
    for message in &peeked.messages {
        let left = |until: u64| format!("{} s", until.saturating_sub(peeked.now_millis) / 1000);
        let state = match message.until_millis {
            Some(until) => format!("{} for {}", message.state.replace('_', " "), left(until)),
            None => message.state.clone(),
        };
        let age = peeked.now_millis.saturating_sub(message.sent_at_millis) / 1000;
        let body = message.body.as_ref().or(message.body_problem.as_ref());
        table.add_row([
            message.id.clone(),
            state,
            message.receive_count.to_string(),
            format!("{age} s"),
            one_line(message.group.as_deref().unwrap_or("-"), 30),
            message
                .body_bytes
                .map_or_else(|| "-".to_owned(), |bytes| bytes.to_string()),
            one_line(body.map_or("", String::as_str), BODY_CHARS),
        ]);
    }
    let (count, node) = (peeked.messages.len(), peeked.node);
    let more = if peeked.more {
        "; there are more, --limit shows them"
    } else {
        ""
    };
    let plural = if count == 1 { "" } else { "s" };
    format!(
        "{table}\n{count} message{plural} of {queue}, as n{node} has applied them{more}. Nobody has \
         received anything by this.\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_message_says_is_told_on_one_line() {
        let peeked = Peeked {
            node: 2,
            now_millis: 10_000,
            messages: vec![Message {
                id: "i".to_owned(),
                sent_at_millis: 4_000,
                receive_count: 1,
                state: "in_flight".to_owned(),
                until_millis: Some(13_000),
                group: None,
                body: Some("\u{1b}[31mred\nand more".to_owned()),
                body_bytes: Some(17),
                body_problem: None,
            }],
            more: true,
        };
        let told = told("work", &peeked);
        for part in [
            "in flight for 3 s",
            "6 s",
            "·[31mred⏎and more",
            "n2",
            "--limit",
        ] {
            assert!(told.contains(part), "{part} in {told}");
        }
        assert!(!told.contains('\u{1b}'));
    }
}

//! `zonemq peek`: what a queue holds, without receiving any of it.

use comfy_table::{Table, presets};
use serde::Deserialize;

use crate::args::PeekArgs;
use crate::cluster::DataFolder;
use crate::failure::Failure;
use crate::http;
use crate::paint::{one_line, painted};
use crate::say::{self, say};
use crate::status;

/// Of a body, in the table; `--json` has more.
const BODY_CHARS: usize = 60;

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
    // The leader knows most; without one, whoever answers.
    let status = status::collect(&client, &folder, &cluster).await?;
    let answers = |id: u64| {
        status
            .nodes
            .iter()
            .any(|node| node.id == id && node.role.is_some())
    };
    let leader = status.leader();
    let asked = cluster.nodes.iter().find(|node| leader == Some(node.id));
    let Some(node) = asked.or(cluster.nodes.iter().find(|node| answers(node.id))) else {
        return Err(Failure::Runtime(anyhow::anyhow!(
            "no node of the cluster answers; `zonemq status` shows which of them live"
        )));
    };
    let url = http::url(node.api, &format!("/admin/queues/{}/messages", args.queue));
    let url = format!("{url}?limit={}", args.limit);
    let answer = client.get(url).send().await.map_err(anyhow::Error::from)?;
    let is_found = answer.status().is_success();
    let text = answer.text().await.map_err(anyhow::Error::from)?;
    if !is_found {
        return Err(Failure::Usage(text.trim_end().to_owned()));
    }
    if args.json {
        say!("{text}");
        return Ok(());
    }
    let peeked: Peeked = serde_json::from_str(&text).map_err(anyhow::Error::from)?;
    say::text(&painted(&told(&args.queue, &peeked)));
    Ok(())
}

fn told(queue: &str, peeked: &Peeked) -> String {
    let mut table = Table::new();
    table.load_preset(presets::UTF8_FULL_CONDENSED).set_header([
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
    format!(
        "{table}\n{count} messages of {queue}, as n{node} has applied them{more}. Nobody has \
         received them by this.\n"
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

//! How long nothing is acknowledged while something large happens in the state: millions of messages go
//! at once, or snapshots are taken while they lie in as many message groups, or beside many queues.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clap::Args;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::cluster::TestCluster;
use crate::raw_http::Api;
use crate::speed::elections;
use crate::store::load::BATCH;
use crate::store::report::Report;

/// How much of it there is, and how long it may hold others up.
#[derive(Args, Clone, Debug)]
pub struct StallsArgs {
    /// Messages of the queue that is purged, and of the one that is deleted
    #[arg(long, default_value_t = 2_000_000)]
    pub messages: u64,
    /// Message groups with one message each: of a standard queue, and of a FIFO queue
    #[arg(long, default_value_t = 500_000)]
    pub groups: u64,
    /// Queues that are there all the while
    #[arg(long, default_value_t = 100_000)]
    pub queues: u64,
    /// The longest time between two acknowledgements, in seconds
    #[arg(long, default_value_t = 0.25, value_name = "SECONDS")]
    pub longest: f64,
}

/// The queue of the client that is watched.
const WATCHED: &str = "watched";
const CONNECTIONS: u64 = 32;
/// In which what follows a command is watched.
const AFTER: Duration = Duration::from_secs(3);

/// Watches one client that sends, whatever else happens; and counts the terms that came meanwhile.
pub async fn run(args: &StallsArgs, report: &mut Report) {
    let cluster = TestCluster::start();
    let api = Arc::new(Api::of(&cluster, cluster.leader().await));
    create(&api, WATCHED, &json!({})).await;
    let before = elections::term(&cluster);
    let gap = longest_gap(&api, create_many(&api, args.queues)).await;
    let what = format!("{} queues are made: nothing acknowledged for", args.queues);
    report.at_most(&what, args.longest, gap, "s");
    let fifo = json!({"FifoQueue": "true", "ContentBasedDeduplication": "true"});
    for (name, attributes) in [("groups", json!({})), ("groups.fifo", fifo)] {
        create(&api, name, &attributes).await;
        let gap = longest_gap(&api, fill(&api, name, args.groups, Groups::OneEach)).await;
        let what = format!(
            "{} groups in {name}, beside all queues: nothing acknowledged for",
            args.groups
        );
        report.at_most(&what, args.longest, gap, "s");
    }
    for operation in ["PurgeQueue", "DeleteQueue"] {
        create(&api, "large", &json!({})).await;
        fill(&api, "large", args.messages, Groups::None).await;
        let request = json!({"QueueUrl": url(&api, "large")});
        let gap = longest_gap(&api, async {
            call(&api, operation, &request).await;
            tokio::time::sleep(AFTER).await;
        });
        let what = format!("{operation} of {}: nothing acknowledged for", args.messages);
        report.at_most(&what, args.longest, gap.await, "s");
    }
    elections::none_since(before, &cluster, report);
}

/// Whether messages have a group.
#[derive(Clone, Copy, Debug)]
enum Groups {
    None,
    /// A group for each message.
    OneEach,
}

fn url(api: &Api, queue: &str) -> String {
    format!("http://{}/000000000000/{queue}", api.address)
}

async fn call(api: &Api, operation: &str, request: &Value) -> Value {
    let answer = api.json(operation, request.to_string()).await;
    if answer.status == 200 && answer.body.is_empty() {
        Value::Null
    } else {
        answer.value()
    }
}

async fn create(api: &Api, name: &str, attributes: &Value) {
    let request = json!({"QueueName": name, "Attributes": attributes});
    call(api, "CreateQueue", &request).await;
}

/// Does all of it, so many at a time, in the turns of many clients: each is told with which it begins.
async fn share_out<Act: Future<Output = ()> + Send>(
    all: u64,
    at_a_time: u64,
    act: impl Fn(u64) -> Act + Clone + Send + 'static,
) {
    let next = Arc::new(AtomicU64::new(0));
    let mut clients = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let (next, act) = (next.clone(), act.clone());
        clients.spawn(async move {
            loop {
                let first = next.fetch_add(at_a_time, Ordering::Relaxed);
                if first >= all {
                    return;
                }
                act(first).await;
            }
        });
    }
    clients.join_all().await;
}

async fn create_many(api: &Arc<Api>, queues: u64) {
    let api = api.clone();
    share_out(queues, 1, move |number| {
        let api = api.clone();
        async move { create(&api, &format!("queue-{number}"), &json!({})).await }
    })
    .await;
}

/// Sends so many messages in batches.
async fn fill(api: &Arc<Api>, queue: &str, messages: u64, groups: Groups) {
    let (api, url) = (api.clone(), url(api, queue));
    share_out(messages, BATCH, move |first| {
        let (api, url) = (api.clone(), url.clone());
        async move { send_batch(&api, &url, first, groups).await }
    })
    .await;
}

async fn send_batch(api: &Api, url: &str, first: u64, groups: Groups) {
    let entries = (first..first + BATCH).map(|number| {
        let mut entry = json!({
            "Id": number.to_string(),
            "MessageBody": format!("message {number:0>100}"),
        });
        if let Groups::OneEach = groups {
            entry["MessageGroupId"] = format!("group-{number}").into();
        }
        entry
    });
    let entries: Vec<Value> = entries.collect();
    let request = json!({"QueueUrl": url, "Entries": entries});
    let sent = call(api, "SendMessageBatch", &request).await;
    assert_eq!(sent["Failed"].as_array().map_or(0, Vec::len), 0, "{sent}");
}

/// The longest time between two acknowledgements to a client that sends as long as something else
/// happens, in seconds.
async fn longest_gap(api: &Arc<Api>, happens: impl Future<Output = ()>) -> f64 {
    let is_over = Arc::new(AtomicBool::new(false));
    let watched = {
        let (api, is_over) = (api.clone(), is_over.clone());
        let request = json!({"QueueUrl": url(&api, WATCHED), "MessageBody": "still there"});
        tokio::spawn(async move {
            let mut longest = Duration::ZERO;
            while !is_over.load(Ordering::Relaxed) {
                let asked = Instant::now();
                call(&api, "SendMessage", &request).await;
                longest = longest.max(asked.elapsed());
            }
            longest
        })
    };
    happens.await;
    is_over.store(true, Ordering::Relaxed);
    watched.await.expect("it sends to the end").as_secs_f64()
}

//! What can be seen of a cluster is the truth, costs nothing, and is shown to nobody else.

use std::time::{Duration, Instant};

use reqwest::header::{CONTENT_TYPE, HOST, ORIGIN};
use reqwest::{Client, Method, Response};
use serde_json::{Value, json};
use tokio::time::timeout;
use zonemq_tests::client::create_queue;
use zonemq_tests::cluster::TestCluster;

const PATIENCE: Duration = Duration::from_secs(10);
/// What the page promises: from what happens to what it is told.
const TOLD_WITHIN: Duration = Duration::from_millis(250);

fn url(cluster: &TestCluster, id: u64, path: &str) -> String {
    format!("http://{}{path}", cluster.api(id))
}

async fn json_of(cluster: &TestCluster, id: u64, path: &str) -> Value {
    let answer = reqwest::get(url(cluster, id, path)).await;
    let answer = answer.expect("the node answers");
    assert_eq!(answer.status(), 200, "{path}");
    answer.json().await.expect("it is JSON")
}

/// The pictures that a node pushes.
struct Pictures {
    answer: Response,
    part: String,
}

impl Pictures {
    async fn of(cluster: &TestCluster, id: u64) -> Pictures {
        let answer = reqwest::get(url(cluster, id, "/console/events")).await;
        let answer = answer.expect("the node answers");
        assert_eq!(answer.status(), 200);
        Pictures {
            answer,
            part: String::new(),
        }
    }

    async fn next(&mut self) -> Value {
        loop {
            if let Some(end) = self.part.find("\n\n") {
                let event: String = self.part.drain(..end + 2).collect();
                let data = event.strip_prefix("data: ").expect("one line of data");
                return serde_json::from_str(data).expect("it is JSON");
            }
            let chunk = timeout(PATIENCE, self.answer.chunk()).await;
            let chunk = chunk.expect("in time").expect("no error").expect("no end");
            let text = std::str::from_utf8(&chunk).expect("names and numbers are ASCII here");
            self.part.push_str(text);
        }
    }

    /// The first picture that is like this.
    async fn until(&mut self, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let picture = self.next().await;
            if is_so(&picture) {
                return picture;
            }
            assert!(
                Instant::now() < deadline,
                "not within the time: {what}: {picture:#}"
            );
        }
    }
}

fn all_seen(picture: &Value) -> bool {
    let nodes = picture["nodes"].as_array().expect("a list");
    nodes.len() == 3 && nodes.iter().all(|node| node["seen"].is_object())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_at_messages_receives_nothing_and_writes_nothing() {
    let cluster = TestCluster::start();
    let client = cluster.client(1);
    let queue = create_queue(&client, "orders").await;
    let long = "é".repeat(300 << 10);
    for body in ["<b>one</b>", "two\u{1}", &long] {
        let send = client.send_message().queue_url(&queue).message_body(body);
        // A control character is none that SQS takes.
        let _ = send.send().await;
    }
    let leader = cluster.leader().await;
    let before = json_of(&cluster, leader, "/admin/overview").await["last_log_index"].clone();
    let mut peeked = Value::Null;
    for _ in 0..5 {
        peeked = json_of(&cluster, leader, "/admin/queues/orders/messages?limit=10").await;
    }
    let messages = peeked["messages"].as_array().expect("a list");
    assert_eq!(messages[0]["body"], "<b>one</b>");
    let last = messages.last().expect("the long one");
    assert_eq!(last["body_bytes"], 600 << 10);
    assert_eq!(last["body_is_truncated"], true);
    assert_eq!(last["body"].as_str().expect("text").len(), 256 << 10);
    for message in messages {
        assert_eq!(message["receive_count"], 0, "nobody received it");
        assert_eq!(message["state"], "visible");
    }
    let after = json_of(&cluster, leader, "/admin/overview").await["last_log_index"].clone();
    assert_eq!(before, after, "no entry was written");
    let gone = reqwest::get(url(&cluster, leader, "/admin/queues/other/messages")).await;
    assert_eq!(gone.expect("an answer").status(), 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_traced_to_the_same_place_on_every_node_and_out_of_its_queue() {
    let cluster = TestCluster::start();
    let client = cluster.client(2);
    let queue = create_queue(&client, "orders").await;
    let sent = client.send_message().queue_url(&queue).message_body("one");
    let sent = sent.send().await.expect("sent");
    let id = sent.message_id().expect("an id");
    let path = format!("/console/messages/{id}");
    let places = |traces: &Value| {
        let nodes = traces["nodes"].as_array().expect("a list").clone();
        let place = |node: &Value| {
            let message = &node["trace"]["message"];
            (message["log_index"].clone(), message["log_offset"].clone())
        };
        nodes.iter().map(place).collect::<Vec<_>>()
    };
    let deadline = Instant::now() + PATIENCE;
    let traces = loop {
        let traces = json_of(&cluster, 1, &path).await;
        // A follower applies what is committed a little later.
        if places(&traces).iter().all(|(index, _)| index.is_u64()) {
            break traces;
        }
        assert!(Instant::now() < deadline, "{traces:#}");
    };
    let places = places(&traces);
    assert!(places.iter().all(|place| *place == places[0]), "{traces:#}");
    assert_eq!(traces["nodes"][0]["trace"]["entry"]["durable"], true);

    let told = cluster.zonemq(&["trace", id]);
    let told = String::from_utf8(told.stdout).expect("text");
    assert!(
        told.contains("visible in orders, received 0 times"),
        "{told}"
    );
    assert!(told.contains("On the disk of 3 of 3 nodes"), "{told}");
    assert!(
        !told.contains('\u{1b}'),
        "no colours where there is no terminal"
    );

    let received = client.receive_message().queue_url(&queue).send().await;
    let received = received.expect("received");
    let handle = received.messages()[0].receipt_handle().expect("a handle");
    let delete = client.delete_message().queue_url(&queue);
    delete.receipt_handle(handle).send().await.expect("deleted");
    let leader = cluster.leader().await;
    let trace = json_of(&cluster, leader, &format!("/admin/messages/{id}")).await;
    assert_eq!(trace["message"], Value::Null, "no queue holds it");
    assert_eq!(
        trace["entry"]["index"], places[0].0,
        "its entry is still there"
    );

    let wrong = reqwest::get(url(&cluster, 1, "/admin/messages/17")).await;
    assert_eq!(wrong.expect("an answer").status(), 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_of_all_nodes_is_pushed_soon_after_something_happened() {
    let cluster = TestCluster::start();
    let client = cluster.client(1);
    let queue = create_queue(&client, "orders").await;
    let mut pictures = Pictures::of(&cluster, 3).await;
    pictures.until("all nodes are seen", all_seen).await;
    let visible = |picture: &Value| {
        let nodes = picture["nodes"].as_array().expect("a list");
        let counts = nodes
            .iter()
            .map(|node| &node["seen"]["queues"][0]["visible"]);
        counts.filter_map(Value::as_u64).max()
    };
    let mut took = Vec::new();
    for count in 1..=20_u64 {
        let send = client.send_message().queue_url(&queue).message_body("one");
        send.send().await.expect("sent");
        let sent_at = Instant::now();
        let is_told = |picture: &Value| visible(picture) == Some(count);
        pictures.until("it is told", is_told).await;
        took.push(sent_at.elapsed());
    }
    took.sort();
    let median = took[took.len() / 2];
    assert!(
        median <= TOLD_WITHIN,
        "half took longer than {median:?}: {took:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_watch_than_there_is_room_for_and_who_goes_makes_room() {
    let cluster = TestCluster::start();
    let mut watching = Vec::new();
    for _ in 0..16 {
        let mut pictures = Pictures::of(&cluster, 1).await;
        pictures.next().await;
        watching.push(pictures);
    }
    let one_more = reqwest::get(url(&cluster, 1, "/console/events")).await;
    let one_more = one_more.expect("an answer");
    assert_eq!(one_more.status(), 503);
    let sentence = one_more.text().await.expect("a sentence");
    assert!(sentence.contains("16 watch already"), "{sentence}");
    watching.pop();
    let deadline = Instant::now() + PATIENCE;
    loop {
        let again = reqwest::get(url(&cluster, 1, "/console/events")).await;
        if again.expect("an answer").status() == 200 {
            break;
        }
        assert!(Instant::now() < deadline, "there is room again");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_is_set_on_all_nodes_seen_across_the_cut_and_undone() {
    let cluster = TestCluster::start();
    let mut pictures = Pictures::of(&cluster, 1).await;
    pictures.until("all nodes are seen", all_seen).await;
    let held = json!({ "passage": "held" });
    let cut = json!({ "words": "isolate n1", "left_millis": 60_000, "effects": [
        { "on": "link", "from": 1, "to": 2, "rule": held },
        { "on": "link", "from": 2, "to": 1, "rule": held },
        { "on": "link", "from": 1, "to": 3, "rule": held },
        { "on": "link", "from": 3, "to": 1, "rule": held },
    ] });
    let http = Client::new();
    let faults = url(&cluster, 1, "/console/faults");
    let set = http
        .post(&faults)
        .json(&cut)
        .send()
        .await
        .expect("an answer");
    let set: Value = set.json().await.expect("JSON");
    assert_eq!(set["number"], 1, "{set:#}");
    let done = |answer: &Value| {
        let nodes = answer["nodes"].as_array().expect("a list").clone();
        nodes.len() == 3 && nodes.iter().all(|node| node["done"] == true)
    };
    assert!(done(&set), "{set:#}");
    let shows_fault = |picture: &Value| {
        let nodes = picture["nodes"].as_array().expect("a list");
        let has = |node: &Value| node["seen"]["faults"][0]["words"] == "isolate n1";
        nodes.iter().all(has)
    };
    // Every node is seen from the one that none of them reaches.
    pictures.until("the cut is seen", shows_fault).await;
    let undone = http.delete(format!("{faults}/1")).send().await;
    let undone: Value = undone.expect("an answer").json().await.expect("JSON");
    assert!(done(&undone), "{undone:#}");
    let is_whole = |picture: &Value| {
        let nodes = picture["nodes"].as_array().expect("a list");
        let calm = |node: &Value| node["seen"]["faults"] == json!([]);
        nodes.iter().all(calm)
    };
    pictures.until("nothing is broken", is_whole).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_leader_counts_what_passes_through_a_queue_by_whichever_node_it_comes() {
    let cluster = TestCluster::start();
    let queue = create_queue(&cluster.client(1), "orders").await;
    for id in 1..=3 {
        let client = cluster.client(id);
        let send = client.send_message().queue_url(&queue).message_body("one");
        send.send().await.expect("sent");
    }
    let client = cluster.client(2);
    let received = client.receive_message().queue_url(&queue);
    let received = received.max_number_of_messages(2).send().await;
    let received = received.expect("received");
    let handle = received.messages()[0].receipt_handle().expect("a handle");
    let delete = client.delete_message().queue_url(&queue);
    delete.receipt_handle(handle).send().await.expect("deleted");
    let leader = cluster.leader().await;
    let overview = json_of(&cluster, leader, "/admin/overview").await;
    let told = &overview["queues"][0];
    assert_eq!(told["sent"], 3, "{told}");
    assert_eq!(told["received"], received.messages().len(), "{told}");
    assert_eq!(told["deleted"], 1, "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_of_the_page_goes_to_the_node_that_it_names_and_no_further() {
    let cluster = TestCluster::start();
    cluster.leader().await;
    let http = Client::new();
    let call = async |id: u64, operation: &str, input: &Value| {
        let path = format!("/console/nodes/{id}");
        let said = json!({ "operation": operation, "input": input });
        let asked = http.post(url(&cluster, 1, &path)).json(&said);
        let answer = asked.send().await.expect("an answer");
        (answer.status().as_u16(), answer.text().await.expect("text"))
    };
    let queue = json!({ "QueueName": "orders" });
    for id in 1..=3 {
        let (status, answer) = call(id, "CreateQueue", &queue).await;
        assert_eq!(status, 200, "{answer}");
        let answer: Value = serde_json::from_str(&answer).expect("JSON");
        // A node names itself as it was called.
        let expected = format!("http://{}/000000000000/orders", cluster.api(id));
        assert_eq!(answer["QueueUrl"], expected);
    }
    let (status, answer) = call(2, "GetQueueUrl", &json!({ "QueueName": "other" })).await;
    assert_eq!(status, 400, "SQS's own refusals come as they are");
    assert!(answer.contains("QueueDoesNotExist"), "{answer}");
    let long = json!({ "MessageBody": "x".repeat(64 << 10) });
    for (id, operation, input, status, part) in [
        (9, "CreateQueue", &queue, 404, "no node n9"),
        (1, "Create\r\nQueue", &queue, 400, "letters only"),
        (1, "SendMessage", &long, 413, "length limit"),
    ] {
        let (refused, why) = call(id, operation, input).await;
        assert_eq!(refused, status, "{why}");
        assert!(why.contains(part), "{why}");
    }
    let lessons = json_of(&cluster, 1, "/console/lessons").await;
    assert_eq!(lessons["lessons"].as_array().map(Vec::len), Some(6));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_shown_or_broken_for_a_page_that_is_not_ours() {
    let cluster = TestCluster::start();
    let http = Client::new();
    let paths = [
        "/admin/overview",
        "/admin/log",
        "/admin/queues/orders/messages",
        "/admin/messages/123e4567-e89b-42d3-a456-426614174000",
        "/console",
        "/console/main.js",
        "/console/lessons",
        "/console/events",
        "/console/messages/123e4567-e89b-42d3-a456-426614174000",
        "/admin/faults",
    ];
    for path in paths {
        let asked = http
            .get(url(&cluster, 1, path))
            .header(HOST, "evil.example:9324");
        let refused = asked.send().await.expect("an answer");
        assert_eq!(refused.status(), 403, "{path}");
        // Asked by another origin, a browser would need to be told that it may read.
        let asked = http
            .get(url(&cluster, 1, path))
            .header(ORIGIN, "http://evil.example");
        let answer = asked.send().await.expect("an answer");
        let permits =
            |name: &&reqwest::header::HeaderName| name.as_str().starts_with("access-control");
        assert_eq!(answer.headers().keys().find(permits), None, "{path}");
    }
    for (method, path) in [
        (Method::POST, "/console/faults"),
        (Method::DELETE, "/console/faults"),
        (Method::POST, "/console/nodes/1"),
        (Method::POST, "/admin/faults"),
    ] {
        let asked = http.request(method, url(&cluster, 1, path));
        let asked = asked
            .header(HOST, "evil.example")
            .header(CONTENT_TYPE, "application/json");
        let refused = asked.body("{}").send().await.expect("an answer");
        assert_eq!(refused.status(), 403, "{path}");
    }
    // What a form of another page can send without being asked back.
    for path in ["/console/faults", "/console/nodes/1"] {
        let form = http.post(url(&cluster, 1, path));
        let form = form.header(CONTENT_TYPE, "text/plain").body("{}");
        assert_eq!(
            form.send().await.expect("an answer").status(),
            415,
            "{path}"
        );
    }
    for path in ["/console/faults", "/console/faults/1", "/console/nodes/1"] {
        let got = http.get(url(&cluster, 1, path)).send().await;
        assert_eq!(got.expect("an answer").status(), 405, "{path}");
    }
    let page = reqwest::get(url(&cluster, 1, "/console"))
        .await
        .expect("an answer");
    let policy = page.headers()["content-security-policy"]
        .to_str()
        .expect("text");
    for part in [
        "default-src 'none'",
        "script-src 'self'",
        "frame-ancestors 'none'",
    ] {
        assert!(policy.contains(part), "{policy}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_terminal_shows_messages_and_the_cluster() {
    let cluster = TestCluster::start();
    let client = cluster.client(1);
    let queue = create_queue(&client, "orders").await;
    let send = client.send_message().queue_url(&queue);
    send.message_body("one\nand two")
        .send()
        .await
        .expect("sent");
    let told = |arguments: &[&str]| {
        let output = cluster.zonemq(arguments);
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).expect("text")
    };
    let queues = told(&["peek"]);
    assert!(queues.contains("orders"), "{queues}");
    let queues: Value = serde_json::from_str(&told(&["peek", "--json"])).expect("JSON");
    assert_eq!(queues["queues"][0]["visible"], 1);
    let peeked = told(&["peek", "orders"]);
    assert!(peeked.contains("one⏎and two"), "{peeked}");
    let peeked: Value = serde_json::from_str(&told(&["peek", "orders", "--json"])).expect("JSON");
    assert_eq!(peeked["messages"][0]["body"], "one\nand two");
    let top = told(&["top"]);
    for part in ["n1", "n2", "n3", "leader", "follower", "orders"] {
        assert!(top.contains(part), "{part} in {top}");
    }
    let status = told(&["status"]);
    assert!(
        status.contains("leader") && !status.contains('\u{1b}'),
        "{status}"
    );

    let no_queue = cluster.zonemq(&["peek", "other"]);
    assert_eq!(no_queue.status.code(), Some(2), "{no_queue:?}");
    let no_id = cluster.zonemq(&["trace", "not-an-id"]);
    assert_eq!(no_id.status.code(), Some(2), "{no_id:?}");
}

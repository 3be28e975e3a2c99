//! Move tasks bring dead letters back: listed, at a rate, cancelled, and whole through the death
//! of leaders.
//!
//! `ZONEMQ_MOVED_MESSAGES` says how many messages are moved through leader kills, 3000 if it is
//! not set, so that every commit can afford it; the long run moves 100000.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::ProvideErrorMetadata;
use aws_sdk_sqs::types::{
    ListMessageMoveTasksResultEntry as Task, MessageSystemAttributeName as Name,
    QueueAttributeName, SendMessageBatchRequestEntry,
};
use tokio::task::JoinSet;
use zonemq_tests::cluster::TestCluster;
use zonemq_tests::drain::{assert_empty, drain};
use zonemq_tests::queue::{Counts, Queue, bodies, system};

const DEFAULT_MOVED_MESSAGES: usize = 3000;
const LEADER_KILLS: usize = 3;
/// The fastest that can be asked for. Without a rate, all would be over before a leader dies.
const FASTEST_PER_SECOND: i32 = 500;
const LOOK_EVERY: Duration = Duration::from_millis(20);

fn moved_messages() -> usize {
    std::env::var("ZONEMQ_MOVED_MESSAGES").map_or(DEFAULT_MOVED_MESSAGES, |text| {
        text.parse().expect("ZONEMQ_MOVED_MESSAGES is a number")
    })
}

/// A dead-letter queue with its source, and a queue that is neither.
struct Queues {
    graves: Queue,
    orders: Queue,
    elsewhere: Queue,
}

impl Queues {
    async fn create(client: &Client) -> Queues {
        let graves = Queue::create(client, "graves", &[]).await;
        let target = graves.arn().await;
        let policy =
            serde_json::json!({ "deadLetterTargetArn": target, "maxReceiveCount": 1 }).to_string();
        let attributes = [(QueueAttributeName::RedrivePolicy, policy.as_str())];
        Queues {
            orders: Queue::create(client, "orders", &attributes).await,
            elsewhere: Queue::create(client, "elsewhere", &[]).await,
            graves,
        }
    }

    /// Starts to move the dead letters elsewhere, and returns the task's handle.
    async fn start_move(&self, per_second: Option<i32>) -> String {
        let start = self.graves.client.start_message_move_task();
        let start = start
            .source_arn(self.graves.arn().await)
            .destination_arn(self.elsewhere.arn().await)
            .set_max_number_of_messages_per_second(per_second);
        let started = start.send().await.expect("started");
        started.task_handle.expect("a handle")
    }

    /// The latest tasks, as many as this.
    async fn tasks(&self, most: i32) -> Vec<Task> {
        tasks(&self.graves.client, &self.graves.arn().await, most).await
    }

    /// Waits until the latest task is like this, and returns it.
    async fn wait_until(
        &self,
        what: &str,
        within: Duration,
        is_so: impl Fn(&Task) -> bool,
    ) -> Task {
        let deadline = Instant::now() + within;
        loop {
            let task = self.tasks(1).await.remove(0);
            if is_so(&task) {
                return task;
            }
            assert!(Instant::now() < deadline, "not in time: {what}: {task:?}");
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

async fn tasks(client: &Client, source: &str, most: i32) -> Vec<Task> {
    let list = client.list_message_move_tasks().source_arn(source);
    let listed = list.max_results(most).send().await.expect("listed");
    listed.results.unwrap_or_default()
}

fn has_status(status: &str) -> impl Fn(&Task) -> bool {
    move |task| task.status() == Some(status)
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_go_home_as_new_messages() {
    let cluster = TestCluster::start();
    let client = cluster.client(1);
    let queues = Queues::create(&client).await;
    let mut old_ids = BTreeSet::new();
    for body in ["apple", "pear", "plum"] {
        let sent = queues.orders.send(body).await;
        old_ids.insert(sent.message_id.expect("an id"));
    }
    for delivery in queues.orders.receive().await {
        queues.orders.change_visibility(&delivery, 0).await;
    }
    assert_eq!(queues.orders.receive().await, []);
    assert_eq!(queues.graves.counts().await, Counts::visible(3));
    assert_eq!(queues.tasks(10).await, [], "no task has begun");

    let start = client.start_message_move_task();
    let start = start.source_arn(queues.graves.arn().await).send().await;
    start.expect("no destination means: back to where they came from");
    let completed = queues
        .wait_until(
            "all are moved",
            Duration::from_mins(1),
            has_status("COMPLETED"),
        )
        .await;
    assert_eq!(completed.task_handle(), None);
    assert_eq!(completed.source_arn(), Some(&*queues.graves.arn().await));
    assert_eq!(completed.destination_arn(), None);
    assert_eq!(completed.max_number_of_messages_per_second(), None);
    assert_eq!(completed.approximate_number_of_messages_moved(), 3);
    assert_eq!(completed.approximate_number_of_messages_to_move(), Some(3));
    assert_eq!(completed.failure_reason(), None);
    assert!(completed.started_timestamp() > 0);

    assert_eq!(queues.graves.counts().await, Counts::NONE);
    let home = queues.orders.receive().await;
    assert_eq!(bodies(&home), ["apple", "pear", "plum"]);
    for message in &home {
        assert!(!old_ids.contains(message.message_id().expect("an id")));
        assert_eq!(system(message, &Name::ApproximateReceiveCount), "1");
        let attributes = message.attributes().expect("attributes");
        assert!(!attributes.contains_key(&Name::DeadLetterQueueSourceArn));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rate_is_kept_and_a_running_task_is_listed_with_its_handle() {
    const PER_SECOND: i32 = 2;
    /// The first goes at once, the others half a second apart; clocks have their milliseconds.
    const AT_LEAST: Duration = Duration::from_millis(990);
    const AT_MOST: Duration = Duration::from_secs(10);
    let cluster = TestCluster::start();
    let queues = Queues::create(&cluster.client(1)).await;
    for body in ["apple", "pear", "plum"] {
        queues.graves.send(body).await;
    }

    let asked = Instant::now();
    let handle = queues.start_move(Some(PER_SECOND)).await;
    let mut seen_running = 0;
    let took = loop {
        let task = queues.tasks(1).await.remove(0);
        let elapsed = asked.elapsed();
        let moved = task.approximate_number_of_messages_moved();
        assert_eq!(task.approximate_number_of_messages_to_move(), Some(3));
        assert_eq!(task.max_number_of_messages_per_second(), Some(PER_SECOND));
        assert_eq!(task.destination_arn(), Some(&*queues.elsewhere.arn().await));
        if task.status() == Some("COMPLETED") {
            assert_eq!(task.task_handle(), None);
            assert_eq!(moved, 3);
            break elapsed;
        }
        assert_eq!(task.status(), Some("RUNNING"));
        assert_eq!(task.task_handle(), Some(handle.as_str()));
        let due = 1 + elapsed.as_millis() * u128::from(PER_SECOND.unsigned_abs()) / 1000;
        assert!(
            u128::from(moved.unsigned_abs()) <= due,
            "{moved} moved in {elapsed:?}"
        );
        assert!(elapsed < AT_MOST, "{task:?}");
        seen_running += 1;
        tokio::time::sleep(LOOK_EVERY).await;
    };
    assert!(seen_running > 0, "it was over before it was listed");
    assert!(took >= AT_LEAST && took < AT_MOST, "{took:?}");
    assert_eq!(queues.elsewhere.counts().await, Counts::visible(3));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_task_stops_where_it_is_and_another_takes_the_rest() {
    let cluster = TestCluster::start();
    let queues = Queues::create(&cluster.client(1)).await;
    let client = cluster.client(2);
    let source = queues.graves.arn().await;
    for number in 0..30 {
        queues.graves.send(&format!("body {number}")).await;
    }
    let handle = queues.start_move(Some(1)).await;
    queues
        .wait_until("the first is moved", Duration::from_mins(1), |task| {
            task.approximate_number_of_messages_moved() > 0
        })
        .await;

    let second = client.start_message_move_task().source_arn(&source).send();
    let second = second.await.expect_err("one runs").into_service_error();
    assert_eq!(second.code(), Some("InvalidParameterValue"));
    assert_eq!(
        second.message(),
        Some(
            "There is already a task running. Only one active task is allowed for a source queue \
             arn at a given time."
        )
    );

    let cancel = || {
        client
            .cancel_message_move_task()
            .task_handle(&handle)
            .send()
    };
    let moved = cancel().await.expect("cancelled");
    let moved = moved.approximate_number_of_messages_moved();
    assert!((1..30).contains(&moved), "{moved} of 30 at one a second");
    let cancelled = queues
        .wait_until(
            "it is cancelled",
            Duration::from_mins(1),
            has_status("CANCELLED"),
        )
        .await;
    assert_eq!(cancelled.task_handle(), None);
    assert_eq!(cancelled.approximate_number_of_messages_moved(), moved);
    let moved = moved.unsigned_abs();
    assert_eq!(queues.graves.counts().await, Counts::visible(30 - moved));
    assert_eq!(queues.elsewhere.counts().await, Counts::visible(moved));

    let again = cancel().await.expect_err("it is over").into_service_error();
    assert!(again.is_resource_not_found_exception(), "{again:?}");
    assert_eq!(again.message(), Some("Task does not exist."));

    queues.start_move(None).await;
    let rest = queues
        .wait_until(
            "the rest is moved",
            Duration::from_mins(1),
            has_status("COMPLETED"),
        )
        .await;
    let rest = rest.approximate_number_of_messages_moved();
    assert_eq!(rest.unsigned_abs(), 30 - moved);
    assert_eq!(queues.elsewhere.counts().await, Counts::visible(30));
    let both = queues.tasks(10).await;
    let statuses: Vec<_> = both.iter().map(|task| task.status()).collect();
    assert_eq!(
        statuses,
        [Some("COMPLETED"), Some("CANCELLED")],
        "latest first"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_moved_is_refused_in_the_words_of_sqs() {
    let cluster = TestCluster::start();
    let client = cluster.client(3);
    let queues = Queues::create(&client).await;
    let nowhere = "arn:aws:sqs:us-east-1:000000000000:nowhere";
    let start = async |source: &str, destination: Option<&str>| {
        let start = client.start_message_move_task().source_arn(source);
        let start = start.set_destination_arn(destination.map(str::to_owned));
        start
            .send()
            .await
            .expect_err("refused")
            .into_service_error()
    };

    let living = start(&queues.elsewhere.arn().await, None).await;
    assert_eq!(living.code(), Some("InvalidParameterValue"));
    assert_eq!(
        living.message(),
        Some("Source queue must be configured as a Dead Letter Queue.")
    );
    let no_source = start(nowhere, None).await;
    assert!(no_source.is_resource_not_found_exception(), "{no_source:?}");
    assert_eq!(
        no_source.message(),
        Some("The resource that you specified for the SourceArn parameter doesn't exist.")
    );
    let no_destination = start(&queues.graves.arn().await, Some(nowhere)).await;
    assert!(
        no_destination.is_resource_not_found_exception(),
        "{no_destination:?}"
    );
    assert_eq!(
        no_destination.message(),
        Some("The resource that you specified for the DestinationArn parameter doesn't exist.")
    );

    let list = client.list_message_move_tasks().source_arn(nowhere).send();
    let list = list.await.expect_err("no queue").into_service_error();
    assert!(list.is_resource_not_found_exception(), "{list:?}");
    assert_eq!(queues.tasks(10).await, [], "nothing was begun");
}

/// Sends so many messages, in batches through all clients at once, and returns their bodies.
async fn send_many(clients: &[Client], queue: &Queue, count: usize) -> BTreeSet<String> {
    const ENTRIES: usize = 10;
    const TASKS: usize = 12;
    let bodies: Vec<String> = (0..count)
        .map(|number| format!("letter {number}"))
        .collect();
    let mut tasks = JoinSet::new();
    for (task, client) in (0..TASKS).zip(clients.iter().cycle()) {
        let queue = queue.through(client);
        let batches: Vec<Vec<String>> = bodies
            .chunks(ENTRIES)
            .skip(task)
            .step_by(TASKS)
            .map(<[String]>::to_vec)
            .collect();
        tasks.spawn(async move {
            for batch in batches {
                let mut send = queue.client.send_message_batch().queue_url(&queue.url);
                for (index, body) in batch.iter().enumerate() {
                    let entry = SendMessageBatchRequestEntry::builder();
                    let entry = entry.id(index.to_string()).message_body(body).build();
                    send = send.entries(entry.expect("whole"));
                }
                let answer = send.send().await.expect("sent");
                assert_eq!(answer.failed, [], "all {} are sent", batch.len());
            }
        });
    }
    tasks.join_all().await;
    bodies.into_iter().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_move_through_leader_kills_moves_each_message_exactly_once() {
    let count = moved_messages();
    // Twice what the rate needs, and the pauses without a leader.
    let seconds =
        u64::try_from(2 * count).expect("small") / u64::from(FASTEST_PER_SECOND.unsigned_abs());
    let within = Duration::from_mins(2) + Duration::from_secs(seconds);
    let cluster = TestCluster::start();
    let clients = cluster.clients_except(0);
    let queues = Queues::create(&clients[0]).await;
    let sent = send_many(&clients, &queues.graves, count).await;
    assert_eq!(sent.len(), count);
    let source = queues.graves.arn().await;

    let began = Instant::now();
    let handle = queues.start_move(Some(FASTEST_PER_SECOND)).await;
    for kill in 1..=LEADER_KILLS {
        let goal = i64::try_from(count * kill / (LEADER_KILLS + 1)).expect("small");
        let killed = cluster.leader().await;
        let survivor = &cluster.clients_except(killed)[0];
        let task = loop {
            let task = tasks(survivor, &source, 1).await.remove(0);
            if task.approximate_number_of_messages_moved() >= goal {
                break task;
            }
            assert!(began.elapsed() < within, "{task:?}");
            tokio::time::sleep(LOOK_EVERY).await;
        };
        assert_eq!(task.status(), Some("RUNNING"), "kill {kill} comes too late");
        assert_eq!(task.task_handle(), Some(handle.as_str()));
        cluster.fault("kill", &format!("n{killed}"));
        // The survivors elect another leader, which goes on; only then the dead one returns.
        cluster
            .wait_until("another node leads", |status| status.leader().is_some())
            .await;
        cluster.fault("restart", &format!("n{killed}"));
    }
    let completed = queues
        .wait_until("all are moved", within, has_status("COMPLETED"))
        .await;
    println!(
        "{count} messages moved through {LEADER_KILLS} leader kills in {:.0?}",
        began.elapsed()
    );
    let moved = completed.approximate_number_of_messages_moved();
    assert_eq!(usize::try_from(moved), Ok(count));

    assert_empty(&clients[1], &queues.graves.url).await;
    let came_out = drain(&clients, &queues.elsewhere.url).await;
    let mut once = BTreeSet::new();
    for (_, body) in came_out {
        assert!(once.insert(body.clone()), "{body:?} was moved twice");
    }
    let lost: Vec<_> = sent.difference(&once).collect();
    assert!(lost.is_empty(), "lost: {lost:?}");
    let unknown: Vec<_> = once.difference(&sent).collect();
    assert!(unknown.is_empty(), "never sent: {unknown:?}");
    assert_empty(&clients[2], &queues.elsewhere.url).await;
}

//! What time does to queues and messages. The administrator advances the queues' clock, so that
//! days take no time.

use std::time::Duration;

use aws_sdk_sqs::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sqs::operation::create_queue::{CreateQueueError, CreateQueueOutput};
use aws_sdk_sqs::operation::purge_queue::{PurgeQueueError, PurgeQueueOutput};
use aws_sdk_sqs::types::QueueAttributeName;
use zonemq_tests::client::create_queue;
use zonemq_tests::cluster::TestCluster;
use zonemq_tests::queue::{Counts, Queue, bodies};

const MINUTE: Duration = Duration::from_mins(1);
const DAY: Duration = Duration::from_hours(24);
/// While a test runs, real seconds pass too: what must still be so is asked this long before the
/// end of a minute.
const MARGIN: Duration = Duration::from_secs(20);
const MINUTE_WITHOUT_MARGIN: Duration = Duration::from_secs(40);

#[tokio::test(flavor = "multi_thread")]
async fn a_message_lives_as_long_as_its_queue_retains_it() {
    let cluster = TestCluster::start();
    let four_days = Queue::create(&cluster.client(1), "default", &[]).await;
    let retention = [(QueueAttributeName::MessageRetentionPeriod, "60")];
    let one_minute = Queue::create(&cluster.client(1), "short", &retention).await;
    four_days.send("waiting").await;
    for body in ["in flight", "waiting"] {
        one_minute.send(body).await;
    }
    let one = one_minute.receiver().max_number_of_messages(1).send().await;
    assert_eq!(one.expect("received").messages().len(), 1);
    let delayed = one_minute.message("delayed").delay_seconds(900).send();
    delayed.await.expect("sent");

    cluster.advance_clock(1, MINUTE_WITHOUT_MARGIN).await;
    let before = one_minute.counts().await;
    assert_eq!((before.in_flight + before.visible, before.delayed), (2, 1));
    cluster.advance_clock(2, MARGIN).await;
    assert_eq!(one_minute.counts().await, Counts::NONE, "wherever they are");
    assert_eq!(one_minute.receive().await, []);

    cluster.advance_clock(3, 3 * DAY).await;
    assert_eq!(four_days.counts().await, Counts::visible(1));
    cluster.advance_clock(1, DAY).await;
    assert_eq!(four_days.counts().await, Counts::NONE);
    assert_eq!(four_days.receive().await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delay_ends_and_wakes_who_waits() {
    let cluster = TestCluster::start();
    let client = cluster.client(2);
    let delay = [(QueueAttributeName::DelaySeconds, "900")];
    let queue = Queue::create(&client, "late", &delay).await;
    queue.send("by the queue").await;
    queue
        .message("at once")
        .delay_seconds(0)
        .send()
        .await
        .expect("sent");
    queue
        .message("soon")
        .delay_seconds(60)
        .send()
        .await
        .expect("sent");
    let at_once = queue.receive_one().await;
    assert_eq!(at_once.body(), Some("at once"));
    queue.delete(&at_once).await;
    assert_eq!(queue.counts().await.delayed, 2);

    cluster.advance_clock(1, MINUTE).await;
    let soon = queue.receive_one().await;
    assert_eq!(soon.body(), Some("soon"));
    queue.delete(&soon).await;
    assert_eq!(queue.counts().await.delayed, 1);

    let waiting = queue.receiver().wait_time_seconds(20).send();
    let waiting = tokio::spawn(waiting);
    // Whether it waits already or comes after: it must not wait its twenty seconds out.
    cluster.advance_clock(3, Duration::from_mins(14)).await;
    let woken = tokio::time::timeout(Duration::from_secs(10), waiting).await;
    let woken = woken.expect("woken").expect("no panic").expect("received");
    assert_eq!(bodies(woken.messages()), ["by the queue"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_message_is_hidden_for_more_than_twelve_hours_from_its_receive() {
    const TWELVE_HOURS_SECONDS: i32 = 12 * 60 * 60;
    let cluster = TestCluster::start();
    let queue = Queue::create(&cluster.client(1), "hidden", &[]).await;
    queue.send("long work").await;
    let too_long = queue
        .receiver()
        .visibility_timeout(TWELVE_HOURS_SECONDS + 1);
    let too_long = too_long.send().await.expect_err("more than 12 h");
    assert_eq!(
        too_long.into_service_error().code(),
        Some("InvalidParameterValue")
    );

    let delivery = queue.receive_one().await;
    let change = |seconds: i32| {
        let change = queue.client.change_message_visibility();
        change
            .queue_url(&queue.url)
            .receipt_handle(delivery.receipt_handle().expect("a handle"))
            .visibility_timeout(seconds)
            .send()
    };
    let refused = change(TWELVE_HOURS_SECONDS + 1).await;
    let refused = refused.expect_err("over the limit").into_service_error();
    assert_eq!(refused.code(), Some("InvalidParameterValue"));

    // An hour of the twelve, counted from the receive: then eleven are left, and no more.
    change(2 * 60 * 60).await.expect("two hours from now");
    cluster.advance_clock(2, Duration::from_hours(1)).await;
    let refused = change(TWELVE_HOURS_SECONDS).await;
    let refused = refused.expect_err("13 h in total").into_service_error();
    assert_eq!(refused.code(), Some("InvalidParameterValue"));
    let sentence = refused.message().expect("a sentence");
    assert!(
        sentence.contains(
            "Total VisibilityTimeout for the message is beyond the limit [43200 seconds]"
        ),
        "{sentence}"
    );
    let margin = i32::try_from(MARGIN.as_secs()).expect("small");
    change(11 * 60 * 60 - margin)
        .await
        .expect("within the twelve hours");
    cluster.advance_clock(3, Duration::from_hours(10)).await;
    assert_eq!(queue.receive().await, [], "still hidden");
    cluster.advance_clock(1, Duration::from_hours(1)).await;
    assert_eq!(
        queue.receive_one().await.message_id(),
        delivery.message_id()
    );
}

async fn create(cluster: &TestCluster, name: &str) -> Result<CreateQueueOutput, CreateQueueError> {
    let create = cluster.client(1).create_queue().queue_name(name).send();
    create.await.map_err(SdkError::into_service_error)
}

async fn purge(cluster: &TestCluster, url: &str) -> Result<PurgeQueueOutput, PurgeQueueError> {
    let purge = cluster.client(2).purge_queue().queue_url(url).send();
    purge.await.map_err(SdkError::into_service_error)
}

async fn delete(cluster: &TestCluster, url: &str) {
    let delete = cluster.client(3).delete_queue().queue_url(url).send();
    delete.await.expect("deleted");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_cooldowns_of_aws_a_name_and_a_purge_wait_for_a_minute() {
    let cluster = TestCluster::start_with(&["--aws-cooldowns", "on"]);
    let url = create_queue(&cluster.client(1), "orders").await;
    let other = create_queue(&cluster.client(1), "other").await;

    purge(&cluster, &url).await.expect("the first purge");
    let second = purge(&cluster, &url).await.expect_err("too soon");
    assert!(second.is_purge_queue_in_progress(), "{second:?}");
    assert_eq!(
        second.message(),
        Some("Only one PurgeQueue operation on orders is allowed every 60 seconds.")
    );
    purge(&cluster, &other)
        .await
        .expect("each queue for itself");
    cluster.advance_clock(1, MINUTE_WITHOUT_MARGIN).await;
    let second = purge(&cluster, &url).await.expect_err("still too soon");
    assert!(second.is_purge_queue_in_progress(), "{second:?}");
    cluster.advance_clock(1, MARGIN).await;
    purge(&cluster, &url).await.expect("a minute later");

    delete(&cluster, &url).await;
    let too_soon = create(&cluster, "orders").await.expect_err("too soon");
    assert!(too_soon.is_queue_deleted_recently(), "{too_soon:?}");
    assert_eq!(
        too_soon.message(),
        Some(
            "You must wait 60 seconds after deleting a queue before you can create another with \
             the same name."
        )
    );
    create(&cluster, "orders-2").await.expect("another name");
    // The cooldown is the cluster's, not a node's.
    cluster.kill_and_restart_leader().await;
    let too_soon = create(&cluster, "orders")
        .await
        .expect_err("still too soon");
    assert!(too_soon.is_queue_deleted_recently(), "{too_soon:?}");
    cluster.advance_clock(2, MINUTE).await;
    create(&cluster, "orders").await.expect("a minute later");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_cooldowns_nothing_waits() {
    let cluster = TestCluster::start();
    let url = create_queue(&cluster.client(1), "orders").await;
    purge(&cluster, &url).await.expect("the first purge");
    purge(&cluster, &url).await.expect("the second purge");
    delete(&cluster, &url).await;
    create(&cluster, "orders").await.expect("at once");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_advanced_clock_survives_a_restart_of_all_nodes() {
    let cluster = TestCluster::start();
    let retention = [(QueueAttributeName::MessageRetentionPeriod, "60")];
    let queue = Queue::create(&cluster.client(1), "orders", &retention).await;
    cluster.advance_clock(1, 100 * DAY).await;
    queue.send("young").await;
    cluster.kill_and_restart_all().await;
    assert_eq!(queue.counts().await, Counts::visible(1), "not 100 days old");
    queue.send("younger").await;
    assert_eq!(queue.counts().await, Counts::visible(2));
    cluster.advance_clock(2, MINUTE).await;
    assert_eq!(queue.counts().await, Counts::NONE);
}

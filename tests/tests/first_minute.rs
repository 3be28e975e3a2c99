//! What a newcomer does in the first minute, on any node, with the SDK as it is.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use aws_sdk_sqs::error::ProvideErrorMetadata;
use aws_sdk_sqs::primitives::Blob;
use aws_sdk_sqs::types::{
    ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry,
    MessageAttributeValue, MessageSystemAttributeName, QueueAttributeName,
    SendMessageBatchRequestEntry,
};
use zonemq_tests::client::create_queue;
use zonemq_tests::cluster::TestCluster;
use zonemq_tests::drain::assert_empty;

#[tokio::test(flavor = "multi_thread")]
async fn any_node_takes_any_request() {
    let cluster = TestCluster::start();
    let (one, two, three) = (cluster.client(1), cluster.client(2), cluster.client(3));

    let url = create_queue(&one, "orders").await;
    let found = two.get_queue_url().queue_name("orders").send().await;
    let found = found.expect("found").queue_url.expect("a URL");
    let path = |url: &str| url.splitn(4, '/').last().map(str::to_owned);
    assert_eq!(path(&url), path(&found), "only the host differs by node");

    let attribute = MessageAttributeValue::builder()
        .data_type("String")
        .string_value("blue")
        .build()
        .expect("whole");
    let sent = three
        .send_message()
        .queue_url(&url)
        .message_body("one pair of shoes")
        .message_attributes("colour", attribute)
        .send()
        .await
        .expect("sent");
    assert_eq!(
        sent.md5_of_message_body(),
        Some("a90284d5adbca8b3afcdaba80d78bcb9")
    );

    let received = one
        .receive_message()
        .queue_url(&url)
        .message_attribute_names("All")
        .message_system_attribute_names(MessageSystemAttributeName::All)
        .send()
        .await
        .expect("received");
    let [message] = received.messages() else {
        panic!("one message was sent: {received:?}");
    };
    assert_eq!(message.body(), Some("one pair of shoes"));
    assert_eq!(message.message_id(), sent.message_id());
    let attributes = message.message_attributes().expect("attributes");
    assert_eq!(attributes["colour"].string_value(), Some("blue"));
    let system = message.attributes().expect("system attributes");
    assert_eq!(
        system[&MessageSystemAttributeName::ApproximateReceiveCount],
        "1"
    );

    two.delete_message()
        .queue_url(&url)
        .receipt_handle(message.receipt_handle().expect("a handle"))
        .send()
        .await
        .expect("deleted");
    assert_empty(&three, &url).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_answer_for_each_entry() {
    let cluster = TestCluster::start();
    let client = cluster.client(2);
    let url = create_queue(&client, "batches").await;

    let mut batch = client.send_message_batch().queue_url(&url);
    for number in 0..10 {
        let attribute = MessageAttributeValue::builder()
            .data_type("Binary")
            .binary_value(Blob::new([0, 255, number]))
            .build()
            .expect("whole");
        batch = batch.entries(
            SendMessageBatchRequestEntry::builder()
                .id(format!("entry-{number}"))
                .message_body(format!("body {number}"))
                .message_attributes("raw", attribute)
                .build()
                .expect("whole"),
        );
    }
    let sent = batch.send().await.expect("sent");
    assert_eq!((sent.successful.len(), sent.failed.len()), (10, 0));

    let mut bodies = BTreeSet::new();
    let mut handles = Vec::new();
    while handles.len() < 10 {
        let received = client
            .receive_message()
            .queue_url(&url)
            .max_number_of_messages(10)
            .message_attribute_names("raw")
            .send()
            .await
            .expect("received");
        assert!(!received.messages().is_empty(), "only {bodies:?} came");
        for message in received.messages() {
            let raw = &message.message_attributes().expect("attributes")["raw"];
            let raw = raw.binary_value().expect("binary").as_ref();
            let body = message.body().expect("a body").to_owned();
            assert_eq!(
                body,
                format!("body {}", raw[2]),
                "body and attribute belong together"
            );
            bodies.insert(body);
            handles.push(message.receipt_handle().expect("a handle").to_owned());
        }
    }
    assert_eq!(bodies.len(), 10);

    let mut change = client.change_message_visibility_batch().queue_url(&url);
    for (number, handle) in handles.iter().enumerate() {
        change = change.entries(
            ChangeMessageVisibilityBatchRequestEntry::builder()
                .id(number.to_string())
                .receipt_handle(handle)
                .visibility_timeout(600)
                .build()
                .expect("whole"),
        );
    }
    let changed = change.send().await.expect("changed");
    assert_eq!((changed.successful.len(), changed.failed.len()), (10, 0));

    let mut delete = client.delete_message_batch().queue_url(&url);
    for (number, handle) in handles.iter().enumerate() {
        delete = delete.entries(
            DeleteMessageBatchRequestEntry::builder()
                .id(number.to_string())
                .receipt_handle(handle)
                .build()
                .expect("whole"),
        );
    }
    let deleted = delete.send().await.expect("deleted");
    assert_eq!((deleted.successful.len(), deleted.failed.len()), (10, 0));
    assert_empty(&client, &url).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_received_message_is_hidden_for_its_time_and_no_longer() {
    let cluster = TestCluster::start();
    let client = cluster.client(1);
    let url = create_queue(&client, "hidden").await;
    let send = client.send_message().queue_url(&url).message_body("boo");
    send.send().await.expect("sent");

    let receive = |wait_seconds: i32| {
        client
            .receive_message()
            .queue_url(&url)
            .visibility_timeout(2)
            .wait_time_seconds(wait_seconds)
            .message_system_attribute_names(MessageSystemAttributeName::ApproximateReceiveCount)
    };
    let asked = Instant::now();
    let first = receive(0).send().await.expect("received");
    assert_eq!(first.messages().len(), 1);
    let at_once = receive(0).send().await.expect("received");
    assert!(at_once.messages().is_empty(), "it is hidden");

    // The long poll is woken by the end of the visibility timeout itself.
    let again = receive(20).send().await.expect("received");
    let hidden_for = asked.elapsed();
    let count = again.messages()[0].attributes().expect("asked for")
        [&MessageSystemAttributeName::ApproximateReceiveCount]
        .clone();
    assert_eq!(count, "2");
    assert!(hidden_for >= Duration::from_secs(2), "{hidden_for:?}");
    assert!(hidden_for < Duration::from_secs(5), "{hidden_for:?}");

    // Back at once, by a timeout of nothing.
    client
        .change_message_visibility()
        .queue_url(&url)
        .receipt_handle(again.messages()[0].receipt_handle().expect("a handle"))
        .visibility_timeout(0)
        .send()
        .await
        .expect("changed");
    let back = receive(0).send().await.expect("received");
    assert_eq!(back.messages().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn attributes_are_kept_and_lists_come_in_pages() {
    let cluster = TestCluster::start();
    let client = cluster.client(3);
    for number in 0..5 {
        create_queue(&client, &format!("page-{number}")).await;
    }
    let other = create_queue(&client, "other").await;

    let mut names = Vec::new();
    let mut token = None;
    loop {
        let page = cluster
            .client(1)
            .list_queues()
            .queue_name_prefix("page-")
            .max_results(2)
            .set_next_token(token)
            .send()
            .await
            .expect("a page");
        assert!(page.queue_urls().len() <= 2);
        names.extend(
            page.queue_urls()
                .iter()
                .map(|url| url.rsplit('/').next().expect("a name").to_owned()),
        );
        token = page.next_token;
        if token.is_none() {
            break;
        }
    }
    assert_eq!(names, ["page-0", "page-1", "page-2", "page-3", "page-4"]);

    client
        .set_queue_attributes()
        .queue_url(&other)
        .attributes(QueueAttributeName::VisibilityTimeout, "77")
        .send()
        .await
        .expect("set");
    let attributes = cluster
        .client(2)
        .get_queue_attributes()
        .queue_url(&other)
        .attribute_names(QueueAttributeName::All)
        .send()
        .await
        .expect("read")
        .attributes
        .expect("attributes");
    assert_eq!(attributes[&QueueAttributeName::VisibilityTimeout], "77");
    assert_eq!(
        attributes[&QueueAttributeName::QueueArn],
        "arn:aws:sqs:us-east-1:000000000000:other"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purge_leaves_nothing_and_a_deleted_queue_is_gone() {
    let cluster = TestCluster::start();
    let client = cluster.client(1);
    let url = create_queue(&client, "purged").await;
    for number in 0..5 {
        let body = format!("body {number}");
        let send = client.send_message().queue_url(&url).message_body(body);
        send.send().await.expect("sent");
    }
    client
        .purge_queue()
        .queue_url(&url)
        .send()
        .await
        .expect("purged");
    assert_empty(&client, &url).await;

    client
        .delete_queue()
        .queue_url(&url)
        .send()
        .await
        .expect("deleted");
    let gone = cluster
        .client(2)
        .send_message()
        .queue_url(&url)
        .message_body("late");
    let gone = gone
        .send()
        .await
        .expect_err("no queue")
        .into_service_error();
    assert!(gone.is_queue_does_not_exist(), "{gone:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_are_those_of_sqs() {
    let cluster = TestCluster::start();
    let client = cluster.client(2);

    let missing = client.get_queue_url().queue_name("nowhere").send().await;
    let missing = missing.expect_err("no such queue").into_service_error();
    assert!(missing.is_queue_does_not_exist(), "{missing:?}");
    assert_eq!(
        missing.message(),
        Some("The specified queue does not exist.")
    );

    let url = create_queue(&client, "strict").await;
    let conflict = client
        .create_queue()
        .queue_name("strict")
        .attributes(QueueAttributeName::DelaySeconds, "5")
        .send()
        .await
        .expect_err("another value")
        .into_service_error();
    assert!(conflict.is_queue_name_exists(), "{conflict:?}");

    let waits_too_long = client
        .receive_message()
        .queue_url(&url)
        .wait_time_seconds(21);
    let waits_too_long = waits_too_long.send().await.expect_err("21 s");
    assert_eq!(
        waits_too_long.into_service_error().message(),
        Some(
            "Value 21 for parameter WaitTimeSeconds is invalid. Reason: Must be >= 0 and <= 20, \
             if provided."
        )
    );

    let garbage = client
        .delete_message()
        .queue_url(&url)
        .receipt_handle("garbage");
    let garbage = garbage
        .send()
        .await
        .expect_err("garbage")
        .into_service_error();
    assert!(garbage.is_receipt_handle_is_invalid(), "{garbage:?}");
}

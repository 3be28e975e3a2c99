//! Empties a queue, and compares what came out with what went in.

use std::collections::BTreeMap;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{DeleteMessageBatchRequestEntry, QueueAttributeName};
use tokio::task::JoinSet;

use crate::senders::Acknowledged;

/// Receives and deletes through all clients at once until nothing is visible for a second.
/// Returns each received message: its id and its body.
pub async fn drain(clients: &[Client], queue_url: &str) -> Vec<(String, String)> {
    let mut tasks = JoinSet::new();
    for client in clients {
        for _ in 0..2 {
            let (client, queue_url) = (client.clone(), queue_url.to_owned());
            tasks.spawn(async move { drain_by_one(&client, &queue_url).await });
        }
    }
    tasks.join_all().await.into_iter().flatten().collect()
}

async fn drain_by_one(client: &Client, queue_url: &str) -> Vec<(String, String)> {
    let mut received = Vec::new();
    loop {
        let messages = client
            .receive_message()
            .queue_url(queue_url)
            .max_number_of_messages(10)
            .wait_time_seconds(1)
            .send()
            .await
            .expect("a receive succeeds")
            .messages
            .unwrap_or_default();
        if messages.is_empty() {
            return received;
        }
        let mut delete = client.delete_message_batch().queue_url(queue_url);
        for (index, message) in messages.into_iter().enumerate() {
            delete = delete.entries(
                DeleteMessageBatchRequestEntry::builder()
                    .id(index.to_string())
                    .receipt_handle(message.receipt_handle.expect("a receipt handle"))
                    .build()
                    .expect("a whole entry"),
            );
            received.push((
                message.message_id.expect("an id"),
                message.body.expect("a body"),
            ));
        }
        let deleted = delete.send().await.expect("a delete succeeds");
        assert!(deleted.failed.is_empty(), "{:?}", deleted.failed);
    }
}

/// Every acknowledged message came out once, exactly as sent, and nothing else did.
pub fn assert_exactly_as_sent(acknowledged: &[Acknowledged], received: &[(String, String)]) {
    let sent: BTreeMap<&str, &str> = acknowledged
        .iter()
        .map(|sent| (sent.message_id.as_str(), sent.body.as_str()))
        .collect();
    assert_eq!(
        sent.len(),
        acknowledged.len(),
        "every message has its own id"
    );
    let mut came_out = BTreeMap::new();
    for (id, body) in received {
        let before = came_out.insert(id.as_str(), body.as_str());
        assert!(before.is_none(), "{body:?} ({id}) came out twice");
    }
    let lost: Vec<_> = sent
        .iter()
        .filter(|(id, body)| came_out.get(*id) != Some(body))
        .collect();
    assert!(lost.is_empty(), "lost or changed: {lost:?}");
    let unknown: Vec<_> = came_out
        .iter()
        .filter(|(id, _)| !sent.contains_key(*id))
        .collect();
    assert!(unknown.is_empty(), "never acknowledged: {unknown:?}");
}

/// Nothing is visible, in flight or delayed.
pub async fn assert_empty(client: &Client, queue_url: &str) {
    let counters = [
        QueueAttributeName::ApproximateNumberOfMessages,
        QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
        QueueAttributeName::ApproximateNumberOfMessagesDelayed,
    ];
    let attributes = client
        .get_queue_attributes()
        .queue_url(queue_url)
        .set_attribute_names(Some(counters.to_vec()))
        .send()
        .await
        .expect("attributes can be read")
        .attributes
        .unwrap_or_default();
    for counter in counters {
        assert_eq!(
            attributes.get(&counter).map(String::as_str),
            Some("0"),
            "{counter} of a queue that was emptied"
        );
    }
}

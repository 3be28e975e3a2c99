//! A queue as one client sees it: the SDK's calls with the queue's URL filled in.

use aws_sdk_sqs::Client;
use aws_sdk_sqs::operation::delete_message::builders::DeleteMessageFluentBuilder;
use aws_sdk_sqs::operation::receive_message::builders::ReceiveMessageFluentBuilder;
use aws_sdk_sqs::operation::send_message::SendMessageOutput;
use aws_sdk_sqs::operation::send_message::builders::SendMessageFluentBuilder;
use aws_sdk_sqs::types::{Message, MessageSystemAttributeName, QueueAttributeName};

/// A queue, reached through one client.
#[derive(Clone, Debug)]
pub struct Queue {
    /// Who calls.
    pub client: Client,
    /// What the cluster calls it.
    pub url: String,
}

/// How many messages a queue holds, by the state they are in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Ready to be received.
    pub visible: u64,
    /// Received and not yet deleted.
    pub in_flight: u64,
    /// Not yet to be received for the first time.
    pub delayed: u64,
}

impl Counts {
    /// No message at all.
    pub const NONE: Counts = Counts::visible(0);

    /// So many messages, all ready to be received.
    pub const fn visible(visible: u64) -> Counts {
        Counts {
            visible,
            in_flight: 0,
            delayed: 0,
        }
    }
}

impl Queue {
    /// Creates a queue with these attributes.
    pub async fn create(
        client: &Client,
        name: &str,
        attributes: &[(QueueAttributeName, &str)],
    ) -> Queue {
        let mut create = client.create_queue().queue_name(name);
        for (attribute, value) in attributes {
            create = create.attributes(attribute.clone(), *value);
        }
        let created = create.send().await.expect("a queue can be created");
        Queue {
            client: client.clone(),
            url: created.queue_url.expect("a created queue has a URL"),
        }
    }

    /// Creates a FIFO queue with these attributes, too.
    pub async fn create_fifo(
        client: &Client,
        name: &str,
        attributes: &[(QueueAttributeName, &str)],
    ) -> Queue {
        let fifo = [(QueueAttributeName::FifoQueue, "true")];
        Queue::create(client, name, &[&fifo[..], attributes].concat()).await
    }

    /// The same queue through another client.
    #[must_use]
    pub fn through(&self, client: &Client) -> Queue {
        Queue {
            client: client.clone(),
            url: self.url.clone(),
        }
    }

    /// The beginning of a send.
    pub fn message(&self, body: impl Into<String>) -> SendMessageFluentBuilder {
        let send = self.client.send_message().queue_url(&self.url);
        send.message_body(body)
    }

    /// The beginning of a receive that asks for all system attributes.
    pub fn receiver(&self) -> ReceiveMessageFluentBuilder {
        self.client
            .receive_message()
            .queue_url(&self.url)
            .message_system_attribute_names(MessageSystemAttributeName::All)
    }

    /// The beginning of a delete of a delivery.
    pub fn deletion(&self, delivery: &Message) -> DeleteMessageFluentBuilder {
        self.client
            .delete_message()
            .queue_url(&self.url)
            .receipt_handle(delivery.receipt_handle().expect("a handle"))
    }

    /// Sends a message of a standard queue.
    pub async fn send(&self, body: &str) -> SendMessageOutput {
        self.message(body).send().await.expect("sent")
    }

    /// Sends a message of a group.
    pub async fn send_to(&self, group: &str, body: &str, deduplication: &str) -> SendMessageOutput {
        let send = self.message(body).message_group_id(group);
        let send = send.message_deduplication_id(deduplication).send();
        send.await.expect("sent")
    }

    /// Receives what is there now, up to ten messages.
    pub async fn receive(&self) -> Vec<Message> {
        let receive = self.receiver().max_number_of_messages(10).send();
        receive
            .await
            .expect("received")
            .messages
            .unwrap_or_default()
    }

    /// Receives the one message that is there.
    pub async fn receive_one(&self) -> Message {
        let mut received = self.receive().await;
        assert_eq!(received.len(), 1, "one message is there: {received:#?}");
        received.remove(0)
    }

    /// Deletes a delivery.
    pub async fn delete(&self, delivery: &Message) {
        self.deletion(delivery).send().await.expect("deleted");
    }

    /// Makes a delivery's message visible after so many seconds.
    pub async fn change_visibility(&self, delivery: &Message, seconds: i32) {
        self.client
            .change_message_visibility()
            .queue_url(&self.url)
            .receipt_handle(delivery.receipt_handle().expect("a handle"))
            .visibility_timeout(seconds)
            .send()
            .await
            .expect("changed");
    }

    /// One attribute of the queue.
    pub async fn attribute(&self, name: QueueAttributeName) -> String {
        let read = self.client.get_queue_attributes().queue_url(&self.url);
        let read = read.attribute_names(name.clone()).send().await;
        let attributes = read.expect("read").attributes.unwrap_or_default();
        let value = attributes.get(&name);
        value.unwrap_or_else(|| panic!("{name} is told")).clone()
    }

    /// The queue's Amazon Resource Name.
    pub async fn arn(&self) -> String {
        self.attribute(QueueAttributeName::QueueArn).await
    }

    /// How many messages it holds.
    pub async fn counts(&self) -> Counts {
        let counts = self.counts_if_told().await;
        counts.expect("the counts of a queue can be read")
    }

    /// How many messages it holds, if its node answers.
    pub async fn counts_if_told(&self) -> Option<Counts> {
        let read = self.client.get_queue_attributes().queue_url(&self.url);
        let read = read.attribute_names(QueueAttributeName::All).send().await;
        let attributes = read.ok()?.attributes.unwrap_or_default();
        let count = |name: QueueAttributeName| {
            let count = attributes.get(&name).and_then(|text| text.parse().ok());
            count.unwrap_or_else(|| panic!("{name} is a number in {attributes:?}"))
        };
        Some(Counts {
            visible: count(QueueAttributeName::ApproximateNumberOfMessages),
            in_flight: count(QueueAttributeName::ApproximateNumberOfMessagesNotVisible),
            delayed: count(QueueAttributeName::ApproximateNumberOfMessagesDelayed),
        })
    }
}

/// The bodies of these messages, in their order.
pub fn bodies(messages: &[Message]) -> Vec<&str> {
    let bodies = messages.iter().map(Message::body);
    bodies.map(|body| body.expect("a body")).collect()
}

/// A system attribute of a message that must have it.
pub fn system<'m>(message: &'m Message, name: &MessageSystemAttributeName) -> &'m str {
    let attributes = message.attributes().expect("system attributes");
    let value = attributes.get(name);
    value.unwrap_or_else(|| panic!("{name} is told"))
}

/// A sequence number as a number: as texts, they would sort wrongly once they grow longer.
pub fn sequence(number: &str) -> u128 {
    number.parse().expect("a sequence number is a number")
}

"""FIFO queues as boto3 sees them: order, the group lock, deduplication."""

import hashlib

from dialogue import bodies, delete_all, error_of, receive


def send(sqs, url, body, group="a", **arguments):
    return sqs.send_message(QueueUrl=url, MessageBody=body, MessageGroupId=group, **arguments)


def test_messages_of_a_group_come_in_order(sqs, fifo):
    sent = [send(sqs, fifo, f"body {n}") for n in range(10)]
    messages = receive(sqs, fifo)
    assert bodies(messages) == [f"body {n}" for n in range(10)]
    assert [m["MessageId"] for m in messages] == [s["MessageId"] for s in sent]

    numbers = [message["Attributes"]["SequenceNumber"] for message in messages]
    assert numbers == [s["SequenceNumber"] for s in sent]
    assert sorted(set(map(int, numbers))) == list(map(int, numbers))
    first = messages[0]["Attributes"]
    assert first["MessageGroupId"] == "a"
    assert first["MessageDeduplicationId"] == hashlib.sha256(b"body 0").hexdigest()


def test_a_group_with_a_message_in_flight_is_locked_and_others_are_not(sqs, fifo):
    send(sqs, fifo, "a1", "a")
    send(sqs, fifo, "a2", "a")
    send(sqs, fifo, "b1", "b")
    first = receive(sqs, fifo, MaxNumberOfMessages=1)
    assert bodies(first) == ["a1"]
    send(sqs, fifo, "a3", "a")
    other = receive(sqs, fifo)
    assert bodies(other) == ["b1"]
    assert receive(sqs, fifo) == []

    delete_all(sqs, fifo, first)
    assert bodies(receive(sqs, fifo)) == ["a2", "a3"]


def test_a_message_given_back_is_the_first_again(sqs, fifo):
    send(sqs, fifo, "first")
    send(sqs, fifo, "second")
    (message,) = receive(sqs, fifo, MaxNumberOfMessages=1)
    handle = message["ReceiptHandle"]
    sqs.change_message_visibility(QueueUrl=fifo, ReceiptHandle=handle, VisibilityTimeout=0)
    again = receive(sqs, fifo)
    assert bodies(again) == ["first", "second"]
    assert again[0]["Attributes"]["ApproximateReceiveCount"] == "2"


def test_equal_content_is_sent_once_even_after_a_delete(sqs, fifo):
    first = send(sqs, fifo, "same")
    second = send(sqs, fifo, "same")
    assert second["MessageId"] == first["MessageId"]
    assert second["SequenceNumber"] == first["SequenceNumber"]
    messages = receive(sqs, fifo)
    assert bodies(messages) == ["same"]
    delete_all(sqs, fifo, messages)
    assert send(sqs, fifo, "same")["MessageId"] == first["MessageId"]
    assert receive(sqs, fifo) == []

    # An explicit id overrides that of the content.
    other = send(sqs, fifo, "same", MessageDeduplicationId="other")
    assert other["MessageId"] != first["MessageId"]
    assert bodies(receive(sqs, fifo)) == ["same"]


def test_an_id_is_a_duplicate_in_the_whole_queue_or_in_its_group(sqs, new_queue, name):
    whole = new_queue(f"{name}-1.fifo", FifoQueue="true")
    send(sqs, whole, "x", "a", MessageDeduplicationId="1")
    send(sqs, whole, "y", "b", MessageDeduplicationId="1")
    assert bodies(receive(sqs, whole)) == ["x"]

    scope = {"DeduplicationScope": "messageGroup", "FifoThroughputLimit": "perMessageGroupId"}
    by_group = new_queue(f"{name}-2.fifo", FifoQueue="true", **scope)
    send(sqs, by_group, "x", "a", MessageDeduplicationId="1")
    send(sqs, by_group, "y", "b", MessageDeduplicationId="1")
    assert sorted(bodies(receive(sqs, by_group))) == ["x", "y"]


def test_a_batch_keeps_its_order(sqs, fifo):
    entries = [{"Id": f"e{n}", "MessageBody": f"body {n}", "MessageGroupId": "a"} for n in range(5)]
    sent = sqs.send_message_batch(QueueUrl=fifo, Entries=entries)["Successful"]
    numbers = [int(entry["SequenceNumber"]) for entry in sorted(sent, key=lambda e: e["Id"])]
    assert sorted(set(numbers)) == numbers
    assert bodies(receive(sqs, fifo)) == [f"body {n}" for n in range(5)]


def test_a_receive_repeated_under_its_attempt_id_gets_the_same_messages(sqs, fifo):
    for n in range(3):
        send(sqs, fifo, f"body {n}")
    first = receive(sqs, fifo, ReceiveRequestAttemptId="attempt-1")
    assert bodies(first) == ["body 0", "body 1", "body 2"]
    again = receive(sqs, fifo, ReceiveRequestAttemptId="attempt-1")
    assert bodies(again) == bodies(first)
    assert [m["ReceiptHandle"] for m in again] == [m["ReceiptHandle"] for m in first]
    assert receive(sqs, fifo, ReceiveRequestAttemptId="attempt-2") == []


def test_what_a_fifo_queue_needs_must_be_given(sqs, fifo, new_queue, name):
    group = "The request must contain the parameter MessageGroupId."
    assert error_of(sqs.send_message, QueueUrl=fifo, MessageBody="x") == (
        "MissingParameter",
        group,
        400,
    )
    entries = [
        {"Id": "with", "MessageBody": "x", "MessageGroupId": "a"},
        {"Id": "without", "MessageBody": "y"},
    ]
    assert error_of(sqs.send_message_batch, QueueUrl=fifo, Entries=entries) == (
        "InvalidParameterValue",
        group,
        400,
    )

    explicit = new_queue(f"{name}-2.fifo", FifoQueue="true")
    assert error_of(send, sqs=sqs, url=explicit, body="x") == (
        "InvalidParameterValue",
        "The queue should either have ContentBasedDeduplication enabled or "
        "MessageDeduplicationId provided explicitly",
        400,
    )
    assert receive(sqs, fifo) + receive(sqs, explicit) == []


def test_delay_is_a_matter_of_the_queue(sqs, fifo):
    assert error_of(send, sqs=sqs, url=fifo, body="x", DelaySeconds=2) == (
        "InvalidParameterValue",
        "Value 2 for parameter DelaySeconds is invalid. Reason: The request include parameter "
        "that is not valid for this queue type.",
        400,
    )
    send(sqs, fifo, "x", DelaySeconds=0)
    assert bodies(receive(sqs, fifo)) == ["x"]


def test_an_expired_handle_deletes_nothing(sqs, fifo):
    send(sqs, fifo, "x")
    (message,) = receive(sqs, fifo, VisibilityTimeout=1)
    (again,) = receive(sqs, fifo, WaitTimeSeconds=20)
    handle = message["ReceiptHandle"]
    assert error_of(sqs.delete_message, QueueUrl=fifo, ReceiptHandle=handle) == (
        "InvalidParameterValue",
        f"Value {handle} for parameter ReceiptHandle is invalid. "
        "Reason: The receipt handle has expired.",
        400,
    )
    delete_all(sqs, fifo, [again])


def test_the_type_of_a_queue_is_in_its_name_and_stays(sqs, queue, fifo, name):
    change = {"FifoQueue": "false"}
    assert error_of(sqs.set_queue_attributes, QueueUrl=fifo, Attributes=change) == (
        "InvalidAttributeValue",
        "Invalid value for the parameter FifoQueue. Reason: Modifying queue type is not supported.",
        400,
    )
    change = {"FifoQueue": "true"}
    found = error_of(sqs.set_queue_attributes, QueueUrl=queue, Attributes=change)
    assert (found[0], found[2]) == ("InvalidAttributeName", 400)
    wrong = {"QueueName": f"{name}-2", "Attributes": {"FifoQueue": "true"}}
    assert error_of(sqs.create_queue, **wrong)[0] == "InvalidParameterValue"
    wrong = {"QueueName": f"{name}-2", "Attributes": {"ContentBasedDeduplication": "true"}}
    assert error_of(sqs.create_queue, **wrong) == (
        "InvalidAttributeName",
        "Unknown Attribute ContentBasedDeduplication.",
        400,
    )

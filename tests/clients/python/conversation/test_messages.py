"""Messages as boto3 sees them: what is sent comes back, in its time."""

import threading
import time

from dialogue import bodies, delete_all, md5, md5_of_attributes, receive, receive_count

ATTRIBUTES = {
    "colour": {"DataType": "String", "StringValue": "bleu foncé"},
    "size": {"DataType": "Number.int", "StringValue": "42"},
    "raw": {"DataType": "Binary", "BinaryValue": bytes(range(256))},
}
TRACE = {
    "AWSTraceHeader": {
        "DataType": "String",
        "StringValue": "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1",
    }
}


def test_a_message_comes_back_as_it_was_sent(sqs, queue):
    body = "naïve ✓ \t\n\r <&> 𝄞"
    sent = sqs.send_message(
        QueueUrl=queue,
        MessageBody=body,
        MessageAttributes=ATTRIBUTES,
        MessageSystemAttributes=TRACE,
    )
    assert sent["MD5OfMessageBody"] == md5(body.encode())
    assert sent["MD5OfMessageAttributes"] == md5_of_attributes(ATTRIBUTES)
    assert sent["MD5OfMessageSystemAttributes"] == md5_of_attributes(TRACE)
    assert "SequenceNumber" not in sent

    (message,) = receive(sqs, queue)
    assert message["MessageId"] == sent["MessageId"]
    assert message["Body"] == body
    assert message["MD5OfBody"] == md5(body.encode())
    assert message["MessageAttributes"] == ATTRIBUTES
    assert message["MD5OfMessageAttributes"] == md5_of_attributes(ATTRIBUTES)
    system = message["Attributes"]
    assert system.pop("SenderId")
    for moment in ("SentTimestamp", "ApproximateFirstReceiveTimestamp"):
        assert abs(int(system.pop(moment)) / 1000 - time.time()) < 60
    trace = TRACE["AWSTraceHeader"]["StringValue"]
    assert system == {"ApproximateReceiveCount": "1", "AWSTraceHeader": trace}

    delete_all(sqs, queue, [message])
    delete_all(sqs, queue, [message])  # twice is no error
    assert receive(sqs, queue) == []


def test_what_was_not_sent_or_not_asked_for_is_absent(sqs, queue):
    sent = sqs.send_message(QueueUrl=queue, MessageBody="x")
    assert sent.keys() - {"ResponseMetadata"} == {"MD5OfMessageBody", "MessageId"}
    (message,) = sqs.receive_message(QueueUrl=queue)["Messages"]
    assert message.keys() == {"MessageId", "ReceiptHandle", "MD5OfBody", "Body"}


def test_only_the_attributes_that_were_asked_for_come_and_their_digest_fits(sqs, queue):
    sqs.send_message(QueueUrl=queue, MessageBody="x", MessageAttributes=ATTRIBUTES)
    received = sqs.receive_message(
        QueueUrl=queue,
        AttributeNames=["ApproximateReceiveCount"],
        MessageAttributeNames=["si.*", "colour"],
    )
    (message,) = received["Messages"]
    assert message["Attributes"] == {"ApproximateReceiveCount": "1"}
    chosen = {name: ATTRIBUTES[name] for name in ("size", "colour")}
    assert message["MessageAttributes"] == chosen
    assert message["MD5OfMessageAttributes"] == md5_of_attributes(chosen)


def test_a_batch_answers_for_each_entry(sqs, queue):
    entries = [{"Id": f"e{n}", "MessageBody": f"body {n}"} for n in range(10)]
    sent = sqs.send_message_batch(QueueUrl=queue, Entries=entries)
    assert "Failed" not in sent
    digests = {entry["Id"]: entry["MD5OfMessageBody"] for entry in sent["Successful"]}
    assert digests == {entry["Id"]: md5(entry["MessageBody"].encode()) for entry in entries}

    messages = receive_count(sqs, queue, 10)
    assert sorted(bodies(messages)) == [entry["MessageBody"] for entry in entries]
    handles = [{"Id": str(n), "ReceiptHandle": m["ReceiptHandle"]} for n, m in enumerate(messages)]

    changes = [{**handle, "VisibilityTimeout": 60} for handle in handles]
    changed = sqs.change_message_visibility_batch(QueueUrl=queue, Entries=changes)
    assert len(changed["Successful"]) == 10

    handles[3]["ReceiptHandle"] = "garbage"
    deleted = sqs.delete_message_batch(QueueUrl=queue, Entries=handles)
    assert len(deleted["Successful"]) == 9
    (failed,) = deleted["Failed"]
    assert (failed["Id"], failed["SenderFault"]) == ("3", True)
    assert failed["Code"] == "ReceiptHandleIsInvalid"


def test_an_empty_long_poll_ends_in_its_time(sqs, queue):
    started = time.monotonic()
    assert receive(sqs, queue, WaitTimeSeconds=1) == []
    assert 1 <= time.monotonic() - started < 4


def test_a_long_poll_is_woken_by_a_send(sqs, queue):
    send = threading.Timer(
        0.5, sqs.send_message, kwargs={"QueueUrl": queue, "MessageBody": "wake up"}
    )
    started = time.monotonic()
    send.start()
    assert bodies(receive(sqs, queue, WaitTimeSeconds=20)) == ["wake up"]
    assert 0.5 <= time.monotonic() - started < 5
    send.join()


def test_a_queue_can_make_every_receive_a_long_poll(sqs, new_queue, name):
    url = new_queue(name, ReceiveMessageWaitTimeSeconds="1")
    started = time.monotonic()
    assert receive(sqs, url) == []
    assert 1 <= time.monotonic() - started < 4


def test_visibility_hides_and_shows(sqs, queue):
    sqs.send_message(QueueUrl=queue, MessageBody="boo")
    assert len(receive(sqs, queue, VisibilityTimeout=1)) == 1
    assert receive(sqs, queue) == []
    (message,) = receive(sqs, queue, WaitTimeSeconds=20)
    assert message["Attributes"]["ApproximateReceiveCount"] == "2"
    assert receive(sqs, queue) == []
    handle = message["ReceiptHandle"]
    sqs.change_message_visibility(QueueUrl=queue, ReceiptHandle=handle, VisibilityTimeout=0)
    assert len(receive(sqs, queue)) == 1


def test_a_delayed_message_comes_in_its_time(sqs, queue):
    sent = time.monotonic()
    sqs.send_message(QueueUrl=queue, MessageBody="later", DelaySeconds=2)
    assert receive(sqs, queue) == []
    assert bodies(receive(sqs, queue, WaitTimeSeconds=20)) == ["later"]
    assert time.monotonic() - sent >= 2


def test_a_standard_queue_keeps_the_group_of_a_message(sqs, queue):
    sent = sqs.send_message(QueueUrl=queue, MessageBody="x", MessageGroupId="tenant-1")
    assert "SequenceNumber" not in sent
    (message,) = receive(sqs, queue)
    assert message["Attributes"]["MessageGroupId"] == "tenant-1"

"""Amazon SQS as boto3 sees it: what is sent comes back, and errors are those of AWS."""

import hashlib
import struct
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import ClientError


def md5(data):
    return hashlib.md5(data).hexdigest()


def md5_of_attributes(attributes):
    """The digest over message attributes as AWS documents it."""
    digest = hashlib.md5()
    for name in sorted(attributes):
        value = attributes[name]
        for text in (name, value["DataType"]):
            digest.update(struct.pack(">I", len(text.encode())) + text.encode())
        if value["DataType"].startswith("Binary"):
            kind, data = 2, value["BinaryValue"]
        else:
            kind, data = 1, value["StringValue"].encode()
        digest.update(struct.pack(">BI", kind, len(data)) + data)
    return digest.hexdigest()


ATTRIBUTES = {
    "colour": {"DataType": "String", "StringValue": "bleu foncé"},
    "size": {"DataType": "Number.int", "StringValue": "42"},
    "raw": {"DataType": "Binary", "BinaryValue": bytes(range(256))},
}


def error_of(call, **arguments):
    with pytest.raises(ClientError) as raised:
        call(**arguments)
    return raised.value.response


def test_a_queue_has_the_attributes_it_was_created_with(sqs):
    wanted = {"VisibilityTimeout": "45", "DelaySeconds": "1", "MessageRetentionPeriod": "3600"}
    url = sqs.create_queue(QueueName="attributes", Attributes=wanted)["QueueUrl"]
    assert sqs.get_queue_url(QueueName="attributes")["QueueUrl"] == url
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert wanted.items() <= found.items()
    assert found["QueueArn"] == "arn:aws:sqs:us-east-1:000000000000:attributes"
    assert found["ApproximateNumberOfMessages"] == "0"

    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "50"})
    some = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])
    assert some["Attributes"] == {"VisibilityTimeout": "50"}
    sqs.delete_queue(QueueUrl=url)


def test_a_message_comes_back_as_it_was_sent(sqs, queue):
    body = "naïve ✓ \t\n <&> 𝄞"
    sent = sqs.send_message(QueueUrl=queue, MessageBody=body, MessageAttributes=ATTRIBUTES)
    assert sent["MD5OfMessageBody"] == md5(body.encode())
    assert sent["MD5OfMessageAttributes"] == md5_of_attributes(ATTRIBUTES)

    received = sqs.receive_message(
        QueueUrl=queue, MessageAttributeNames=["All"], MessageSystemAttributeNames=["All"]
    )
    (message,) = received["Messages"]
    assert message["MessageId"] == sent["MessageId"]
    assert message["Body"] == body
    assert message["MD5OfBody"] == md5(body.encode())
    assert message["MessageAttributes"] == ATTRIBUTES
    assert message["MD5OfMessageAttributes"] == md5_of_attributes(ATTRIBUTES)
    system = message["Attributes"]
    assert system["ApproximateReceiveCount"] == "1"
    assert abs(int(system["SentTimestamp"]) / 1000 - time.time()) < 60

    handle = message["ReceiptHandle"]
    sqs.delete_message(QueueUrl=queue, ReceiptHandle=handle)
    sqs.delete_message(QueueUrl=queue, ReceiptHandle=handle)  # twice is no error
    assert "Messages" not in sqs.receive_message(QueueUrl=queue)


def test_only_the_attributes_that_were_asked_for_come_and_their_digest_fits(sqs, queue):
    sqs.send_message(QueueUrl=queue, MessageBody="x", MessageAttributes=ATTRIBUTES)
    received = sqs.receive_message(QueueUrl=queue, MessageAttributeNames=["si.*", "colour"])
    (message,) = received["Messages"]
    chosen = {name: ATTRIBUTES[name] for name in ("size", "colour")}
    assert message["MessageAttributes"] == chosen
    assert message["MD5OfMessageAttributes"] == md5_of_attributes(chosen)


def test_a_batch_answers_for_each_entry(sqs, queue):
    entries = [{"Id": f"e{n}", "MessageBody": f"body {n}"} for n in range(10)]
    sent = sqs.send_message_batch(QueueUrl=queue, Entries=entries)
    assert "Failed" not in sent
    digests = {entry["Id"]: entry["MD5OfMessageBody"] for entry in sent["Successful"]}
    assert digests == {entry["Id"]: md5(entry["MessageBody"].encode()) for entry in entries}

    messages = []
    while len(messages) < 10:
        received = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=1)
        messages += received["Messages"]
    assert {m["Body"] for m in messages} == {entry["MessageBody"] for entry in entries}

    deletes = [{"Id": str(n), "ReceiptHandle": m["ReceiptHandle"]} for n, m in enumerate(messages)]
    deletes[3]["ReceiptHandle"] = "garbage"
    deleted = sqs.delete_message_batch(QueueUrl=queue, Entries=deletes)
    assert len(deleted["Successful"]) == 9
    (failed,) = deleted["Failed"]
    assert (failed["Id"], failed["SenderFault"]) == ("3", True)
    assert failed["Code"] == "ReceiptHandleIsInvalid"


def test_a_long_poll_waits_for_a_send(sqs, queue):
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(sqs.receive_message, QueueUrl=queue, WaitTimeSeconds=20)
        started = time.monotonic()
        sqs.send_message(QueueUrl=queue, MessageBody="wake up")
        (message,) = waiting.result()["Messages"]
    assert message["Body"] == "wake up"
    assert time.monotonic() - started < 5

    started = time.monotonic()
    assert "Messages" not in sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=1)
    assert 1 <= time.monotonic() - started < 4


def test_visibility_hides_and_shows(sqs, queue):
    sqs.send_message(QueueUrl=queue, MessageBody="boo")
    (message,) = sqs.receive_message(QueueUrl=queue, VisibilityTimeout=1)["Messages"]
    assert "Messages" not in sqs.receive_message(QueueUrl=queue)
    (message,) = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=20)["Messages"]
    assert "Messages" not in sqs.receive_message(QueueUrl=queue)
    handle = message["ReceiptHandle"]
    sqs.change_message_visibility(QueueUrl=queue, ReceiptHandle=handle, VisibilityTimeout=0)
    assert len(sqs.receive_message(QueueUrl=queue)["Messages"]) == 1


def test_a_delayed_message_comes_in_its_time(sqs, queue):
    sent = time.monotonic()
    sqs.send_message(QueueUrl=queue, MessageBody="later", DelaySeconds=2)
    assert "Messages" not in sqs.receive_message(QueueUrl=queue)
    (message,) = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=20)["Messages"]
    assert message["Body"] == "later"
    assert time.monotonic() - sent >= 2


def test_a_purge_leaves_nothing(sqs, queue):
    for n in range(3):
        sqs.send_message(QueueUrl=queue, MessageBody=f"body {n}")
    sqs.purge_queue(QueueUrl=queue)
    assert "Messages" not in sqs.receive_message(QueueUrl=queue)


def test_lists_come_in_pages(sqs):
    urls = [sqs.create_queue(QueueName=f"page-{n}")["QueueUrl"] for n in range(5)]
    pages = sqs.get_paginator("list_queues").paginate(
        QueueNamePrefix="page-", PaginationConfig={"PageSize": 2}
    )
    sizes, found = [], []
    for page in pages:
        sizes.append(len(page.get("QueueUrls", [])))
        found += page.get("QueueUrls", [])
    assert found == urls
    assert max(sizes) == 2
    for url in urls:
        sqs.delete_queue(QueueUrl=url)


def test_errors_are_those_of_aws(sqs, queue):
    with pytest.raises(sqs.exceptions.QueueDoesNotExist):
        sqs.get_queue_url(QueueName="nowhere")
    missing = error_of(sqs.get_queue_url, QueueName="nowhere")
    assert missing["Error"]["Code"] == "AWS.SimpleQueueService.NonExistentQueue"
    assert missing["Error"]["Message"] == "The specified queue does not exist."
    assert missing["ResponseMetadata"]["HTTPStatusCode"] == 400

    garbage = error_of(sqs.delete_message, QueueUrl=queue, ReceiptHandle="garbage")
    assert garbage["Error"]["Code"] == "ReceiptHandleIsInvalid"
    assert garbage["ResponseMetadata"]["HTTPStatusCode"] == 404

    many = [{"Id": str(n), "MessageBody": "x"} for n in range(11)]
    too_many = error_of(sqs.send_message_batch, QueueUrl=queue, Entries=many)
    assert too_many["Error"]["Code"] == "AWS.SimpleQueueService.TooManyEntriesInBatchRequest"
    expected = "Maximum number of entries per request are 10. You have sent 11."
    assert too_many["Error"]["Message"] == expected

    long = error_of(sqs.receive_message, QueueUrl=queue, WaitTimeSeconds=21)
    assert long["Error"]["Code"] == "InvalidParameterValue"

    large = error_of(sqs.send_message, QueueUrl=queue, MessageBody="x" * (1024 * 1024 + 1))
    assert large["Error"]["Message"] == (
        "One or more parameters are invalid. Reason: Message must be shorter than 1048576 bytes."
    )


def test_what_is_not_built_says_so(sqs, queue):
    error = error_of(sqs.tag_queue, QueueUrl=queue, Tags={"team": "a"})
    assert error["Error"]["Code"] == "AWS.SimpleQueueService.UnsupportedOperation"

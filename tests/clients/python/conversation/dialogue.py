"""What every test asks and hears: receives with all attributes, errors as data, digests."""

import hashlib
import struct
import time

import pytest
from botocore.exceptions import ClientError


def receive(sqs, url, **arguments):
    """The messages of one receive, at most ten, with all that is known of them."""
    # `AttributeNames` is the older name, which old clients and new ones know.
    arguments = {"MaxNumberOfMessages": 10, "AttributeNames": ["All"], **arguments}
    received = sqs.receive_message(QueueUrl=url, MessageAttributeNames=["All"], **arguments)
    # An empty answer has no member `Messages`, rather than an empty one.
    assert received.get("Messages") != []
    return received.get("Messages", [])


def receive_count(sqs, url, count):
    """Receives until there are `count` messages."""
    messages, deadline = [], time.monotonic() + 20
    while len(messages) < count:
        assert time.monotonic() < deadline, f"{len(messages)} of {count} messages came"
        messages += receive(sqs, url, WaitTimeSeconds=2)
    return messages


def bodies(messages):
    return [message["Body"] for message in messages]


def delete_all(sqs, url, messages):
    for message in messages:
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


def arn(sqs, url):
    names = ["QueueArn"]
    return sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]["QueueArn"]


def error_of(call, **arguments):
    """What the call fails with: its code, its message, and its HTTP status."""
    with pytest.raises(ClientError) as raised:
        call(**arguments)
    answer = raised.value.response
    status = answer["ResponseMetadata"]["HTTPStatusCode"]
    return answer["Error"]["Code"], answer["Error"]["Message"], status


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

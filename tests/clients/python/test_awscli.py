"""The AWS command line: every step is a process of its own, as in a shell script."""

import json
import os
import pathlib
import subprocess
import sys
import threading
import time

import pytest

AWS = pathlib.Path(sys.executable).with_name("aws")


class CommandLine:
    """`aws sqs` against the cluster, without the files or variables of whoever runs the tests."""

    def __init__(self, environment, home):
        self.endpoint = environment["AWS_ENDPOINT_URL_SQS"]
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        told = {name: environment[name] for name in environment if name != "AWS_ENDPOINT_URL_SQS"}
        self.variables = {**kept, **told, "HOME": str(home), "AWS_MAX_ATTEMPTS": "1"}

    def run(self, operation, *arguments):
        return subprocess.run(
            [AWS, "--endpoint-url", self.endpoint, "sqs", operation, *arguments],
            env=self.variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )

    def __call__(self, operation, *arguments):
        """What the command prints, as data: nothing where it prints nothing."""
        done = self.run(operation, *arguments)
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        return json.loads(done.stdout) if done.stdout else {}

    def error(self, operation, *arguments):
        """What the command says as it fails."""
        done = self.run(operation, *arguments)
        assert done.returncode == 255, done
        assert done.stdout == ""
        return done.stderr.strip()


@pytest.fixture(scope="session")
def aws(environment, tmp_path_factory):
    return CommandLine(environment, tmp_path_factory.mktemp("home"))


@pytest.fixture
def queue(aws, name):
    url = aws("create-queue", "--queue-name", name)["QueueUrl"]
    yield url
    aws("delete-queue", "--queue-url", url)


def receive(aws, url, *arguments):
    ten = ("--max-number-of-messages", "10", "--attribute-names", "All")
    return aws("receive-message", "--queue-url", url, *ten, *arguments).get("Messages", [])


def arn(aws, url):
    names = ("--attribute-names", "QueueArn")
    return aws("get-queue-attributes", "--queue-url", url, *names)["Attributes"]["QueueArn"]


def test_a_message_is_sent_received_and_deleted(aws, queue, name):
    assert aws("get-queue-url", "--queue-name", name)["QueueUrl"] == queue
    assert queue in aws("list-queues", "--queue-name-prefix", name)["QueueUrls"]
    attribute = {"colour": {"DataType": "String", "StringValue": "bleu foncé"}}
    body = "one pair of shoes ✓"
    attributes = ("--message-attributes", json.dumps(attribute))
    sent = aws("send-message", "--queue-url", queue, "--message-body", body, *attributes)

    (message,) = receive(aws, queue, "--message-attribute-names", "All")
    assert (message["Body"], message["MessageId"]) == (body, sent["MessageId"])
    assert message["MD5OfBody"] == sent["MD5OfMessageBody"]
    assert message["MessageAttributes"] == attribute
    assert receive(aws, queue) == []

    handle = ("--queue-url", queue, "--receipt-handle", message["ReceiptHandle"])
    assert aws("change-message-visibility", *handle, "--visibility-timeout", "0") == {}
    (again,) = receive(aws, queue)
    assert again["Attributes"]["ApproximateReceiveCount"] == "2"
    handle = ("--queue-url", queue, "--receipt-handle", again["ReceiptHandle"])
    assert aws("delete-message", *handle) == {}
    assert receive(aws, queue) == []


def test_batches_answer_for_each_entry(aws, queue):
    entries = [{"Id": f"e{n}", "MessageBody": f"body {n}"} for n in range(3)]
    batch = ("--queue-url", queue, "--entries")
    sent = aws("send-message-batch", *batch, json.dumps(entries))
    assert [entry["Id"] for entry in sent["Successful"]] == ["e0", "e1", "e2"]
    messages = receive(aws, queue)
    entries = [{"Id": m["Body"][-1], "ReceiptHandle": m["ReceiptHandle"]} for m in messages]
    entries.append({"Id": "bad", "ReceiptHandle": "garbage"})
    deleted = aws("delete-message-batch", *batch, json.dumps(entries))
    assert len(deleted["Successful"]) == 3
    (failed,) = deleted["Failed"]
    assert (failed["Id"], failed["Code"]) == ("bad", "ReceiptHandleIsInvalid")
    same = json.dumps([{"Id": "a", "MessageBody": "x"}] * 2)
    assert aws.error("send-message-batch", *batch, same).startswith(
        "An error occurred (AWS.SimpleQueueService.BatchEntryIdsNotDistinct) "
        "when calling the SendMessageBatch operation: "
    )


def test_a_long_poll_waits_and_is_woken(aws, queue):
    started = time.monotonic()
    assert receive(aws, queue, "--wait-time-seconds", "1") == []
    assert time.monotonic() - started >= 1

    woken = []
    poll = threading.Thread(
        target=lambda: woken.extend(receive(aws, queue, "--wait-time-seconds", "20"))
    )
    started = time.monotonic()
    poll.start()
    aws("send-message", "--queue-url", queue, "--message-body", "wake up")
    poll.join()
    assert [message["Body"] for message in woken] == ["wake up"]
    assert time.monotonic() - started < 15


def test_attributes_and_tags_change(aws, queue):
    url = ("--queue-url", queue)
    assert aws("set-queue-attributes", *url, "--attributes", "VisibilityTimeout=45") == {}
    names = ("--attribute-names", "VisibilityTimeout", "DelaySeconds")
    found = aws("get-queue-attributes", *url, *names)["Attributes"]
    assert found == {"VisibilityTimeout": "45", "DelaySeconds": "0"}

    assert aws("tag-queue", *url, "--tags", "team=a,cost=42") == {}
    assert aws("list-queue-tags", *url)["Tags"] == {"team": "a", "cost": "42"}
    assert aws("untag-queue", *url, "--tag-keys", "cost") == {}
    assert aws("list-queue-tags", *url)["Tags"] == {"team": "a"}

    aws("send-message", *url, "--message-body", "x")
    assert aws("purge-queue", *url) == {}
    assert receive(aws, queue) == []


def test_a_fifo_queue_keeps_order_and_sends_once(aws):
    attributes = ("--attributes", "FifoQueue=true,ContentBasedDeduplication=true")
    queue = aws("create-queue", "--queue-name", "cli.fifo", *attributes)["QueueUrl"]
    send = ("send-message", "--queue-url", queue, "--message-body")
    numbers = [
        aws(*send, body, "--message-group-id", "a")["SequenceNumber"]
        for body in ("first", "second", "first")
    ]
    assert int(numbers[0]) < int(numbers[1])
    assert numbers[2] == numbers[0]  # a duplicate
    (first,) = receive(aws, queue, "--max-number-of-messages", "1")
    assert first["Body"] == "first"
    assert receive(aws, queue) == []  # its group is locked
    aws("delete-message", "--queue-url", queue, "--receipt-handle", first["ReceiptHandle"])
    assert [message["Body"] for message in receive(aws, queue)] == ["second"]

    assert aws.error(*send, "x") == (
        "An error occurred (MissingParameter) when calling the SendMessage operation: "
        "The request must contain the parameter MessageGroupId."
    )
    aws("delete-queue", "--queue-url", queue)


def test_the_dead_are_moved_back(aws, queue):
    dead = aws("create-queue", "--queue-name", "cli-dead")["QueueUrl"]
    policy = json.dumps({"deadLetterTargetArn": arn(aws, dead), "maxReceiveCount": 1})
    attributes = json.dumps({"RedrivePolicy": policy})
    aws("set-queue-attributes", "--queue-url", queue, "--attributes", attributes)
    sources = aws("list-dead-letter-source-queues", "--queue-url", dead)
    assert sources["queueUrls"] == [queue]

    aws("send-message", "--queue-url", queue, "--message-body", "poison")
    assert len(receive(aws, queue, "--visibility-timeout", "0")) == 1
    assert receive(aws, queue) == []
    (message,) = receive(aws, dead, "--visibility-timeout", "0")
    assert message["Attributes"]["DeadLetterQueueSourceArn"] == arn(aws, queue)

    source = ("--source-arn", arn(aws, dead))
    assert aws("start-message-move-task", *source)["TaskHandle"]
    deadline = time.monotonic() + 20
    while (task := aws("list-message-move-tasks", *source)["Results"][0])["Status"] == "RUNNING":
        assert time.monotonic() < deadline, task
    assert (task["Status"], task["ApproximateNumberOfMessagesMoved"]) == ("COMPLETED", 1)
    (message,) = receive(aws, queue, "--wait-time-seconds", "5")
    assert message["Body"] == "poison"

    assert aws.error("start-message-move-task", "--source-arn", arn(aws, queue)) == (
        "An error occurred (InvalidParameterValue) when calling the StartMessageMoveTask "
        "operation: Source queue must be configured as a Dead Letter Queue."
    )
    aws("delete-queue", "--queue-url", dead)


def test_errors_end_a_script_and_say_why(aws, queue):
    assert aws.error("get-queue-url", "--queue-name", "nowhere") == (
        "An error occurred (AWS.SimpleQueueService.NonExistentQueue) when calling the "
        "GetQueueUrl operation: The specified queue does not exist."
    )
    garbage = ("--queue-url", queue, "--receipt-handle", "garbage")
    assert aws.error("delete-message", *garbage) == (
        "An error occurred (ReceiptHandleIsInvalid) when calling the DeleteMessage operation: "
        'The input receipt handle "garbage" is not a valid receipt handle.'
    )

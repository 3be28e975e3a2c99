"""Dead letters as boto3 sees them: moved after too many receives, and moved back by a task."""

import json
import time

import pytest
from dialogue import arn, bodies, error_of, receive, receive_count


@pytest.fixture
def queues(sqs, new_queue, name):
    """A queue whose messages die after two receives, and the queue for the dead."""
    dead = new_queue(f"{name}-dead")
    policy = {"deadLetterTargetArn": arn(sqs, dead), "maxReceiveCount": 2}
    return new_queue(name, RedrivePolicy=json.dumps(policy)), dead


def let_die(sqs, url, count):
    """Receives each of the messages more often than is allowed."""
    for _ in range(2):
        received = 0
        while received < count:
            messages = receive(sqs, url, VisibilityTimeout=0, MaxNumberOfMessages=count)
            assert messages, "a message died too early"
            received += len(messages)
    assert receive(sqs, url) == []


def finished_task(sqs, source):
    """The latest task over the source, once it is no longer running."""
    deadline = time.monotonic() + 20
    while True:
        (task,) = sqs.list_message_move_tasks(SourceArn=source)["Results"]
        if task["Status"] != "RUNNING":
            return task
        assert time.monotonic() < deadline, task
        time.sleep(0.1)


def test_a_message_received_too_often_is_dead(sqs, queues):
    url, dead = queues
    sent = sqs.send_message(QueueUrl=url, MessageBody="poison")
    first, second = (receive(sqs, url, VisibilityTimeout=0) for _ in range(2))
    assert [m["Attributes"]["ApproximateReceiveCount"] for m in first + second] == ["1", "2"]
    assert receive(sqs, url) == []

    (message,) = receive(sqs, dead)
    assert message["Body"] == "poison"
    assert message["MessageId"] == sent["MessageId"]
    attributes = message["Attributes"]
    assert attributes["DeadLetterQueueSourceArn"] == arn(sqs, url)
    assert attributes["SentTimestamp"] == first[0]["Attributes"]["SentTimestamp"]
    assert int(attributes["ApproximateReceiveCount"]) > 2


def test_fifo_messages_die_into_a_fifo_queue_and_free_their_group(sqs, new_queue, name):
    dead = new_queue(f"{name}-dead.fifo", FifoQueue="true")
    policy = json.dumps({"deadLetterTargetArn": arn(sqs, dead), "maxReceiveCount": "1"})
    content = {"ContentBasedDeduplication": "true"}
    url = new_queue(f"{name}.fifo", FifoQueue="true", RedrivePolicy=policy, **content)
    for body in ("poison", "cure"):
        sqs.send_message(QueueUrl=url, MessageBody=body, MessageGroupId="a")
    assert bodies(receive(sqs, url, VisibilityTimeout=0, MaxNumberOfMessages=1)) == ["poison"]
    assert bodies(receive(sqs, url)) == ["cure"]
    (message,) = receive(sqs, dead)
    assert message["Body"] == "poison"
    assert message["Attributes"]["MessageGroupId"] == "a"
    assert message["Attributes"]["MessageDeduplicationId"] == message["MessageId"]


def test_the_sources_of_a_dead_letter_queue_are_listed(sqs, queues):
    url, dead = queues
    assert sqs.list_dead_letter_source_queues(QueueUrl=dead)["queueUrls"] == [url]
    # The member is required, but the query protocol has no empty lists.
    nothing = None if sqs.meta.service_model.metadata["protocol"] == "query" else []
    assert sqs.list_dead_letter_source_queues(QueueUrl=url).get("queueUrls") == nothing


def test_a_move_task_brings_the_dead_back(sqs, queues):
    url, dead = queues
    wanted = {f"poison {n}" for n in range(5)}
    ids = {sqs.send_message(QueueUrl=url, MessageBody=body)["MessageId"] for body in wanted}
    let_die(sqs, url, len(wanted))

    source = arn(sqs, dead)
    started = sqs.start_message_move_task(SourceArn=source)
    assert started["TaskHandle"]
    task = finished_task(sqs, source)
    assert task["Status"] == "COMPLETED"
    assert task["SourceArn"] == source
    assert "DestinationArn" not in task
    assert "TaskHandle" not in task
    assert task["ApproximateNumberOfMessagesMoved"] == len(wanted)
    assert task["ApproximateNumberOfMessagesToMove"] == len(wanted)
    assert abs(task["StartedTimestamp"] / 1000 - time.time()) < 60

    messages = receive_count(sqs, url, len(wanted))
    assert set(bodies(messages)) == wanted
    assert {m["Attributes"]["ApproximateReceiveCount"] for m in messages} == {"1"}
    assert ids.isdisjoint(m["MessageId"] for m in messages)
    assert receive(sqs, dead) == []


def test_a_move_task_goes_where_it_is_told_and_stops_when_it_is_told(sqs, queues, new_queue, name):
    url, dead = queues
    elsewhere = new_queue(f"{name}-elsewhere")
    for n in range(5):
        sqs.send_message(QueueUrl=url, MessageBody=f"poison {n}")
    let_die(sqs, url, 5)

    source, destination = arn(sqs, dead), arn(sqs, elsewhere)
    arguments = {"SourceArn": source, "DestinationArn": destination}
    handle = sqs.start_message_move_task(**arguments, MaxNumberOfMessagesPerSecond=1)["TaskHandle"]
    assert error_of(sqs.start_message_move_task, **arguments) == (
        "InvalidParameterValue",
        "There is already a task running. Only one active task is allowed for a source queue arn "
        "at a given time.",
        400,
    )
    (task,) = sqs.list_message_move_tasks(SourceArn=source)["Results"]
    assert (task["Status"], task["TaskHandle"]) == ("RUNNING", handle)
    assert (task["DestinationArn"], task["MaxNumberOfMessagesPerSecond"]) == (destination, 1)

    receive_count(sqs, elsewhere, 1)
    moved = sqs.cancel_message_move_task(TaskHandle=handle)["ApproximateNumberOfMessagesMoved"]
    deadline = time.monotonic() + 20
    while (task := finished_task(sqs, source))["Status"] == "CANCELLING":
        assert time.monotonic() < deadline, task
        time.sleep(0.1)
    assert task["Status"] == "CANCELLED"
    assert 1 <= moved <= task["ApproximateNumberOfMessagesMoved"] < 5
    # Only a running task can be cancelled.
    assert error_of(sqs.cancel_message_move_task, TaskHandle=handle)[2] in (400, 404)


def test_move_tasks_fail_as_those_of_aws(sqs, queues):
    url, dead = queues
    nowhere = arn(sqs, url) + "-nowhere"
    assert error_of(sqs.start_message_move_task, SourceArn=arn(sqs, url)) == (
        "InvalidParameterValue",
        "Source queue must be configured as a Dead Letter Queue.",
        400,
    )
    missing = "The resource that you specified for the {} parameter doesn't exist."
    assert error_of(sqs.start_message_move_task, SourceArn=nowhere) == (
        "ResourceNotFoundException",
        missing.format("SourceArn"),
        404,
    )
    ends = {"SourceArn": arn(sqs, dead), "DestinationArn": nowhere}
    assert error_of(sqs.start_message_move_task, **ends) == (
        "ResourceNotFoundException",
        missing.format("DestinationArn"),
        404,
    )
    assert error_of(sqs.cancel_message_move_task, TaskHandle="garbage")[2] in (400, 404)
    with pytest.raises(sqs.exceptions.ResourceNotFoundException):
        sqs.start_message_move_task(SourceArn=nowhere)

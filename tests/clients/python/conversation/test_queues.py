"""Queues as boto3 sees them: attributes, tags, lists, purges."""

import time

import boto3
import pytest
from dialogue import error_of, receive


def test_each_version_speaks_the_protocol_that_it_is_here_for(sqs):
    model = sqs.meta.service_model
    assert model.metadata["protocol"] == ("query" if boto3.__version__.startswith("1.26.") else "json")
    assert len(model.operation_names) == 23


def test_a_queue_has_the_attributes_it_was_created_with(sqs, new_queue, name):
    wanted = {"VisibilityTimeout": "45", "DelaySeconds": "1", "MessageRetentionPeriod": "3600"}
    url = new_queue(name, **wanted)
    assert url.endswith(f"/000000000000/{name}")
    assert sqs.get_queue_url(QueueName=name)["QueueUrl"] == url
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert abs(int(found.pop("CreatedTimestamp")) - time.time()) < 60
    assert abs(int(found.pop("LastModifiedTimestamp")) - time.time()) < 60
    assert found == wanted | {
        "ApproximateNumberOfMessages": "0",
        "ApproximateNumberOfMessagesDelayed": "0",
        "ApproximateNumberOfMessagesNotVisible": "0",
        "MaximumMessageSize": "1048576",
        "QueueArn": f"arn:aws:sqs:us-east-1:000000000000:{name}",
        "ReceiveMessageWaitTimeSeconds": "0",
        "SqsManagedSseEnabled": "true",
    }


def test_the_url_of_a_queue_names_the_host_that_was_asked(sqs, settings, queue, name):
    endpoint = settings["endpoint_url"]
    assert queue == f"{endpoint}/000000000000/{name}"
    other = endpoint.replace("127.0.0.1", "localhost")
    asked = boto3.client("sqs", **{**settings, "endpoint_url": other})
    assert asked.get_queue_url(QueueName=name)["QueueUrl"] == f"{other}/000000000000/{name}"
    # Whatever host is in it, the URL names the queue.
    elsewhere = f"https://sqs.us-east-1.amazonaws.com/000000000000/{name}"
    sqs.send_message(QueueUrl=elsewhere, MessageBody="x")
    assert len(receive(asked, queue)) == 1


def test_the_objects_of_boto3_work_as_well(settings, queue, name):
    found = boto3.resource("sqs", **settings).get_queue_by_name(QueueName=name)
    assert found.url == queue
    assert found.attributes["VisibilityTimeout"] == "30"
    found.send_message(MessageBody="x")
    (message,) = found.receive_messages(WaitTimeSeconds=5)
    assert message.body == "x"
    message.change_visibility(VisibilityTimeout=0)
    found.delete_messages(Entries=[{"Id": "a", "ReceiptHandle": message.receipt_handle}])
    assert found.receive_messages() == []


def test_attributes_change_one_by_one(sqs, queue):
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"VisibilityTimeout": "50"})
    names = ["VisibilityTimeout", "DelaySeconds"]
    found = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=names)["Attributes"]
    assert found == {"VisibilityTimeout": "50", "DelaySeconds": "0"}
    assert "Attributes" not in sqs.get_queue_attributes(QueueUrl=queue)


def test_counters_tell_where_messages_are(sqs, queue):
    for delay in (0, 0, 0, 900):
        sqs.send_message(QueueUrl=queue, MessageBody="x", DelaySeconds=delay)
    assert len(receive(sqs, queue, MaxNumberOfMessages=1)) == 1
    counters = {
        "ApproximateNumberOfMessages": "2",
        "ApproximateNumberOfMessagesDelayed": "1",
        "ApproximateNumberOfMessagesNotVisible": "1",
    }
    names = list(counters)
    found = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=names)["Attributes"]
    assert found == counters


def test_creating_a_queue_twice_is_no_error_unless_the_attributes_differ(sqs, queue, name):
    assert sqs.create_queue(QueueName=name)["QueueUrl"] == queue
    assert error_of(sqs.create_queue, QueueName=name, Attributes={"DelaySeconds": "7"}) == (
        "QueueAlreadyExists",
        "A queue already exists with the same name and a different value for attribute "
        "DelaySeconds",
        400,
    )
    with pytest.raises(sqs.exceptions.QueueNameExists):
        sqs.create_queue(QueueName=name, Attributes={"DelaySeconds": "7"})


def test_tags_come_and_go(sqs, name):
    url = sqs.create_queue(QueueName=name, tags={"team": "a"})["QueueUrl"]
    assert sqs.list_queue_tags(QueueUrl=url)["Tags"] == {"team": "a"}
    sqs.tag_queue(QueueUrl=url, Tags={"team": "b", "größe": "42", "empty": ""})
    tags = {"team": "b", "größe": "42", "empty": ""}
    assert sqs.list_queue_tags(QueueUrl=url)["Tags"] == tags
    sqs.untag_queue(QueueUrl=url, TagKeys=["team", "empty", "never"])
    assert sqs.list_queue_tags(QueueUrl=url)["Tags"] == {"größe": "42"}
    sqs.untag_queue(QueueUrl=url, TagKeys=["größe"])
    assert "Tags" not in sqs.list_queue_tags(QueueUrl=url)
    sqs.delete_queue(QueueUrl=url)


def test_permissions_are_written_into_the_policy(sqs, queue):
    arguments = {"AWSAccountIds": ["111122223333"], "Actions": ["SendMessage"]}
    sqs.add_permission(QueueUrl=queue, Label="guests", **arguments)
    policy = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["Policy"])["Attributes"]
    assert "guests" in policy["Policy"]
    assert "111122223333" in policy["Policy"]
    assert error_of(sqs.add_permission, QueueUrl=queue, Label="guests", **arguments) == (
        "InvalidParameterValue",
        "Value guests for parameter Label is invalid. Reason: Already exists.",
        400,
    )
    sqs.remove_permission(QueueUrl=queue, Label="guests")
    assert error_of(sqs.remove_permission, QueueUrl=queue, Label="guests") == (
        "InvalidParameterValue",
        "Value guests for parameter Label is invalid. Reason: can't find label.",
        400,
    )


def test_a_purge_leaves_nothing(sqs, queue):
    for n in range(3):
        sqs.send_message(QueueUrl=queue, MessageBody=f"body {n}")
    assert len(receive(sqs, queue, MaxNumberOfMessages=1, VisibilityTimeout=1)) == 1
    sqs.purge_queue(QueueUrl=queue)
    # Those in flight are gone as well: this waits longer than they were hidden.
    assert receive(sqs, queue, WaitTimeSeconds=2) == []


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
    assert "QueueUrls" not in sqs.list_queues(QueueNamePrefix="page-")

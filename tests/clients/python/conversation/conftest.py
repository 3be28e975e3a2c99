"""The client under test: boto3, of whichever version is installed, with its retries off."""

import boto3
import pytest
from botocore.config import Config


@pytest.fixture(scope="session")
def settings(environment):
    """What makes a client one of the cluster that never retries: an error is an error."""
    return {
        "endpoint_url": environment["AWS_ENDPOINT_URL_SQS"],
        "aws_access_key_id": environment["AWS_ACCESS_KEY_ID"],
        "aws_secret_access_key": environment["AWS_SECRET_ACCESS_KEY"],
        "region_name": environment["AWS_REGION"],
        "config": Config(retries={"total_max_attempts": 1}),
    }


@pytest.fixture(scope="session")
def sqs(settings):
    return boto3.client("sqs", **settings)


@pytest.fixture
def new_queue(sqs):
    """Creates queues, and deletes them after the test."""
    urls = []

    def create(name, **attributes):
        urls.append(sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"])
        return urls[-1]

    yield create
    for url in urls:
        sqs.delete_queue(QueueUrl=url)


@pytest.fixture
def queue(new_queue, name):
    """A standard queue."""
    return new_queue(name)


@pytest.fixture
def fifo(new_queue, name):
    """A FIFO queue that deduplicates by content."""
    return new_queue(f"{name}.fifo", FifoQueue="true", ContentBasedDeduplication="true")

"""celery with its SQS transport: a worker of its own process takes tasks and answers."""

import os
import pathlib
import subprocess
import sys
import time

import pytest


@pytest.fixture(scope="module")
def tasks(environment, tmp_path_factory):
    """The tasks, with a worker that runs until the tests are over."""
    results, logs = tmp_path_factory.mktemp("results"), tmp_path_factory.mktemp("worker")
    os.environ.update(environment, CELERY_RESULTS=f"file://{results}")
    import celery_tasks  # reads these variables

    log = logs / "worker.log"
    command = [sys.executable, "-m", "celery", "--app", "celery_tasks", "worker"]
    options = ["--concurrency", "2", "--loglevel", "info", "--logfile", str(log)]
    worker = subprocess.Popen(
        command + options,
        cwd=pathlib.Path(__file__).parent,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield celery_tasks
        assert worker.poll() is None, log.read_text()
    finally:
        worker.terminate()
        try:
            worker.wait(30)
        except subprocess.TimeoutExpired:
            worker.kill()
            worker.wait()
        print(log.read_text())


def test_a_worker_takes_tasks_from_the_queue_and_their_results_come_back(tasks):
    orders = [tasks.total.delay([n, n + 1, n + 2]) for n in range(20)]
    assert [order.get(timeout=60) for order in orders] == [3 * n + 3 for n in range(20)]


def test_a_task_that_asks_for_a_retry_comes_again(tasks):
    assert tasks.succeeds_at_last.delay().get(timeout=60) == 1


def test_tasks_that_are_done_leave_the_queue(tasks):
    assert tasks.total.delay([1, 2]).get(timeout=60) == 3
    with tasks.app.connection_for_read() as connection:
        channel = connection.default_channel
        sqs, url = channel.sqs(), channel.entity_name("celery-orders")
        url = sqs.get_queue_url(QueueName=url)["QueueUrl"]
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        deadline = time.monotonic() + 20
        while True:
            found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
            if found == dict.fromkeys(names, "0"):
                break
            assert time.monotonic() < deadline, found
            time.sleep(0.1)

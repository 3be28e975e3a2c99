"""aiobotocore: one client on one event loop, with the parts of the conversation side by side."""

import asyncio
import json
import time

import pytest
from aiobotocore.config import AioConfig
from aiobotocore.session import get_session
from botocore.exceptions import ClientError


@pytest.fixture
def talk(environment):
    """Runs conversations at the same time, all through one client that never retries."""

    async def all_at_once(*conversations):
        client = get_session().create_client(
            "sqs",
            endpoint_url=environment["AWS_ENDPOINT_URL_SQS"],
            aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
            region_name=environment["AWS_REGION"],
            config=AioConfig(retries={"total_max_attempts": 1}, max_pool_connections=50),
        )
        async with client as sqs, asyncio.timeout(60):
            await asyncio.gather(*(conversation(sqs) for conversation in conversations))

    return lambda *conversations: asyncio.run(all_at_once(*conversations))


async def create(sqs, name, **attributes):
    return (await sqs.create_queue(QueueName=name, Attributes=attributes))["QueueUrl"]


async def receive(sqs, url, **arguments):
    arguments = {"MaxNumberOfMessages": 10, "MessageSystemAttributeNames": ["All"], **arguments}
    return (await sqs.receive_message(QueueUrl=url, **arguments)).get("Messages", [])


async def arn(sqs, url):
    found = await sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    return found["Attributes"]["QueueArn"]


def bodies(messages):
    return [message["Body"] for message in messages]


async def error_of(call):
    with pytest.raises(ClientError) as raised:
        await call
    return raised.value.response["Error"]["Code"]


async def send_in_a_batch_and_delete(sqs):
    url = await create(sqs, "aio-batch", VisibilityTimeout="45")
    entries = [{"Id": f"e{n}", "MessageBody": f"body {n}"} for n in range(10)]
    sent = await sqs.send_message_batch(QueueUrl=url, Entries=entries)
    assert len(sent["Successful"]) == 10
    messages = await receive(sqs, url)
    assert sorted(bodies(messages)) == [f"body {n}" for n in range(10)]
    assert await receive(sqs, url) == []
    handles = [{"Id": str(n), "ReceiptHandle": m["ReceiptHandle"]} for n, m in enumerate(messages)]
    shown = [{**handle, "VisibilityTimeout": 0} for handle in handles]
    await sqs.change_message_visibility_batch(QueueUrl=url, Entries=shown)
    messages = await receive(sqs, url)
    assert {m["Attributes"]["ApproximateReceiveCount"] for m in messages} == {"2"}
    await asyncio.gather(
        *(sqs.delete_message(QueueUrl=url, ReceiptHandle=m["ReceiptHandle"]) for m in messages)
    )
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = await sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)
    assert found["Attributes"] == dict.fromkeys(names, "0")


async def poll_while_others_send(sqs):
    url = await create(sqs, "aio-polls")
    started = time.monotonic()
    polls = [
        asyncio.create_task(receive(sqs, url, MaxNumberOfMessages=1, WaitTimeSeconds=20))
        for _ in range(20)
    ]
    await asyncio.sleep(0.5)
    assert not any(poll.done() for poll in polls)
    sent = {f"wake up {n}" for n in range(len(polls))}
    await asyncio.gather(*(sqs.send_message(QueueUrl=url, MessageBody=body) for body in sent))
    woken = [message for messages in await asyncio.gather(*polls) for message in messages]
    assert sorted(bodies(woken)) == sorted(sent)
    assert time.monotonic() - started < 15
    assert await receive(sqs, url, WaitTimeSeconds=1) == []


async def keep_the_order_of_groups(sqs):
    fifo = {"FifoQueue": "true", "ContentBasedDeduplication": "true"}
    url = await create(sqs, "aio.fifo", **fifo)

    async def send_group(group):
        for n in range(5):
            for _ in range(2):  # the second is a duplicate
                await sqs.send_message(
                    QueueUrl=url, MessageBody=f"{group} {n}", MessageGroupId=group
                )

    groups = [f"group-{n}" for n in range(4)]
    await asyncio.gather(*(send_group(group) for group in groups))
    found = {}
    while sum(map(len, found.values())) < 5 * len(groups):
        for message in await receive(sqs, url, WaitTimeSeconds=5):
            group = message["Attributes"]["MessageGroupId"]
            found.setdefault(group, []).append(message["Body"])
            await sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    assert found == {group: [f"{group} {n}" for n in range(5)] for group in groups}
    assert await receive(sqs, url) == []
    assert await error_of(sqs.send_message(QueueUrl=url, MessageBody="x")) == "MissingParameter"


async def bury_and_bring_back(sqs):
    dead = await create(sqs, "aio-dead")
    policy = {"deadLetterTargetArn": await arn(sqs, dead), "maxReceiveCount": 1}
    url = await create(sqs, "aio-dying", RedrivePolicy=json.dumps(policy))
    await sqs.send_message(QueueUrl=url, MessageBody="poison")
    assert bodies(await receive(sqs, url, VisibilityTimeout=0)) == ["poison"]
    assert await receive(sqs, url) == []
    (message,) = await receive(sqs, dead, VisibilityTimeout=0)
    assert message["Attributes"]["DeadLetterQueueSourceArn"] == await arn(sqs, url)

    source = await arn(sqs, dead)
    await sqs.start_message_move_task(SourceArn=source)
    assert bodies(await receive(sqs, url, WaitTimeSeconds=20)) == ["poison"]
    while True:
        (task,) = (await sqs.list_message_move_tasks(SourceArn=source))["Results"]
        if task["Status"] != "RUNNING":
            break
        await asyncio.sleep(0.1)
    assert (task["Status"], task["ApproximateNumberOfMessagesMoved"]) == ("COMPLETED", 1)


async def tag_purge_and_err(sqs):
    url = await create(sqs, "aio-tags")
    await sqs.tag_queue(QueueUrl=url, Tags={"team": "a", "cost": "42"})
    await sqs.untag_queue(QueueUrl=url, TagKeys=["cost"])
    assert (await sqs.list_queue_tags(QueueUrl=url))["Tags"] == {"team": "a"}
    await sqs.send_message(QueueUrl=url, MessageBody="x")
    await sqs.purge_queue(QueueUrl=url)
    assert await receive(sqs, url) == []

    with pytest.raises(sqs.exceptions.QueueDoesNotExist):
        await sqs.get_queue_url(QueueName="nowhere")
    missing = await error_of(sqs.get_queue_url(QueueName="nowhere"))
    assert missing == "AWS.SimpleQueueService.NonExistentQueue"
    garbage = sqs.delete_message(QueueUrl=url, ReceiptHandle="garbage")
    assert await error_of(garbage) == "ReceiptHandleIsInvalid"
    same = [{"Id": "a", "MessageBody": "x"}] * 2
    repeated = await error_of(sqs.send_message_batch(QueueUrl=url, Entries=same))
    assert repeated == "AWS.SimpleQueueService.BatchEntryIdsNotDistinct"


def test_all_conversations_go_on_at_the_same_time(talk):
    talk(
        send_in_a_batch_and_delete,
        poll_while_others_send,
        keep_the_order_of_groups,
        bury_and_bring_back,
        tag_purge_and_err,
    )

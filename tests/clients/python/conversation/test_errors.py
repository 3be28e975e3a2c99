"""Errors as boto3 sees them: the codes, the texts and the HTTP statuses of AWS."""

import pytest
from dialogue import error_of, receive


def test_a_queue_that_does_not_exist_says_so_in_the_words_of_the_protocol(sqs, queue, name):
    wsdl = " for this wsdl version" * (sqs.meta.service_model.metadata["protocol"] == "query")
    expected = (
        "AWS.SimpleQueueService.NonExistentQueue",
        f"The specified queue does not exist{wsdl}.",
        400,
    )
    assert error_of(sqs.get_queue_url, QueueName="nowhere") == expected
    nowhere = queue.replace(name, "nowhere")
    assert error_of(sqs.send_message, QueueUrl=nowhere, MessageBody="x") == expected
    assert error_of(sqs.receive_message, QueueUrl=nowhere) == expected
    assert error_of(sqs.list_queue_tags, QueueUrl=nowhere) == expected
    with pytest.raises(sqs.exceptions.QueueDoesNotExist):
        sqs.get_queue_url(QueueName="nowhere")


def test_a_handle_that_is_none_is_refused(sqs, queue):
    garbage = {"QueueUrl": queue, "ReceiptHandle": "garbage"}
    expected = (
        "ReceiptHandleIsInvalid",
        'The input receipt handle "garbage" is not a valid receipt handle.',
        404,
    )
    assert error_of(sqs.delete_message, **garbage) == expected
    assert error_of(sqs.change_message_visibility, **garbage, VisibilityTimeout=1) == expected
    with pytest.raises(sqs.exceptions.ReceiptHandleIsInvalid):
        sqs.delete_message(**garbage)


def test_the_visibility_of_a_deleted_message_cannot_change(sqs, queue):
    sqs.send_message(QueueUrl=queue, MessageBody="x")
    (message,) = receive(sqs, queue)
    handle = {"QueueUrl": queue, "ReceiptHandle": message["ReceiptHandle"]}
    sqs.delete_message(**handle)
    assert error_of(sqs.change_message_visibility, **handle, VisibilityTimeout=1) == (
        "InvalidParameterValue",
        f"Value {message['ReceiptHandle']} for parameter ReceiptHandle is invalid. Reason: "
        "Message does not exist or is not available for visibility timeout change.",
        400,
    )


def entry(id="a", body="x"):
    return {"Id": id, "MessageBody": body}


@pytest.mark.parametrize(
    ("entries", "code", "message"),
    [
        (
            [entry(str(n)) for n in range(11)],
            "TooManyEntriesInBatchRequest",
            "Maximum number of entries per request are 10. You have sent 11.",
        ),
        ([entry(), entry()], "BatchEntryIdsNotDistinct", None),
        (
            [entry("a b")],
            "InvalidBatchEntryId",
            "A batch entry id can only contain alphanumeric characters, hyphens and underscores. "
            "It can be at most 80 letters long.",
        ),
        (
            [entry("a", "x" * 524288), entry("b", "x" * 524289)],
            "BatchRequestTooLong",
            "Batch requests cannot be longer than 1048576 bytes. You have sent 1048577 bytes.",
        ),
        ([], "EmptyBatchRequest", None),
    ],
    ids=["too-many", "not-distinct", "bad-id", "too-long", "empty"],
)
def test_a_batch_that_is_wrong_as_a_whole_is_refused(sqs, queue, entries, code, message):
    found = error_of(sqs.send_message_batch, QueueUrl=queue, Entries=entries)
    assert found[0] == f"AWS.SimpleQueueService.{code}"
    assert message is None or found[1] == message
    assert found[2] == 400
    with pytest.raises(getattr(sqs.exceptions, code)):
        sqs.send_message_batch(QueueUrl=queue, Entries=entries)
    assert receive(sqs, queue) == []


def test_one_bad_entry_does_not_fail_the_others(sqs, new_queue, name):
    url = new_queue(name, MaximumMessageSize="1024")
    entries = [entry("good"), entry("bad", "x" * 1025)]
    answer = sqs.send_message_batch(QueueUrl=url, Entries=entries)
    assert [sent["Id"] for sent in answer["Successful"]] == ["good"]
    assert answer["Failed"] == [
        {
            "Id": "bad",
            "SenderFault": True,
            "Code": "InvalidParameterValue",
            "Message": "One or more parameters cannot be validated. "
            "Reason: Message must be shorter than 1024 bytes.",
        }
    ]


def test_parameters_out_of_bounds_are_refused(sqs, queue):
    def refusal(call, **arguments):
        code, message, status = error_of(call, QueueUrl=queue, **arguments)
        assert (code, status) == ("InvalidParameterValue", 400)
        return message

    assert refusal(sqs.receive_message, WaitTimeSeconds=21) == (
        "Value 21 for parameter WaitTimeSeconds is invalid. "
        "Reason: Must be >= 0 and <= 20, if provided."
    )
    assert refusal(sqs.receive_message, MaxNumberOfMessages=11) == (
        "Value 11 for parameter MaxNumberOfMessages is invalid. "
        "Reason: Must be between 1 and 10, if provided."
    )
    assert refusal(sqs.send_message, MessageBody="x" * (1024 * 1024 + 1)) == (
        "One or more parameters are invalid. Reason: Message must be shorter than 1048576 bytes."
    )


def test_attributes_that_are_unknown_or_wrong_are_refused(sqs, queue):
    unknown = error_of(sqs.set_queue_attributes, QueueUrl=queue, Attributes={"Colour": "blue"})
    assert (unknown[0], unknown[2]) == ("InvalidAttributeName", 400)
    wrong = {"VisibilityTimeout": "43201"}
    found = error_of(sqs.set_queue_attributes, QueueUrl=queue, Attributes=wrong)
    assert (found[0], found[2]) == ("InvalidAttributeValue", 400)
    unknown = error_of(sqs.get_queue_attributes, QueueUrl=queue, AttributeNames=["Colour"])
    assert (unknown[0], unknown[2]) == ("InvalidAttributeName", 400)


def test_a_body_of_forbidden_characters_is_refused(sqs, queue):
    found = error_of(sqs.send_message, QueueUrl=queue, MessageBody="a\x01b")
    assert (found[0], found[2]) == ("InvalidMessageContents", 400)

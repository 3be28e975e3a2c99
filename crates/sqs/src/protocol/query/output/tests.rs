//! Which elements tell which members, also of operations that are younger than the protocol.

use serde_json::json;

use super::*;

/// What is inside of the result.
fn result(operation: OperationName, output: &Value) -> String {
    let xml = xml(operation, output, "r");
    let (_, rest) = xml
        .split_once(&format!("<{operation}Result>"))
        .expect("a result");
    let (result, _) = rest
        .split_once(&format!("</{operation}Result>"))
        .expect("an end");
    result.to_owned()
}

#[test]
fn an_answer_without_output_has_no_result() {
    assert_eq!(
        xml(OperationName::TagQueue, &json!({}), "id&"),
        "<?xml version=\"1.0\"?>\
         <TagQueueResponse xmlns=\"http://queue.amazonaws.com/doc/2012-11-05/\">\
         <ResponseMetadata><RequestId>id&amp;</RequestId></ResponseMetadata>\
         </TagQueueResponse>"
    );
}

#[test]
fn an_empty_output_has_an_empty_result() {
    assert_eq!(result(OperationName::ReceiveMessage, &json!({})), "");
    assert_eq!(
        result(
            OperationName::ListQueues,
            &json!({"NextToken": null, "QueueUrls": []})
        ),
        ""
    );
}

#[test]
fn lists_and_maps_are_flat() {
    let urls = json!(["http://a", "http://b"]);
    let flat = "<QueueUrl>http://a</QueueUrl><QueueUrl>http://b</QueueUrl>";
    assert_eq!(
        result(OperationName::ListQueues, &json!({"QueueUrls": urls})),
        flat
    );
    assert_eq!(
        result(
            OperationName::ListDeadLetterSourceQueues,
            &json!({"queueUrls": urls, "NextToken": "t"})
        ),
        format!("<NextToken>t</NextToken>{flat}")
    );
    assert_eq!(
        result(OperationName::ListQueueTags, &json!({"Tags": {"k": "v"}})),
        "<Tag><Key>k</Key><Value>v</Value></Tag>"
    );
}

#[test]
fn move_tasks_are_structures_with_numbers() {
    let output =
        json!({"Results": [{"Status": "RUNNING", "StartedTimestamp": 1_700_000_000_000_u64}]});
    assert_eq!(
        result(OperationName::ListMessageMoveTasks, &output),
        "<ListMessageMoveTasksResultEntry><StartedTimestamp>1700000000000</StartedTimestamp>\
         <Status>RUNNING</Status></ListMessageMoveTasksResultEntry>"
    );
    assert_eq!(
        result(
            OperationName::CancelMessageMoveTask,
            &json!({"ApproximateNumberOfMessagesMoved": 7})
        ),
        "<ApproximateNumberOfMessagesMoved>7</ApproximateNumberOfMessagesMoved>"
    );
    assert_eq!(
        result(
            OperationName::StartMessageMoveTask,
            &json!({"TaskHandle": "h"})
        ),
        "<TaskHandle>h</TaskHandle>"
    );
}

#[test]
fn entries_of_batches_are_named_after_their_operation() {
    let output = json!({
        "Failed": [{"Id": "b", "SenderFault": true}],
        "Successful": [{"Id": "a"}],
    });
    for operation in [
        OperationName::SendMessageBatch,
        OperationName::DeleteMessageBatch,
        OperationName::ChangeMessageVisibilityBatch,
    ] {
        assert_eq!(
            result(operation, &output),
            format!(
                "<BatchResultErrorEntry><Id>b</Id><SenderFault>true</SenderFault>\
                 </BatchResultErrorEntry>\
                 <{operation}ResultEntry><Id>a</Id></{operation}ResultEntry>"
            )
        );
    }
}

#[test]
fn maps_are_lists_in_json() {
    let output = json!({"Attributes": {"DelaySeconds": "0"}});
    let answer = super::json(OperationName::GetQueueAttributes, output, "r");
    let answer: Value = serde_json::from_str(&answer).expect("JSON");
    let response = &answer["GetQueueAttributesResponse"];
    assert_eq!(response["ResponseMetadata"], json!({"RequestId": "r"}));
    assert_eq!(
        response["GetQueueAttributesResult"],
        json!({"Attributes": [{"Name": "DelaySeconds", "Value": "0"}]})
    );
}

#[test]
fn text_survives_xml_as_far_as_xml_can_hold_it() {
    let mut xml = String::new();
    write_text(&mut xml, "T", "a<b>&\"'\r\n\t\u{0}\u{1f}\u{fffe}\u{10ffff}");
    assert_eq!(
        xml,
        "<T>a&lt;b&gt;&amp;&quot;'&#xD;\n\t\u{fffd}\u{fffd}\u{fffd}\u{10ffff}</T>"
    );
}

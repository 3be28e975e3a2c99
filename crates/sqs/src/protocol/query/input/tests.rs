//! Which names of parameters mean which members.

use serde_json::json;

use super::super::parameters;
use super::*;

fn try_read(operation: OperationName, parameters: &str) -> Result<Value, Error> {
    read(
        operation,
        parameters::read(parameters.as_bytes(), is_member)?,
    )
}

fn reads(parameters: &str) -> Value {
    try_read(OperationName::SendMessageBatch, parameters)
        .unwrap_or_else(|error| panic!("{parameters}: {error:?}"))
}

fn complaint(parameters: &str) -> String {
    try_read(OperationName::SendMessageBatch, parameters)
        .expect_err(parameters)
        .message
}

#[test]
fn lists_are_numbered_and_come_in_the_order_of_their_numbers() {
    assert_eq!(
        reads("AttributeName.10=c&AttributeName.2=b&AttributeName.1=a"),
        json!({"AttributeNames": ["a", "b", "c"]})
    );
}

#[test]
fn maps_have_numbered_entries_of_key_and_value() {
    assert_eq!(
        reads(
            "Attribute.1.Name=DelaySeconds&Attribute.1.Value=5&Attribute.2.Name=Policy&Attribute.2.Value="
        ),
        json!({"Attributes": {"DelaySeconds": "5", "Policy": ""}})
    );
    assert_eq!(
        reads("Tag.1.Key=team&Tag.1.Value=a"),
        json!({"Tags": {"team": "a"}})
    );
}

#[test]
fn only_create_queue_has_tags_in_lower_case() {
    let parameters = "Tag.1.Key=team&Tag.1.Value=a";
    let input = try_read(OperationName::CreateQueue, parameters).expect("an input");
    assert_eq!(input, json!({"tags": {"team": "a"}}));
}

#[test]
fn entries_of_batches_are_structures_with_maps_of_their_own() {
    assert_eq!(
        reads(
            "SendMessageBatchRequestEntry.1.Id=a\
             &SendMessageBatchRequestEntry.1.DelaySeconds=3\
             &SendMessageBatchRequestEntry.1.MessageAttribute.1.Name=n\
             &SendMessageBatchRequestEntry.1.MessageAttribute.1.Value.DataType=String\
             &SendMessageBatchRequestEntry.1.MessageAttribute.1.Value.StringValue=v"
        ),
        json!({"Entries": [{
            "Id": "a",
            "DelaySeconds": 3,
            "MessageAttributes": {"n": {"DataType": "String", "StringValue": "v"}},
        }]})
    );
    for operation in ["DeleteMessage", "ChangeMessageVisibility"] {
        assert_eq!(
            reads(&format!("{operation}BatchRequestEntry.1.Id=a")),
            json!({"Entries": [{"Id": "a"}]})
        );
    }
}

#[test]
fn numbers_are_numbers_where_the_model_has_numbers_only() {
    assert_eq!(
        reads(
            "VisibilityTimeout=-7&MessageBody=12&Attribute.1.Name=VisibilityTimeout&Attribute.1.Value=5"
        ),
        json!({
            "VisibilityTimeout": -7,
            "MessageBody": "12",
            "Attributes": {"VisibilityTimeout": "5"},
        })
    );
    for text in ["", "ten", "1.5", "0x1", "1 ", "99999999999999999999"] {
        assert_eq!(
            complaint(&format!("MaxResults={text}")),
            "The value of the parameter MaxResults is not an integer."
        );
    }
}

#[test]
fn a_list_under_the_name_of_the_model_and_without_elements_is_empty() {
    assert_eq!(reads("Entries="), json!({"Entries": []}));
    assert_eq!(
        reads("MessageAttributeNames=&TagKey="),
        json!({"MessageAttributeNames": [], "TagKeys": []})
    );
}

#[test]
fn the_only_element_needs_no_number() {
    assert_eq!(
        reads("AttributeName=All"),
        json!({"AttributeNames": ["All"]})
    );
    assert_eq!(
        reads("Attribute.Name=DelaySeconds&Attribute.Value=5"),
        json!({"Attributes": {"DelaySeconds": "5"}})
    );
}

#[test]
fn the_infixes_of_other_services_are_understood() {
    assert_eq!(
        reads("AttributeNames.member.1=All&Attributes.entry.1.Name=a&Attributes.entry.1.Value=b"),
        json!({"AttributeNames": ["All"], "Attributes": {"a": "b"}})
    );
}

#[test]
fn unknown_parameters_are_left_aside_wherever_they_are() {
    assert_eq!(
        reads("Version=2012-11-05&Version=1&SendMessageBatchRequestEntry.1.Colour=red&QueueUrl=u"),
        json!({"QueueUrl": "u", "Entries": [{}]})
    );
}

#[test]
fn what_contradicts_itself_is_refused() {
    for parameters in [
        "QueueUrl=a&QueueUrl=b",
        "QueueUrl=a&QueueUrl.1=b",
        "QueueUrl.1=b",
        "AttributeName=a&AttributeName.1=b",
        "AttributeName=a&AttributeNames=b",
        "AttributeName.1=a&AttributeName.member.1=b",
        "AttributeName.0=a",
        "AttributeName.01=a",
        "AttributeName.-1=a",
        "AttributeName.4294967296=a",
        "AttributeName.x=a",
        "AttributeName..1=a",
        "AttributeName.1.1=a",
        "Attribute=a",
        "Attribute.1=a",
        "Attribute.1.Name=a&Attribute.1.Value=b&Attribute.2.Name=a&Attribute.2.Value=b",
        "Attribute.1.Name.1=a&Attribute.1.Value=b",
        "Attribute.1.Name=a&Attribute.1.Value.1=b",
        "MessageAttribute.1.Name=a&MessageAttribute.1.Value=b",
        "SendMessageBatchRequestEntry.1=a",
        "SendMessageBatchRequestEntry.1.Id=a&Entries=",
        "SendMessageBatchRequestEntry.1.Id=a&DeleteMessageBatchRequestEntry.1.Id=a",
    ] {
        complaint(parameters);
    }
}

#[test]
fn half_an_entry_of_a_map_misses_a_parameter() {
    assert_eq!(
        complaint("Attribute.3.Name=a"),
        "The request must contain the parameter Attribute.3.Value."
    );
    assert_eq!(
        complaint("Tag.1.Value=a"),
        "The request must contain the parameter Tag.1.Key."
    );
}

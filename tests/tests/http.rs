//! Requests that no SDK would send: whatever a client says, the answer is a sentence of SQS and
//! never a failure of the server.

use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};
use zonemq_tests::client::create_queue;
use zonemq_tests::cluster::TestCluster;
use zonemq_tests::raw_http::{Api, JSON, answer, path_of};

const OPERATIONS: [&str; 23] = [
    "AddPermission",
    "CancelMessageMoveTask",
    "ChangeMessageVisibility",
    "ChangeMessageVisibilityBatch",
    "CreateQueue",
    "DeleteMessage",
    "DeleteMessageBatch",
    "DeleteQueue",
    "GetQueueAttributes",
    "GetQueueUrl",
    "ListDeadLetterSourceQueues",
    "ListMessageMoveTasks",
    "ListQueueTags",
    "ListQueues",
    "PurgeQueue",
    "ReceiveMessage",
    "RemovePermission",
    "SendMessage",
    "SendMessageBatch",
    "SetQueueAttributes",
    "StartMessageMoveTask",
    "TagQueue",
    "UntagQueue",
];

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_operation_is_a_mistake_of_the_caller() {
    let cluster = TestCluster::start();
    let api = Api::of(&cluster, 1);
    for operation in ["", "Explode", "listqueues", "ListQueues.ListQueues"] {
        let unknown = api.json(operation, "{}").await;
        unknown.assert_json_error(
            "UnknownOperationException",
            "UnknownOperationException",
            400,
        );
    }
    for target in [
        "ListQueues",
        "DynamoDB_20120810.ListTables",
        "AmazonSQS",
        "",
    ] {
        let call = api.request(Method::POST, "/").header(CONTENT_TYPE, JSON);
        let unknown = answer(call.header("X-Amz-Target", target).body("{}")).await;
        unknown.assert_json_error(
            "UnknownOperationException",
            "UnknownOperationException",
            400,
        );
    }
    let no_target = api.request(Method::POST, "/").header(CONTENT_TYPE, JSON);
    let no_target = answer(no_target.body("{}")).await;
    no_target.assert_json_error(
        "UnknownOperationException",
        "UnknownOperationException",
        400,
    );

    for action in ["Explode", "listqueues", "%FF", "%"] {
        let unknown = api.get(&format!("/?Action={action}")).await;
        assert_eq!(unknown.status, 400, "{unknown:#?}");
    }
    api.get("/?Action=Explode")
        .await
        .assert_xml_error("InvalidAction", 400);
    api.form("/", "Action=Explode")
        .await
        .assert_xml_error("InvalidAction", 400);
    api.form("/", "QueueName=none")
        .await
        .assert_xml_error("MissingAction", 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_content_type_that_is_not_of_sqs_is_refused() {
    let cluster = TestCluster::start();
    let api = Api::of(&cluster, 2);
    for content_type in [
        "text/plain",
        "application/json",
        "application/x-amz-json-1.1",
        "💥",
    ] {
        let call = api.request(Method::POST, "/");
        let call = call.header(CONTENT_TYPE, content_type.as_bytes());
        let call = call.header("X-Amz-Target", "AmazonSQS.ListQueues");
        let refused = answer(call.body("{}")).await;
        refused.assert_json_error(
            "UnknownOperationException",
            "UnknownOperationException",
            400,
        );
    }
    // With a parameter, it is still the type.
    let call = api.request(Method::POST, "/");
    let call = call.header(CONTENT_TYPE, format!("{JSON}; charset=utf-8"));
    let call = call.header("X-Amz-Target", "AmazonSQS.ListQueues");
    assert_eq!(answer(call.body("{}")).await.status, 200);

    // In no protocol at all.
    for method in [
        Method::GET,
        Method::POST,
        Method::PUT,
        Method::DELETE,
        Method::PATCH,
    ] {
        let call = api.request(method, "/").header(CONTENT_TYPE, "text/plain");
        let refused = answer(call.body("hello")).await;
        assert!((400..500).contains(&refused.status), "{refused:#?}");
    }
    for method in [Method::PUT, Method::DELETE, Method::GET] {
        let call = api.request(method, "/").header(CONTENT_TYPE, JSON);
        let call = call.header("X-Amz-Target", "AmazonSQS.ListQueues");
        let refused = answer(call.body("{}")).await;
        assert!((400..500).contains(&refused.status), "{refused:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_json_object_is_refused_by_every_operation() {
    let cluster = TestCluster::start();
    let api = Api::of(&cluster, 3);
    let deep = "[".repeat(100_000);
    let deep_object = format!("{{\"x\":{}", "{\"x\":".repeat(100_000));
    let broken: [&[u8]; 12] = [
        b"{",
        b"}",
        b"{\"QueueName\"",
        b"{\"QueueName\":\"a\"",
        b"{\"QueueName\":\"a\"}}",
        b"{'QueueName':'a'}",
        b"[]",
        b"5",
        b"\"text\"",
        b"\xff",
        deep.as_bytes(),
        deep_object.as_bytes(),
    ];
    for operation in OPERATIONS {
        for body in broken {
            let refused = api.json(operation, body.to_vec()).await;
            refused.assert_json_error("SerializationException", "SerializationException", 400);
        }
    }
    // A text that is none, where the operation reads it: a lone surrogate, and no UTF-8.
    let broken_texts: [&[u8]; 2] = [
        b"{\"QueueName\":\"\\ud800\"}",
        b"{\"QueueName\":\"\xff\xfe\"}",
    ];
    for operation in ["CreateQueue", "GetQueueUrl"] {
        for body in broken_texts {
            let refused = api.json(operation, body.to_vec()).await;
            refused.assert_json_error("SerializationException", "SerializationException", 400);
        }
    }
    let lists = api.json("ListQueues", "{}").await;
    assert_eq!(lists.value(), json!({}), "none of these made a queue");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_of_the_wrong_type_is_refused() {
    let cluster = TestCluster::start();
    let api = Api::of(&cluster, 1);
    let url = create_queue(&cluster.client(1), "orders").await;
    let wrong = [
        ("CreateQueue", json!({ "QueueName": 5 })),
        ("CreateQueue", json!({ "QueueName": ["a"] })),
        ("CreateQueue", json!({ "QueueName": "a", "Attributes": [] })),
        (
            "CreateQueue",
            json!({ "QueueName": "a", "Attributes": { "DelaySeconds": {} } }),
        ),
        ("CreateQueue", json!({ "QueueName": "a", "tags": "red" })),
        ("GetQueueUrl", json!({ "QueueName": {} })),
        ("ListQueues", json!({ "MaxResults": {} })),
        ("ListQueues", json!({ "QueueNamePrefix": 7 })),
        ("SendMessage", json!({ "QueueUrl": url, "MessageBody": 5 })),
        (
            "SendMessage",
            json!({ "QueueUrl": [url], "MessageBody": "a" }),
        ),
        (
            "SendMessage",
            json!({ "QueueUrl": url, "MessageBody": "a", "DelaySeconds": [] }),
        ),
        (
            "SendMessage",
            json!({ "QueueUrl": url, "MessageBody": "a", "MessageAttributes": [] }),
        ),
        (
            "SendMessage",
            json!({ "QueueUrl": url, "MessageBody": "a", "MessageAttributes": { "a": "b" } }),
        ),
        (
            "SendMessage",
            json!({
                "QueueUrl": url,
                "MessageBody": "a",
                "MessageAttributes": { "a": { "DataType": "Binary", "BinaryValue": "no base64!" } },
            }),
        ),
        (
            "SendMessageBatch",
            json!({ "QueueUrl": url, "Entries": {} }),
        ),
        (
            "SendMessageBatch",
            json!({ "QueueUrl": url, "Entries": ["a"] }),
        ),
        (
            "ReceiveMessage",
            json!({ "QueueUrl": url, "MaxNumberOfMessages": "many" }),
        ),
        (
            "ReceiveMessage",
            json!({ "QueueUrl": url, "WaitTimeSeconds": [1] }),
        ),
        (
            "ReceiveMessage",
            json!({ "QueueUrl": url, "AttributeNames": "All" }),
        ),
        (
            "DeleteMessage",
            json!({ "QueueUrl": url, "ReceiptHandle": 5 }),
        ),
        (
            "ChangeMessageVisibility",
            json!({ "QueueUrl": url, "ReceiptHandle": "a", "VisibilityTimeout": {} }),
        ),
        ("TagQueue", json!({ "QueueUrl": url, "Tags": ["red"] })),
        ("UntagQueue", json!({ "QueueUrl": url, "TagKeys": "red" })),
        (
            "SetQueueAttributes",
            json!({ "QueueUrl": url, "Attributes": "none" }),
        ),
        (
            "AddPermission",
            json!({ "QueueUrl": url, "Label": "l", "Actions": "*" }),
        ),
        ("StartMessageMoveTask", json!({ "SourceArn": 5 })),
        ("CancelMessageMoveTask", json!({ "TaskHandle": true })),
    ];
    for (operation, input) in wrong {
        let refused = api.json(operation, input.to_string()).await;
        println!("{operation} {input}");
        refused.assert_json_error("SerializationException", "SerializationException", 400);
    }
    for number in [
        "1e999",
        "99999999999999999999999999",
        "-99999999999999999999999999",
    ] {
        let input = format!("{{\"QueueUrl\":\"{url}\",\"MaxNumberOfMessages\":{number}}}");
        let refused = api.json("ReceiveMessage", input).await;
        assert_eq!(refused.status, 400, "{refused:#?}");
    }
    let lists = api.json("ListQueues", "{}").await;
    assert_eq!(lists.value()["QueueUrls"].as_array().map(Vec::len), Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_utf_8_is_refused_in_either_protocol() {
    let cluster = TestCluster::start();
    let api = Api::of(&cluster, 1);
    let url = create_queue(&cluster.client(1), "orders").await;
    let body = [
        b"{\"QueueUrl\":\"",
        url.as_bytes(),
        b"\",\"MessageBody\":\"\xc3\x28\"}",
    ]
    .concat();
    let refused = api.json("SendMessage", body).await;
    refused.assert_json_error("SerializationException", "SerializationException", 400);

    let path = path_of(&url);
    let forms: [&[u8]; 3] = [
        b"Action=SendMessage&MessageBody=%C3%28",
        b"Action=SendMessage&MessageBody=\xc3\x28",
        b"Action=SendMessage&MessageBody=a&\xff=\xff&MessageAttribute.1.Name=%FF",
    ];
    for form in forms {
        let refused = api.form(&path, form.to_vec()).await;
        assert_eq!(refused.status, 400, "{refused:#?}");
        assert_eq!(refused.element("Type"), "Sender");
    }
    let refused = api
        .get(&format!("{path}?Action=SendMessage&MessageBody=%C3%28"))
        .await;
    assert_eq!(refused.status, 400, "{refused:#?}");
    // Characters that a message must not have, in good UTF-8.
    let input = json!({ "QueueUrl": url, "MessageBody": "bell \u{7}" });
    let refused = api.json("SendMessage", input.to_string()).await;
    refused.assert_json_error("InvalidMessageContents", "InvalidMessageContents", 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_too_large_is_refused() {
    const MIB: usize = 1 << 20;
    let cluster = TestCluster::start();
    let api = Api::of(&cluster, 2);
    let url = create_queue(&cluster.client(1), "orders").await;
    let send = async |bytes: usize| {
        let input = json!({ "QueueUrl": url, "MessageBody": "a".repeat(bytes) });
        api.json("SendMessage", input.to_string()).await
    };
    assert_eq!(send(MIB).await.status, 200, "the limit itself is allowed");
    for bytes in [MIB + 1, 2 * MIB + 1, 4 * MIB] {
        let refused = send(bytes).await;
        refused.assert_json_error(
            "InvalidParameterValueException",
            "InvalidParameterValue",
            400,
        );
        let told: Value = serde_json::from_str(&refused.body).expect("JSON");
        assert_eq!(
            told["message"],
            "One or more parameters are invalid. Reason: Message must be shorter than 1048576 \
             bytes."
        );
    }
    let form = format!("Action=SendMessage&MessageBody={}", "a".repeat(2 * MIB + 1));
    let refused = api.form(&path_of(&url), form).await;
    refused.assert_xml_error("InvalidParameterValue", 400);

    let entry = |id: &str, bytes: usize| json!({ "Id": id, "MessageBody": "a".repeat(bytes) });
    let input = json!({ "QueueUrl": url, "Entries": [entry("a", MIB), entry("b", 1)] });
    let refused = api.json("SendMessageBatch", input.to_string()).await;
    refused.assert_json_error(
        "BatchRequestTooLong",
        "AWS.SimpleQueueService.BatchRequestTooLong",
        400,
    );

    // Larger than any message in any protocol: refused before it is understood. The client reads
    // that, though it has much to send still.
    for mebibytes in [9, 40] {
        let refused = send(mebibytes * MIB).await;
        assert_eq!(refused.status, 413, "{refused:#?}");
    }
    let alive = api.json("ListQueues", "{}").await;
    assert_eq!(alive.value()["QueueUrls"], json!([url_at(&api, &url)]));
}

/// The URL of a queue as this node tells it: the host is the one that the caller used.
fn url_at(api: &Api, url: &str) -> String {
    format!("http://{}{}", api.address, path_of(url))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_may_come_in_chunks() {
    let cluster = TestCluster::start();
    let api = Api::of(&cluster, 1);
    let url = create_queue(&cluster.client(1), "orders").await;
    create_queue(&cluster.client(1), "others").await;
    let head = format!(
        "POST / HTTP/1.1\r\nHost: {}\r\nContent-Type: {JSON}\r\n\
         X-Amz-Target: AmazonSQS.ListQueues\r\nConnection: close\r\n\
         Transfer-Encoding: chunked\r\n\r\n",
        api.address
    );
    let chunks = ["{\"Queue", "NamePrefix\"", ":\"ord\"}", ""];
    let chunks: Vec<String> = chunks
        .iter()
        .map(|chunk| format!("{:x}\r\n{chunk}\r\n", chunk.len()))
        .collect();
    let answer = api
        .exchange((head.clone() + &chunks.concat()).as_bytes())
        .await;
    let (told, body) = answer.split_once("\r\n\r\n").expect("a head");
    assert!(told.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(told.contains("x-amzn-requestid: "), "{answer}");
    let body: Value = serde_json::from_str(body).expect("JSON");
    assert_eq!(body, json!({ "QueueUrls": [url] }));

    // No body at all, in chunks.
    let answer = api.exchange((head.clone() + "0\r\n\r\n").as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    // A chunk without a size: no request at all. The connection ends, with or without a word.
    let answer = api
        .exchange((head + "many\r\n{}\r\n0\r\n\r\n").as_bytes())
        .await;
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 4"),
        "{answer}"
    );
    assert_eq!(api.json("ListQueues", "{}").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_breaks_off_is_never_called_too_large() {
    let cluster = TestCluster::start();
    let api = Api::of(&cluster, 1);
    let request = format!(
        "POST / HTTP/1.1\r\nHost: {}\r\nContent-Type: {JSON}\r\n\
         X-Amz-Target: AmazonSQS.CreateQueue\r\nContent-Length: 100\r\n\r\n\
         {{\"QueueName\":\"half\"}}",
        api.address
    );
    let answer = api.break_off(request.as_bytes()).await;
    // Nobody may be there any more to read an answer; but one that is given is right.
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 400 "),
        "{answer}"
    );
    let lists = api.json("ListQueues", "{}").await;
    assert_eq!(lists.value(), json!({}), "half a request does nothing");
}

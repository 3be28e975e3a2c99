//! The query protocol as old SDKs and plain HTTP clients speak it, on a queue's URL too.

use zonemq_tests::cluster::TestCluster;
use zonemq_tests::raw_http::{Api, path_of};

#[tokio::test(flavor = "multi_thread")]
async fn the_query_protocol_answers_on_the_queue_url() {
    let cluster = TestCluster::start();
    let api = Api::of(&cluster, 3);
    let created = api.get("/?Action=CreateQueue&QueueName=orders").await;
    assert_eq!(created.status, 200, "{created:#?}");
    assert_eq!(created.header("content-type"), "text/xml");
    assert_eq!(
        created.element("RequestId"),
        created.header("x-amzn-requestid")
    );
    let url = created.element("QueueUrl").to_owned();
    let path = path_of(&url);
    let listed = api.form("/", "Action=ListQueues&Version=2012-11-05").await;
    assert_eq!(listed.element("QueueUrl"), url);

    // A character of each kind that both encodings must keep.
    let sent = api
        .form(
            &path,
            "Action=SendMessage&MessageBody=a+b%2Bc%26%3Cd%3E%20%C3%A9&\
             MessageAttribute.1.Name=colour&MessageAttribute.1.Value.DataType=String&\
             MessageAttribute.1.Value.StringValue=blue",
        )
        .await;
    assert_eq!(sent.status, 200, "{sent:#?}");
    let message_id = sent.element("MessageId").to_owned();
    let counted = api
        .get(&format!(
            "{path}?Action=GetQueueAttributes&AttributeName.1=ApproximateNumberOfMessages"
        ))
        .await;
    assert_eq!(counted.element("Name"), "ApproximateNumberOfMessages");
    assert_eq!(counted.element("Value"), "1");

    let received = api
        .get(&format!(
            "{path}?Action=ReceiveMessage&AttributeName.1=ApproximateReceiveCount"
        ))
        .await;
    assert_eq!(received.element("MessageId"), message_id);
    assert_eq!(received.element("Body"), "a b+c&amp;&lt;d&gt; é");
    assert_eq!(
        received.element("MD5OfBody"),
        sent.element("MD5OfMessageBody")
    );
    let handle = received.element("ReceiptHandle").replace('+', "%2B");
    let deleted = api
        .form(
            &path,
            format!("Action=DeleteMessage&ReceiptHandle={handle}"),
        )
        .await;
    assert_eq!(deleted.status, 200, "{deleted:#?}");

    // A queue in the body wins nothing over the path; and at a queue there are no lists of queues.
    let listed = api.get(&format!("{path}?Action=ListQueues")).await;
    listed.assert_xml_error("InvalidAction", 400);
    let nowhere = api.get("/000000000000/nowhere?Action=PurgeQueue").await;
    nowhere.assert_xml_error("AWS.SimpleQueueService.NonExistentQueue", 400);
    assert_eq!(
        nowhere.element("Message"),
        "The specified queue does not exist for this wsdl version."
    );
    let garbage = api
        .get(&format!(
            "{path}?Action=DeleteMessage&ReceiptHandle=garbage"
        ))
        .await;
    garbage.assert_xml_error("ReceiptHandleIsInvalid", 404);
    let missing = api.get(&format!("{path}?Action=SendMessage")).await;
    missing.assert_xml_error("MissingParameter", 400);
    let wrong = api
        .get(&format!(
            "{path}?Action=ReceiveMessage&WaitTimeSeconds=soon"
        ))
        .await;
    assert_eq!(wrong.status, 400, "{wrong:#?}");
    let too_long = api
        .get(&format!("{path}?Action=ReceiveMessage&WaitTimeSeconds=21"))
        .await;
    too_long.assert_xml_error("InvalidParameterValue", 400);
}

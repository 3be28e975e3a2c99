// @aws-sdk/client-sqs: the conversation, with an endpoint and with the host of the queue's URL. The
// client checks every MD5 digest by itself.

const assert = require("node:assert/strict");
const { after, before, describe, test } = require("node:test");
const sdk = require("@aws-sdk/client-sqs");
const cluster = require("./cluster");

const WAYS = [
  ["endpoint", cluster.clientWithEndpoint],
  ["url", cluster.clientWithoutEndpoint],
];

for (const [way, newClient] of WAYS) {
  describe(`@aws-sdk/client-sqs, by ${way}`, () => {
    // Without an endpoint, what has no queue URL would go to AWS: `admin` asks these.
    let admin, sqs;
    const warnings = [];
    const urls = [];

    const call = (operation, input, client = sqs) =>
      client.send(new sdk[`${operation}Command`](input));

    async function create(name, Attributes = {}) {
      const { QueueUrl } = await call("CreateQueue", { QueueName: name, Attributes }, admin);
      urls.push(QueueUrl);
      return QueueUrl;
    }

    async function receive(QueueUrl, options = {}) {
      const all = { MessageAttributeNames: ["All"], MessageSystemAttributeNames: ["All"] };
      const input = { QueueUrl, MaxNumberOfMessages: 10, ...all, ...options };
      return (await call("ReceiveMessage", input)).Messages ?? [];
    }

    async function arn(QueueUrl) {
      const { Attributes } = await call("GetQueueAttributes", {
        QueueUrl,
        AttributeNames: ["QueueArn"],
      });
      return Attributes.QueueArn;
    }

    const bodies = (messages) => messages.map((message) => message.Body);

    before(() => {
      admin = cluster.clientWithEndpoint();
      sqs = newClient(warnings);
      assert.equal(typeof sqs.config.md5, "function");
    });

    after(async () => {
      for (const QueueUrl of urls) await call("DeleteQueue", { QueueUrl });
      sqs.destroy();
      admin.destroy();
    });

    test("a message comes back as it was sent", async () => {
      const url = await create(`${way}-message`);
      const found = await call("GetQueueUrl", { QueueName: `${way}-message` }, admin);
      assert.equal(found.QueueUrl, url);
      const MessageAttributes = {
        colour: { DataType: "String", StringValue: "bleu foncé" },
        raw: { DataType: "Binary", BinaryValue: new Uint8Array([0, 1, 254, 255]) },
        size: { DataType: "Number", StringValue: "42" },
      };
      const MessageBody = "naïve ✓ \t\n <&> 𝄞";
      const sent = await call("SendMessage", { QueueUrl: url, MessageBody, MessageAttributes });
      const [message, ...others] = await receive(url);
      assert.deepEqual(others, []);
      assert.equal(message.Body, MessageBody);
      assert.equal(message.MessageId, sent.MessageId);
      assert.equal(message.MD5OfMessageAttributes, sent.MD5OfMessageAttributes);
      assert.deepEqual(message.MessageAttributes, MessageAttributes);
      assert.equal(message.Attributes.ApproximateReceiveCount, "1");
      await call("DeleteMessage", { QueueUrl: url, ReceiptHandle: message.ReceiptHandle });
      const empty = await call("ReceiveMessage", { QueueUrl: url });
      assert.equal(empty.Messages, undefined);
    });

    test("only this way of finding the node was used", () => {
      const told = warnings.filter((text) => text.includes("using QueueUrl host as endpoint"));
      assert.equal(told.length > 0, way === "url");
    });

    test("a batch answers for each entry", async () => {
      const QueueUrl = await create(`${way}-batch`);
      const Entries = Array.from({ length: 10 }, (_, n) => ({ Id: `e${n}`, MessageBody: `${n}` }));
      const sent = await call("SendMessageBatch", { QueueUrl, Entries });
      assert.equal(sent.Successful.length, 10);
      assert.equal(sent.Failed, undefined);
      const messages = await receive(QueueUrl);
      assert.deepEqual(bodies(messages).sort(), Entries.map((entry) => entry.MessageBody));
      const handles = messages.map(({ Body, ReceiptHandle }) => ({ Id: Body, ReceiptHandle }));
      handles[3] = { Id: "bad", ReceiptHandle: "garbage" };
      const deleted = await call("DeleteMessageBatch", { QueueUrl, Entries: handles });
      assert.equal(deleted.Successful.length, 9);
      const [{ Id, Code, SenderFault }, ...others] = deleted.Failed;
      assert.deepEqual({ Id, Code, SenderFault, others }, {
        Id: "bad",
        Code: "ReceiptHandleIsInvalid",
        SenderFault: true,
        others: [],
      });
    });

    test("a long poll waits, and is woken by a send", async () => {
      const QueueUrl = await create(`${way}-poll`);
      let started = Date.now();
      assert.deepEqual(await receive(QueueUrl, { WaitTimeSeconds: 1 }), []);
      assert.ok(Date.now() - started >= 1000);
      started = Date.now();
      const poll = receive(QueueUrl, { WaitTimeSeconds: 20 });
      await new Promise((resolve) => setTimeout(resolve, 500));
      await call("SendMessage", { QueueUrl, MessageBody: "wake up" });
      assert.deepEqual(bodies(await poll), ["wake up"]);
      assert.ok(Date.now() - started < 10_000);
    });

    test("visibility hides and shows", async () => {
      const QueueUrl = await create(`${way}-visibility`, { VisibilityTimeout: "45" });
      await call("SendMessage", { QueueUrl, MessageBody: "boo" });
      const [{ ReceiptHandle }] = await receive(QueueUrl);
      assert.deepEqual(await receive(QueueUrl), []);
      const change = { QueueUrl, ReceiptHandle, VisibilityTimeout: 0 };
      await call("ChangeMessageVisibility", change);
      assert.equal((await receive(QueueUrl))[0].Attributes.ApproximateReceiveCount, "2");
    });

    test("a FIFO queue keeps order, sends once, and locks a group", async () => {
      const fifo = { FifoQueue: "true", ContentBasedDeduplication: "true" };
      const QueueUrl = await create(`${way}.fifo`, fifo);
      const numbers = [];
      for (const MessageBody of ["first", "second", "first"]) {
        const sent = await call("SendMessage", { QueueUrl, MessageBody, MessageGroupId: "a" });
        numbers.push(BigInt(sent.SequenceNumber));
      }
      assert.ok(numbers[0] < numbers[1]);
      assert.equal(numbers[2], numbers[0]);
      const [first] = await receive(QueueUrl, { MaxNumberOfMessages: 1 });
      assert.equal(first.Body, "first");
      assert.deepEqual(await receive(QueueUrl), []);
      await call("DeleteMessage", { QueueUrl, ReceiptHandle: first.ReceiptHandle });
      assert.deepEqual(bodies(await receive(QueueUrl)), ["second"]);
      await assert.rejects(call("SendMessage", { QueueUrl, MessageBody: "x" }), {
        message: "The request must contain the parameter MessageGroupId.",
      });
    });

    test("the dead are moved back", async () => {
      const dead = await create(`${way}-dead`);
      const url = await create(`${way}-dying`);
      const policy = { deadLetterTargetArn: await arn(dead), maxReceiveCount: 1 };
      const Attributes = { RedrivePolicy: JSON.stringify(policy) };
      await call("SetQueueAttributes", { QueueUrl: url, Attributes });
      const sources = await call("ListDeadLetterSourceQueues", { QueueUrl: dead });
      assert.deepEqual(sources.queueUrls, [url]);
      await call("SendMessage", { QueueUrl: url, MessageBody: "poison" });
      assert.deepEqual(bodies(await receive(url, { VisibilityTimeout: 0 })), ["poison"]);
      assert.deepEqual(await receive(url), []);
      const [message] = await receive(dead, { VisibilityTimeout: 0 });
      assert.equal(message.Attributes.DeadLetterQueueSourceArn, await arn(url));

      const SourceArn = await arn(dead);
      assert.ok((await call("StartMessageMoveTask", { SourceArn }, admin)).TaskHandle);
      assert.deepEqual(bodies(await receive(url, { WaitTimeSeconds: 20 })), ["poison"]);
      let task;
      const deadline = Date.now() + 20_000;
      do {
        assert.ok(Date.now() < deadline, "the task does not end");
        [task] = (await call("ListMessageMoveTasks", { SourceArn }, admin)).Results;
      } while (task.Status === "RUNNING");
      assert.equal(task.Status, "COMPLETED");
      assert.equal(task.ApproximateNumberOfMessagesMoved, 1);
      const missing = { SourceArn: `${SourceArn}-nowhere` };
      await assert.rejects(
        call("StartMessageMoveTask", missing, admin),
        sdk.ResourceNotFoundException,
      );
    });

    test("tags come and go, and a purge leaves nothing", async () => {
      const QueueUrl = await create(`${way}-tags`);
      await call("TagQueue", { QueueUrl, Tags: { team: "a", cost: "42" } });
      await call("UntagQueue", { QueueUrl, TagKeys: ["cost"] });
      assert.deepEqual((await call("ListQueueTags", { QueueUrl })).Tags, { team: "a" });
      await call("SendMessage", { QueueUrl, MessageBody: "x" });
      await call("PurgeQueue", { QueueUrl });
      assert.deepEqual(await receive(QueueUrl), []);
    });

    test("errors are those of AWS", async () => {
      const QueueUrl = await create(`${way}-errors`);
      const nowhere = { QueueUrl: `${QueueUrl}-nowhere`, MessageBody: "x" };
      await assert.rejects(call("SendMessage", nowhere), (error) => {
        assert.ok(error instanceof sdk.QueueDoesNotExist);
        assert.equal(error.name, "QueueDoesNotExist");
        assert.equal(error.message, "The specified queue does not exist.");
        assert.equal(error.Code, "AWS.SimpleQueueService.NonExistentQueue");
        assert.equal(error.$metadata.httpStatusCode, 400);
        return true;
      });
      await assert.rejects(
        call("DeleteMessage", { QueueUrl, ReceiptHandle: "garbage" }),
        sdk.ReceiptHandleIsInvalid,
      );
      const same = { Id: "a", MessageBody: "x" };
      await assert.rejects(
        call("SendMessageBatch", { QueueUrl, Entries: [same, same] }),
        sdk.BatchEntryIdsNotDistinct,
      );
      await assert.rejects(call("ReceiveMessage", { QueueUrl, WaitTimeSeconds: 21 }), {
        Code: "InvalidParameterValue",
        message:
          "Value 21 for parameter WaitTimeSeconds is invalid. " +
          "Reason: Must be >= 0 and <= 20, if provided.",
      });
    });
  });
}

// sqs-consumer: handlers that take messages, fail, and take them again.

const assert = require("node:assert/strict");
const { once } = require("node:events");
const { after, before, describe, test } = require("node:test");
const sdk = require("@aws-sdk/client-sqs");
const { Consumer } = require("sqs-consumer");
const cluster = require("./cluster");

// Without a client of ours, sqs-consumer makes one of its own, which goes by the queue's URL.
const WAYS = [
  ["endpoint", () => ({ sqs: cluster.clientWithEndpoint() })],
  ["url", () => ({ sqs: cluster.clientWithoutEndpoint() })],
  ["default", () => ({ region: process.env.AWS_REGION })],
];

for (const [way, client] of WAYS) {
  describe(`sqs-consumer, by ${way}`, () => {
    let admin;
    const call = (operation, input) => admin.send(new sdk[`${operation}Command`](input));

    before(() => {
      admin = cluster.clientWithEndpoint();
    });

    after(() => admin.destroy());

    async function create(name, Attributes = {}) {
      return (await call("CreateQueue", { QueueName: name, Attributes })).QueueUrl;
    }

    /** Runs a consumer until it says that it has processed that many messages. */
    async function consume(t, count, options) {
      t.mock.method(console, "warn", () => {}); // that it goes by the queue's URL
      const consumer = Consumer.create({ waitTimeSeconds: 20, ...client(), ...options });
      const failures = [];
      for (const event of ["error", "timeout_error"]) {
        consumer.on(event, (error) => failures.push(error));
      }
      let processed = 0;
      const enough = new Promise((resolve, reject) => {
        consumer.on("message_processed", () => (processed += 1) === count && resolve());
        consumer.on("error", reject);
      });
      consumer.start();
      try {
        await enough;
      } finally {
        const stopped = once(consumer, "stopped");
        consumer.stop();
        await stopped;
      }
      assert.deepEqual(failures, []);
    }

    async function assertEmpty(QueueUrl) {
      const names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"];
      const { Attributes } = await call("GetQueueAttributes", { QueueUrl, AttributeNames: names });
      assert.deepEqual(Attributes, Object.fromEntries(names.map((name) => [name, "0"])));
    }

    test("every message is handled once and deleted", { timeout: 60_000 }, async (t) => {
      const queueUrl = await create(`consumer-${way}`);
      const Entries = Array.from({ length: 10 }, (_, n) => ({ Id: `e${n}`, MessageBody: `${n}` }));
      await call("SendMessageBatch", { QueueUrl: queueUrl, Entries });
      const handled = [];
      const handleMessage = async (message) => {
        handled.push(message.Body);
        return message;
      };
      await consume(t, 10, { queueUrl, handleMessage });
      assert.deepEqual(handled.sort(), Entries.map((entry) => entry.MessageBody));
      await assertEmpty(queueUrl);
    });

    test("a batch is handled and deleted as one", { timeout: 60_000 }, async (t) => {
      const queueUrl = await create(`consumer-batch-${way}`);
      const Entries = Array.from({ length: 10 }, (_, n) => ({ Id: `e${n}`, MessageBody: `${n}` }));
      await call("SendMessageBatch", { QueueUrl: queueUrl, Entries });
      const handled = [];
      const handleMessageBatch = async (messages) => {
        handled.push(...messages.map((message) => message.Body));
        return messages;
      };
      await consume(t, 10, { queueUrl, handleMessageBatch, batchSize: 10 });
      assert.deepEqual(handled.sort(), Entries.map((entry) => entry.MessageBody));
      await assertEmpty(queueUrl);
    });

    test("what a handler fails on comes back in its order", { timeout: 60_000 }, async (t) => {
      const fifo = { FifoQueue: "true", ContentBasedDeduplication: "true" };
      const queueUrl = await create(`consumer-${way}.fifo`, fifo);
      for (const MessageBody of ["first", "second"]) {
        await call("SendMessage", { QueueUrl: queueUrl, MessageBody, MessageGroupId: "a" });
      }
      const handled = [];
      const handleMessage = async (message) => {
        handled.push(`${message.Body} ${message.Attributes.ApproximateReceiveCount}`);
        if (handled.length === 1) throw new Error("not yet");
        return message;
      };
      await consume(t, 2, {
        queueUrl,
        handleMessage,
        messageSystemAttributeNames: ["ApproximateReceiveCount"],
        suppressFifoWarning: true,
        terminateVisibilityTimeout: true,
      });
      assert.deepEqual(handled, ["first 1", "first 2", "second 1"]);
      await assertEmpty(queueUrl);
    });
  });
}

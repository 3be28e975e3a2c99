// The lab's own load: ordered messages in and out through the node that shows this page, and what
// became of each. `zonemq run` judges every promise; this counts the four that everybody asks for.

import { cluster } from "./cluster.js";
import { byId, say } from "./elements.js";
import { sqs } from "./sqs.js";

const QUEUE = "lab.fifo";
const GROUPS = 4;
const RECEIVERS = 2;
// What is remembered of a load is bounded: then it ends by itself.
const MOST = 50_000;
const RETRY_MILLIS = 200;
// Longer than the visibility time-out: what a lost answer hid comes back until then.
const DRAIN_MILLIS = 15_000;
const VISIBILITY_SECONDS = 5;

let load = null;

const pause = (millis) => new Promise((done) => setTimeout(done, millis));

class Load {
  constructor() {
    this.name = crypto.randomUUID().slice(0, 8);
    this.sends = true;
    this.receives = true;
    this.acknowledged = 0;
    // Acknowledged and not received yet; received before it was acknowledged.
    this.onTheWay = new Set();
    this.early = new Set();
    // The message in which each body came, and whether its delete was acknowledged.
    this.received = new Map();
    this.highest = new Array(GROUPS).fill(0);
    this.duplicates = 0;
    this.cameBack = 0;
    this.outOfOrder = 0;
    this.unanswered = 0;
    this.lastAcknowledged = performance.now();
    this.longestGap = 0;
    this.lost = null;
    this.trouble = "";
  }

  async attempt(work) {
    try {
      return await work();
    } catch (error) {
      this.unanswered += 1;
      this.trouble = error.message;
      await pause(RETRY_MILLIS);
      return null;
    }
  }

  async run() {
    let url = null;
    while (url === null && this.sends) {
      url = await this.attempt(async () => {
        const Attributes = { FifoQueue: "true", VisibilityTimeout: String(VISIBILITY_SECONDS) };
        return (await sqs("CreateQueue", { QueueName: QUEUE, Attributes })).QueueUrl;
      });
    }
    if (url === null) return;
    const senders = Array.from({ length: GROUPS }, (_, group) => this.send(url, group));
    const receivers = Array.from({ length: RECEIVERS }, () => this.receive(url));
    await Promise.all(senders);
    this.sends = false;
    const end = performance.now() + DRAIN_MILLIS;
    while (this.onTheWay.size > 0 && performance.now() < end) await pause(100);
    this.receives = false;
    await Promise.all(receivers);
    this.lost = this.onTheWay.size;
  }

  // One after the other, each again under its name until it is acknowledged.
  async send(QueueUrl, group) {
    for (let number = 1; this.sends && this.acknowledged < MOST; number += 1) {
      const body = `${this.name}-${group}-${number}`;
      const message = { QueueUrl, MessageBody: body, MessageGroupId: `g${group}`, MessageDeduplicationId: body };
      let told = null;
      while (told === null && this.sends) told = await this.attempt(() => sqs("SendMessage", message));
      if (told === null) return;
      const now = performance.now();
      this.longestGap = Math.max(this.longestGap, now - this.lastAcknowledged);
      this.lastAcknowledged = now;
      this.acknowledged += 1;
      if (!this.early.delete(body)) this.onTheWay.add(body);
    }
  }

  async receive(QueueUrl) {
    while (this.receives) {
      const told = await this.attempt(() => sqs("ReceiveMessage", { QueueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 1 }));
      const messages = told?.Messages ?? [];
      for (const message of messages) this.note(message);
      if (messages.length === 0) continue;
      const Entries = messages.map(({ ReceiptHandle }, at) => ({ Id: String(at), ReceiptHandle }));
      const deleted = await this.attempt(() => sqs("DeleteMessageBatch", { QueueUrl, Entries }));
      for (const { Id } of deleted?.Successful ?? []) {
        const known = this.received.get(messages[Number(Id)].Body);
        if (known !== undefined) known.deleted = true;
      }
    }
  }

  note({ Body, MessageId }) {
    const [name, group, number] = Body.split("-");
    // Of a load before this one.
    if (name !== this.name) return;
    const known = this.received.get(Body);
    if (known !== undefined) {
      if (known.id !== MessageId) this.duplicates += 1;
      else if (known.deleted) this.cameBack += 1;
      return;
    }
    this.received.set(Body, { id: MessageId, deleted: false });
    if (Number(number) < this.highest[group]) this.outOfOrder += 1;
    else this.highest[group] = Number(number);
    if (!this.onTheWay.delete(Body)) this.early.add(Body);
  }
}

const state = () => {
  if (load === null) return "No load runs.";
  if (load.lost !== null) return "The load has ended, and the queue was drained.";
  return load.sends ? `Sends to ${QUEUE} in ${GROUPS} message groups, and receives, through this node (n${cluster.picture.from}): while it is cut off, the load waits.` : "Drains what is left.";
};

export function drawLoad() {
  const runs = load !== null && load.lost === null;
  say(byId("load-said"), state());
  byId("load-start").disabled = runs;
  byId("load-stop").disabled = !runs || !load.sends;
  byId("counters").hidden = load === null;
  if (load === null) return;
  const waits = load.sends ? performance.now() - load.lastAcknowledged : 0;
  const numbers = {
    acknowledged: load.acknowledged,
    received: load.received.size,
    lost: load.lost ?? `${load.onTheWay.size} on the way`,
    duplicates: load.duplicates,
    back: load.cameBack,
    disorder: load.outOfOrder,
    failed: load.unanswered,
    gap: `${(Math.max(load.longestGap, waits) / 1000).toFixed(2)} s`,
  };
  const broken = { lost: load.lost > 0, duplicates: load.duplicates > 0, back: load.cameBack > 0, disorder: load.outOfOrder > 0 };
  for (const [name, number] of Object.entries(numbers)) say(byId(`count-${name}`), String(number), broken[name] ? "bad" : "");
  say(byId("load-trouble"), load.trouble === "" ? "" : `The last answer that was none: ${load.trouble}`);
}

byId("load-start").addEventListener("click", () => {
  load = new Load();
  load.run();
  drawLoad();
});
byId("load-stop").addEventListener("click", () => {
  load.sends = false;
  drawLoad();
});

// The settings of a queue that people change most, dead letters among them.

import { byId } from "./elements.js";
import { addressOf, sqs } from "./sqs.js";

const form = byId("settings").elements;
const NUMBERS = ["VisibilityTimeout", "DelaySeconds", "ReceiveMessageWaitTimeSeconds", "MessageRetentionPeriod", "MaximumMessageSize"];

const save = byId("settings").querySelector("button");

// The queue whose settings are shown, and what they are.
let of = null;
let shown = {};

const attributes = async (address) => (await sqs("GetQueueAttributes", { QueueUrl: address, AttributeNames: ["All"] })).Attributes;

export const arnOf = async (queue) => (await attributes(addressOf(queue))).QueueArn;

async function fill(queue) {
  const told = await attributes(addressOf(queue));
  // Another queue may be looked at by now.
  if (of !== queue.name) return;
  shown = {};
  for (const name of NUMBERS) shown[name] = told[name];
  const policy = JSON.parse(told.RedrivePolicy ?? "null");
  shown.target = policy?.deadLetterTargetArn.split(":").at(-1) ?? "";
  shown.most = String(policy?.maxReceiveCount ?? 3);
  for (const [name, value] of Object.entries(shown)) form[name].value = value;
  save.disabled = false;
}

export async function showSettings(queue) {
  of = queue.name;
  // Not before it is known what they are.
  save.disabled = true;
  await fill(queue);
}

// Sets what was changed.
export async function saveSettings(queue) {
  const Attributes = {};
  for (const name of NUMBERS) if (form[name].value !== shown[name]) Attributes[name] = form[name].value;
  const [target, most] = [form.target.value.trim(), form.most.value];
  if (target !== shown.target || (target !== "" && most !== shown.most)) {
    Attributes.RedrivePolicy = "";
    if (target !== "") {
      const deadLetterTargetArn = await arnOf({ ...queue, name: target });
      Attributes.RedrivePolicy = JSON.stringify({ deadLetterTargetArn, maxReceiveCount: Number(most) });
    }
  }
  if (Object.keys(Attributes).length > 0) await sqs("SetQueueAttributes", { QueueUrl: addressOf(queue), Attributes });
  await fill(queue);
}

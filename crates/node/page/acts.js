// Does what a step of a lesson says. Where the terminal kills a process, its links are cut here.

import { breakIt, isolated } from "./breaking.js";
import { leader, seen } from "./cluster.js";
import { predict } from "./outlook.js";
import { NoAnswer } from "./sqs.js";

// How long anything but a send may take, beside what it waits for.
const WITHIN_MILLIS = 10_000;
// What a page broke that was closed in a hurry ends by itself.
const FAULT_MILLIS = 60 * 60_000;

const LABELS = {
  look: "Look", take_away: "Take it away", cut_off: "Cut it off", lose_answers: "Lose its answers", mend: "Mend all",
  create_queue: "Create it", send: "Send", receive: "Receive", delete: "Delete",
};

// What the button of an act says.
export const labelOf = (act) => LABELS[act.kind];

// An act that is not done again when only its check is to be tried again.
export const isFault = (act) => ["take_away", "cut_off", "lose_answers"].includes(act.kind);

// What pressing it does, in a line.
export function does(act, room) {
  const queue = act.queue === undefined ? "" : room.queueName(act.queue);
  switch (act.kind) {
    case "take_away":
    case "cut_off": return `Cuts all links of ${act.who === "leader" ? "the leader" : "a follower that is not cut off yet"}, as zonemq fault isolate ${act.who} does.`;
    case "lose_answers": return `As zonemq fault lose-responses ${act.who} does.`;
    case "mend": return "Undoes all faults, as zonemq fault heal does.";
    case "create_queue": return `CreateQueue ${queue}, with a visibility timeout of ${act.queue.visibility_seconds} s`;
    case "send": {
      const through = act.through === "former" ? `n${room.former}` : "another node";
      const id = act.queue.fifo ? `, deduplication id ${deduplicationId(act.body)}` : "";
      return `SendMessage “${act.body}” to ${queue}, through ${through}${id}`;
    }
    case "receive": return `ReceiveMessage from ${queue}`;
    case "delete": return `DeleteMessage “${act.body}” from ${queue}`;
    default: return "";
  }
}

// The node that a fault meets, and what it does to it.
function fault(act, room) {
  const node = act.who === "leader" ? leader() : seen().find(({ id }) => id !== leader()?.id && !room.away.has(id));
  if (node === undefined) throw new Error(`there is no ${act.who} now`);
  if (act.kind !== "lose_answers") return { node: node.id, words: `isolate n${node.id}`, effects: isolated(node.id) };
  const effects = [{ on: "clients", node: node.id, rule: { requests: "open", answers: "swallowed" } }];
  return { node: node.id, words: `lose-responses n${node.id}`, effects };
}

// What should follow, before it is done.
export async function foretold(act, room) {
  await room.current();
  return predict(fault(act, room).effects);
}

async function breaks(act, room, foretell) {
  room.noteLeader();
  const { node, words, effects } = fault(act, room);
  // Another one may lead than when it was foretold.
  foretell(await predict(effects));
  const { number } = await breakIt({ words, effects }, FAULT_MILLIS);
  room.fault = { number, node };
  if (act.kind !== "lose_answers") room.away.add(node);
}

async function createQueue({ queue }, room) {
  const Attributes = { VisibilityTimeout: String(queue.visibility_seconds), ...(queue.fifo ? { FifoQueue: "true" } : {}) };
  const { QueueUrl } = await room.call("former", "CreateQueue", { QueueName: room.queueName(queue), Attributes }, WITHIN_MILLIS);
  room.queues.set(queue.name, QueueUrl);
}

// Such ids have no spaces.
const deduplicationId = (body) => body.replaceAll(" ", "-");

async function send({ queue, body, through }, room) {
  const order = queue.fifo ? { MessageGroupId: room.course.message_group, MessageDeduplicationId: deduplicationId(body) } : {};
  room.sent = { body, through: room.node(through), answer: "acknowledged" };
  try {
    await room.call(through, "SendMessage", { QueueUrl: room.queues.get(queue.name), MessageBody: body, ...order }, room.course.sender_waits_seconds * 1000);
  } catch (error) {
    room.sent.answer = error instanceof NoAnswer ? "unknown" : error.message;
  }
}

// One ReceiveMessage.
async function ask(queue, most, seconds, room) {
  const input = { QueueUrl: room.queues.get(queue.name), MaxNumberOfMessages: most, WaitTimeSeconds: seconds, AttributeNames: ["All"] };
  const { Messages } = await room.call("other", "ReceiveMessage", input, WITHIN_MILLIS + seconds * 1000);
  return (Messages ?? []).map(({ Body, ReceiptHandle, Attributes }) => {
    room.handles.set(Body, ReceiptHandle);
    return { body: Body, times: Number(Attributes.ApproximateReceiveCount) };
  });
}

async function remove(queue, body, room) {
  const ReceiptHandle = room.handles.get(body);
  if (ReceiptHandle === undefined) throw new Error(`“${body}” was not received`);
  await room.call("other", "DeleteMessage", { QueueUrl: room.queues.get(queue.name), ReceiptHandle }, WITHIN_MILLIS);
}

async function askAndRemove(queue, most, seconds, room) {
  const came = await ask(queue, most, seconds, room);
  for (const { body } of came) await remove(queue, body, room);
  return came;
}

async function receive({ how, queue, wait_seconds: seconds }, room) {
  room.received = [];
  room.rival = [];
  if (how === "one") room.received = await ask(queue, 1, seconds, room);
  else if (how === "one_and_delete") room.received = await askAndRemove(queue, 1, seconds, room);
  else if (how === "rivals") {
    room.received = await ask(queue, 1, 1, room);
    room.rival = await ask(queue, 1, 0, room);
  } else {
    let came;
    do {
      came = await askAndRemove(queue, 10, 1, room);
      room.received.push(...came);
    } while (came.length > 0);
  }
}

const HANDS = {
  look: async () => {},
  take_away: breaks, cut_off: breaks, lose_answers: breaks,
  mend: (_, room) => room.mend(),
  create_queue: createQueue, send, receive,
  delete: ({ queue, body }, room) => remove(queue, body, room),
};

// Does it. What should follow of a fault is foretold once more before it is set.
export async function perform(act, room, foretell) {
  await room.current();
  room.noteCommitted();
  const began = performance.now();
  await HANDS[act.kind](act, room, foretell);
  room.tookMillis = performance.now() - began;
}

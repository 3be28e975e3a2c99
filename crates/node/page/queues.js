// The queues: how much is in them, what can be done with them, and a look at what they hold.

import { byId, cells, element, keep, say, sureButton } from "./elements.js";
import { best, change, depth, own, rate } from "./cluster.js";
import { drawPeek, lookAgain, peeked, showPeek } from "./peek.js";
import { showRedrive } from "./redrive.js";
import { saveSettings, showSettings } from "./settings.js";
import { addressOf, sqs } from "./sqs.js";

function tell(text, isBad = false) {
  say(byId("queues-said"), text, isBad ? "bad" : "");
}

async function doing(what, work) {
  try {
    await work();
    tell(what);
  } catch (error) {
    tell(error.message, true);
  }
}

const find = (name) => best()?.queues.find((queue) => queue.name === name);

function actions(name) {
  const purge = sureButton("Purge", () => `Purge ${depth(find(name))} messages?`, () =>
    doing(`${name} is purged.`, () => sqs("PurgeQueue", { QueueUrl: addressOf(find(name)) })));
  const remove = sureButton("Delete", () => `Delete ${name}?`, () =>
    doing(`${name} is deleted.`, () => sqs("DeleteQueue", { QueueUrl: addressOf(find(name)) })));
  const look = element("button", { type: "button", click: () => show(name) }, "Peek");
  return element("td", {}, element("div", { class: "actions" }, look, purge, remove));
}

function age(seconds) {
  if (seconds === null) return "–";
  if (seconds < 120) return `${seconds} s`;
  return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}

function deadLetters(queue) {
  const to = queue.dead_letter_queue === null ? "" : `to ${queue.dead_letter_queue}`;
  const from = queue.dead_letter_sources.length === 0 ? "" : `from ${queue.dead_letter_sources.join(", ")}`;
  return [to, from].filter((part) => part !== "").join("; ") || "–";
}

// A rate in so many digits as say something.
const perSecond = (rate) => (Math.abs(rate) < 0.05 ? "0" : rate.toFixed(Math.abs(rate) < 10 ? 1 : 0));

export function drawQueues() {
  const queues = best()?.queues ?? [];
  const canChange = own()?.faults_enabled ?? false;
  byId("no-queues").hidden = queues.length > 0;
  byId("create").hidden = !canChange;
  byId("send").hidden = !canChange;
  byId("settings-of").hidden = !canChange;
  keep(byId("queue-table").tBodies[0], queues, (queue) => queue.name, (queue) => {
    // What can be done comes early: on a narrow screen the numbers are scrolled, not the buttons.
    return element("tr", {}, element("td"), actions(queue.name));
  }, (row, queue) => {
    const grows = change(queue.name);
    const number = (text) => ({ text: String(text), class: "number" });
    cells(row, [
      queue.name, null, number(queue.visible), number(queue.in_flight), number(queue.delayed),
      number(`${grows >= 0.05 ? "+" : ""}${perSecond(grows)}`),
      ...["sent", "received", "deleted"].map((what) => number(perSecond(rate(queue.name, what)))),
      number(age(queue.oldest_age_seconds)), number(queue.waiting_receivers), deadLetters(queue),
    ]);
    const [, purge, remove] = row.querySelectorAll(".actions button");
    purge.hidden = !canChange;
    remove.hidden = !canChange;
  });
  drawPanel();
}

const canRedrive = (queue) => queue.dead_letter_sources.length > 0 && (own()?.faults_enabled ?? false);

// The dead letters of another queue may come to this one, or no more, while it is looked at.
let couldRedrive = false;

function drawPanel() {
  drawPeek();
  const queue = find(peeked());
  if (queue === undefined) return;
  const can = canRedrive(queue);
  if (can !== couldRedrive) showRedrive(queue, can);
  couldRedrive = can;
}

function show(name) {
  const queue = find(name);
  couldRedrive = canRedrive(queue);
  showRedrive(queue, couldRedrive);
  doing("", () => showSettings(queue));
  showPeek(name);
}

byId("create").addEventListener("submit", (event) => {
  event.preventDefault();
  const field = event.target.elements.name;
  const name = field.value;
  const Attributes = name.endsWith(".fifo") ? { FifoQueue: "true" } : {};
  doing(`${name} is created.`, async () => {
    await sqs("CreateQueue", { QueueName: name, Attributes });
    field.value = "";
  });
});

byId("send").addEventListener("submit", (event) => {
  event.preventDefault();
  const { body, group } = event.target.elements;
  const name = peeked();
  const fifo = name.endsWith(".fifo") ? { MessageGroupId: group.value || "console", MessageDeduplicationId: crypto.randomUUID() } : {};
  doing(`Sent to ${name}.`, async () => {
    await sqs("SendMessage", { QueueUrl: addressOf(find(name)), MessageBody: body.value, ...fifo });
    body.value = "";
    await lookAgain();
  });
});

byId("settings").addEventListener("submit", (event) => {
  event.preventDefault();
  const name = peeked();
  doing(`The settings of ${name} are saved.`, () => saveSettings(find(name)));
});

// Moves the messages of a dead-letter queue back to where they came from, and shows how far it is.

import { byId, say } from "./elements.js";
import { arnOf } from "./settings.js";
import { sqs } from "./sqs.js";

const LOOK_MILLIS = 500;

// The queue that is looked at, while one is.
let source = null;
let running = null;
// What was shown last: an answer to an earlier question is of another queue.
let shown = null;

async function look(arn) {
  const { Results } = await sqs("ListMessageMoveTasks", { SourceArn: arn, MaxResults: 1 });
  // Another queue may be looked at by now.
  if (source !== arn) return;
  const task = Results?.[0];
  running = task?.Status === "RUNNING" ? task.TaskHandle : null;
  byId("redrive-cancel").hidden = running === null;
  if (task === undefined) return say(byId("redrive-said"), "", "");
  const moved = `${task.ApproximateNumberOfMessagesMoved} of ${task.ApproximateNumberOfMessagesToMove} messages moved`;
  say(byId("redrive-said"), `${task.Status.toLowerCase()}: ${moved}${task.FailureReason === undefined ? "" : `; ${task.FailureReason}`}`, "");
}

// As long as a task runs and its queue is shown.
async function follow(arn) {
  await look(arn);
  while (running !== null && source === arn) {
    await new Promise((done) => setTimeout(done, LOOK_MILLIS));
    if (source === arn) await look(arn);
  }
}

function attempt(work) {
  work().catch((error) => say(byId("redrive-said"), error.message, "bad"));
}

export function showRedrive(queue, can) {
  const mine = {};
  shown = mine;
  source = null;
  running = null;
  byId("redrive").hidden = !can;
  byId("redrive-cancel").hidden = true;
  say(byId("redrive-said"), "", "");
  // Not before it is known what to move.
  byId("redrive-start").disabled = true;
  if (!can) return;
  attempt(async () => {
    const arn = await arnOf(queue);
    if (shown !== mine) return;
    source = arn;
    byId("redrive-start").disabled = false;
    await follow(source);
  });
}

byId("redrive-start").addEventListener("click", () => attempt(async () => {
  await sqs("StartMessageMoveTask", { SourceArn: source });
  await follow(source);
}));
byId("redrive-cancel").addEventListener("click", () => attempt(async () => {
  await sqs("CancelMessageMoveTask", { TaskHandle: running });
  await look(source);
}));

// Moves the messages of a dead-letter queue back to where they came from, and shows how far it is.

import { byId, say } from "./elements.js";
import { arnOf } from "./settings.js";
import { sqs } from "./sqs.js";

const LOOK_MILLIS = 500;

// The queue that is looked at, while one is.
let source = null;
let running = null;

async function look(arn) {
  const { Results } = await sqs("ListMessageMoveTasks", { SourceArn: arn, MaxResults: 1 });
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

export function showRedrive(queue, canChange) {
  const isTarget = queue.dead_letter_sources.length > 0;
  byId("redrive").hidden = !isTarget || !canChange;
  source = null;
  // Not before it is known what to move.
  byId("redrive-start").disabled = true;
  if (isTarget && canChange) {
    attempt(async () => {
      source = await arnOf(queue);
      byId("redrive-start").disabled = false;
      await follow(source);
    });
  }
}

byId("redrive-start").addEventListener("click", () => attempt(async () => {
  await sqs("StartMessageMoveTask", { SourceArn: source });
  await follow(source);
}));
byId("redrive-cancel").addEventListener("click", () => attempt(async () => {
  await sqs("CancelMessageMoveTask", { TaskHandle: running });
  await look(source);
}));

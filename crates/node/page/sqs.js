// Asks the node as any client of SQS does.

export async function sqs(operation, parameters) {
  const answer = await fetch("/", {
    method: "POST",
    headers: { "Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": `AmazonSQS.${operation}` },
    body: JSON.stringify(parameters),
  });
  const told = await answer.json();
  if (!answer.ok) throw new Error(told.message ?? `${operation}: ${answer.status}`);
  return told;
}

export const addressOf = (queue) => `${location.origin}/${queue.account}/${queue.name}`;

// Nobody knows what came of a call.
export class NoAnswer extends Error {}

function wordsOf(text) {
  try {
    return JSON.parse(text).message ?? text;
  } catch {
    return text.trim();
  }
}

// Asks another node, as a client would who waits for so many milliseconds.
export async function sqsAt(node, operation, input, millis) {
  let answer;
  let text;
  try {
    answer = await fetch(`/console/nodes/${node}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ operation, input }),
      signal: AbortSignal.timeout(millis),
    });
    text = await answer.text();
  } catch (error) {
    throw new NoAnswer(error.message);
  }
  if (answer.status >= 500) throw new NoAnswer(wordsOf(text));
  if (!answer.ok) throw new Error(wordsOf(text));
  // Some operations answer nothing at all.
  return text === "" ? {} : JSON.parse(text);
}

// For a page that goes: nobody waits for the answer.
export function deleteAtOnce(QueueUrl) {
  const headers = { "Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "AmazonSQS.DeleteQueue" };
  fetch("/", { method: "POST", keepalive: true, headers, body: JSON.stringify({ QueueUrl }) });
}

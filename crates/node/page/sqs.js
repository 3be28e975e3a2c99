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

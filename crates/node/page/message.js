// The life of one message, as each node knows it.

import { byId, element, keep, left, say } from "./elements.js";

let id = "";
let asks = false;
let askedAt = 0;

export function showMessage(wanted) {
  id = wanted;
  askedAt = 0;
  byId("find").elements.id.value = wanted;
}

function lines(node) {
  const { trace } = node;
  if (trace === null) return [node.why];
  const { entry, message, queue } = trace;
  const told = [];
  if (entry === null) told.push("not among the entries that it can tell of");
  else {
    told.push(`${entry.durable ? "✓" : "…"} entry ${entry.index} on this disk`);
    told.push(`${entry.committed ? "✓" : "…"} committed (known up to ${trace.committed_index})`);
    told.push(`${entry.applied ? "✓" : "…"} applied (up to ${trace.applied_index})`);
  }
  if (message !== null) {
    const ends = message.until_millis === undefined ? "" : ` ${left(message.until_millis, trace.now_millis)}`;
    told.push(`in ${queue}: ${message.state.replace("_", " ")}${ends}, received ${message.receive_count}×`);
    told.push(`content at byte ${message.log_offset} of entry ${message.log_index}`);
  } else told.push(entry?.applied ? "in no queue any more: deleted, expired or purged" : "in no queue");
  return told;
}

async function ask() {
  asks = true;
  askedAt = performance.now();
  try {
    const answer = await fetch(`/console/messages/${encodeURIComponent(id)}`);
    if (!answer.ok) throw new Error(await answer.text());
    const { nodes } = await answer.json();
    const holders = nodes.filter((node) => node.trace !== null && node.trace.message !== null).length;
    say(byId("found"), holders > 0 ? `${holders} of ${nodes.length} nodes hold it.` : "No node holds it.", "");
    keep(byId("traces"), nodes, (node) => node.id, () => element("li", {}, element("h3"), element("ul")), (item, node) => {
      say(item.firstElementChild, `n${node.id} in zone ${node.zone}`);
      keep(item.lastElementChild, lines(node).map((text, at) => ({ text, at })), (line) => line.at, () => element("li"), (line, { text }) => say(line, text));
    });
  } catch (error) {
    byId("traces").replaceChildren();
    say(byId("found"), error.message, "bad");
  }
  asks = false;
}

// Each second as long as it is looked at.
export function drawMessage() {
  if (id !== "" && !asks && performance.now() - askedAt > 1000) ask();
}

byId("find").addEventListener("submit", (event) => {
  event.preventDefault();
  const wanted = event.target.elements.id.value.trim();
  if (location.hash === `#message=${wanted}`) askedAt = 0;
  else location.hash = `message=${wanted}`;
});

// The message groups of a FIFO queue: whose turn it is in each, and who holds it locked.

import { byId, cells, element, keep, left, visible } from "./elements.js";

// Of messages in their order.
function grouped(messages) {
  const groups = new Map();
  for (const message of messages) {
    const known = groups.get(message.message_group) ?? { name: message.message_group, head: message, holders: [], count: 0 };
    known.count += 1;
    if (message.state === "in_flight") known.holders.push(message);
    groups.set(message.message_group, known);
  }
  return [...groups.values()];
}

export function showGroups(messages, now) {
  const groups = messages.some((message) => message.sequence_number !== null) ? grouped(messages) : [];
  byId("groups").hidden = groups.length === 0;
  keep(byId("groups").tBodies[0], groups, (group) => group.name, () => element("tr"), (row, { name, head, holders, count }) => {
    const until = Math.max(...holders.map((message) => message.until_millis));
    const lock = holders.length === 0 ? "free"
      : `locked ${left(until, now)} by the receiver of ${holders.map((message) => message.id.slice(0, 8)).join(", ")}`;
    cells(row, [visible(name ?? ""), head.id.slice(0, 8), lock, { text: String(count), class: "number" }]);
  });
}

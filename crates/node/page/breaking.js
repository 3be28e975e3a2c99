// Breaks things on purpose and mends them, on all nodes at once.

import { cluster } from "./cluster.js";

const ALL = "/console/faults";

export const HELD = { passage: "held" };

export const both = (a, b, rule) => [{ on: "link", from: a, to: b, rule }, { on: "link", from: b, to: a, rule }];

// All links of a node.
export function isolated(node) {
  const others = cluster.picture.nodes.map(({ id }) => id).filter((id) => id !== node);
  return others.flatMap((other) => both(node, other, HELD));
}

// The number of what was broken or mended, and why some nodes did not hear of it.
async function tellAll(method, path, body) {
  const answer = await fetch(path, {
    method,
    headers: body === undefined ? {} : { "Content-Type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(await answer.text());
  const { number, nodes } = await answer.json();
  return { number, missed: nodes.filter((node) => !node.done).map((node) => `n${node.id}: ${node.why}`) };
}

// { words, effects }, which ends by itself after so many milliseconds, if it is not undone.
export const breakIt = (fault, left) => tellAll("POST", ALL, { number: 0, left_millis: left, ...fault });

export const undo = (number) => tellAll("DELETE", `${ALL}/${number}`);

export const healAll = () => tellAll("DELETE", ALL);

// For a page that goes: nobody waits for the answer.
export const healAtOnce = () => void fetch(ALL, { method: "DELETE", keepalive: true });

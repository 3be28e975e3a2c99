// One send, step by step: where the oldest entry is that is not applied everywhere, in slow motion.

import { byId, keep, say } from "./elements.js";
import { cluster, faults, leader } from "./cluster.js";
import { SLOW_MOTION } from "./slow_motion.js";

// The entry to follow: the oldest that is still on its way, or else the last.
function followed(entries, everywhere) {
  const batches = entries.filter((entry) => entry.kind === "batch").sort((a, b) => a.index - b.index);
  return batches.find((entry) => !everywhere(entry.index)) ?? batches.at(-1);
}

export function drawSteps() {
  const isOn = faults().some((fault) => fault.words === SLOW_MOTION);
  const led = leader();
  byId("steps").hidden = !isOn || led === undefined;
  if (!isOn || led === undefined) return;
  const logs = cluster.picture.nodes.map((node) => [node.id, new Map((node.seen?.log?.entries ?? []).map((entry) => [entry.index, entry]))]);
  // What is not among the last entries any more was applied long ago.
  const everywhere = (index) => cluster.picture.nodes.every((node) => node.seen === null || node.seen.applied_index >= index);
  const entry = followed(led.log?.entries ?? [], everywhere);
  if (entry === undefined) return say(byId("steps-title"), "Slow motion: send something, with your own client or from Queues.");
  say(byId("steps-title"), `Slow motion: entry ${entry.index} of term ${entry.term}`);
  const done = (when) => (when ? "✓" : "…");
  const steps = [["proposed", `✓ proposed by n${led.id}, to all at once`]];
  for (const [id, entries] of logs) {
    steps.push([`disk-${id}`, `${done(entries.get(entry.index)?.durable)} on the disk of n${id}`]);
  }
  steps.push(["committed", `${done(entry.committed)} committed: on the disks of a majority`]);
  steps.push(["answered", `${done(entry.applied)} applied by n${led.id}, and answered`]);
  for (const [id, entries] of logs) {
    if (id !== led.id) steps.push([`applied-${id}`, `${done(entries.get(entry.index)?.applied)} applied by n${id}`]);
  }
  keep(byId("steps-list"), steps, ([key]) => key, () => document.createElement("li"), (item, [, text]) => say(item, text));
}

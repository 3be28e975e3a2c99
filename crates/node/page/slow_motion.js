// Slow motion: every disk takes seconds to make anything durable, each longer than the one before,
// so that the steps of a send can be told apart. Heartbeats need no disk: who leads goes on.

import { cluster, leader } from "./cluster.js";

export const SLOW_MOTION = "slow motion";
const STEP_MILLIS = 1500;

// The leader's disk is the quickest.
export function slowMotion() {
  const first = leader()?.id;
  const nodes = cluster.picture.nodes.map(({ id }) => id).sort((a, b) => Number(b === first) - Number(a === first) || a - b);
  const effects = nodes.map((node, place) => ({ on: "disk", node, rule: { fsync_millis: STEP_MILLIS * (place + 1) } }));
  return { words: SLOW_MOTION, effects };
}

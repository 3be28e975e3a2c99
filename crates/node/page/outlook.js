// What should follow of a fault, asked of the node before it is set, and what did.

import { byId, element, keep, say } from "./elements.js";
import { cluster, faults, leader } from "./cluster.js";

// A leader that led for so long stays; whoever led nobody for so long leads nobody.
const STEADY_MILLIS = 1500;

// { before, began, changed, led } while it is not clear yet what followed.
let watched = null;

const led = () => {
  const now = leader();
  return now === undefined ? null : { id: now.id, term: now.term };
};
const same = (one, other) => one?.id === other?.id && one?.term === other?.term;
const named = (who) => (who === null ? "nobody leads" : `n${who.id} leads in term ${who.term}`);

// The cluster as it is, with more that is broken. Who does not answer is as good as down.
function pictureWith(effects) {
  const { nodes } = cluster.picture;
  return {
    nodes: nodes.map(({ id, zone, seen }) => ({ id, zone, state: seen === null ? "down" : "running" })),
    leader: leader()?.id ?? null,
    effects: [...faults().flatMap((fault) => fault.effects), ...effects],
  };
}

// What should follow, in sentences.
export async function predict(effects) {
  const answer = await fetch("/console/outlook", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(pictureWith(effects)),
  });
  if (!answer.ok) throw new Error(await answer.text());
  return (await answer.json()).says;
}

// Shows in the lab what should follow, and from now on what does.
export async function watchOutcome(effects) {
  const says = await predict(effects);
  keep(byId("predicted"), says, (line) => line, (line) => element("li", {}, line), () => {});
  byId("outlook").hidden = false;
  const before = led();
  watched = { before, now: before, began: performance.now(), changed: performance.now(), silent: 0 };
  say(byId("observed"), "Looking …");
}

// With each picture, until it has been steady for a while.
export function noteOutcome() {
  if (watched === null) return;
  const now = led();
  const at = performance.now();
  if (!same(now, watched.now)) {
    if (watched.now === null) watched.silent += at - watched.changed;
    watched.now = now;
    watched.changed = at;
  }
  const { before, began, changed, silent } = watched;
  const gap = silent > 0 ? `, after ${(silent / 1000).toFixed(1)} s without a leader` : "";
  const what = same(before, now) ? `${named(now)}, as before` : `${named(now)}${gap}; before, ${named(before)}`;
  say(byId("observed"), `${what}.`);
  if (at - Math.max(began, changed) > STEADY_MILLIS && now !== null) watched = null;
}

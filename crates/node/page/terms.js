// Who led when, and why that changed, as far as it can be told from what the page has seen.

import { cluster, faults, leader, link, seen } from "./cluster.js";

const TERMS = 60;

// { term, leader, since, reason } one after the other.
export const terms = [];

// Why a node leads no more.
function reason(old) {
  const { nodes } = cluster.picture;
  const node = nodes.find(({ id }) => id === old);
  const name = `n${old}`;
  if (node === undefined || node.seen === null) return `${name} does not answer`;
  const others = nodes.map(({ id }) => id).filter((id) => id !== old);
  const broken = (state) => others.filter((id) => link(old, id).state === state);
  const cut = broken("cut");
  if (cut.length > 0) return `${name} was cut off from ${cut.map((id) => `n${id}`).join(", ")}`;
  if (broken("slow").length > 0) return `the links of ${name} were slow`;
  const slow = faults().some(({ effects }) => effects.some((effect) => effect.on === "disk" && effect.node === old));
  if (slow) return `the disk of ${name} was slow`;
  return `${name} handed over, began anew, or was not heard in time`;
}

export function noteTerm() {
  const now = leader();
  const last = terms.at(-1);
  const term = now?.term ?? Math.max(0, ...seen().map((node) => node.term));
  const id = now?.id ?? null;
  if (last !== undefined && last.term === term && last.leader === id) return;
  const before = terms.findLast((past) => past.leader !== null);
  const why = last === undefined ? "when this page was opened"
    : before === undefined || before.leader === id ? last.reason : reason(before.leader);
  terms.push({ term, leader: id, since: Date.now(), reason: why });
  if (terms.length > TERMS) terms.shift();
}

// Breaks things on purpose, on all nodes at once, and mends them.

import { HELD, both, breakIt, healAll, isolated, undo } from "./breaking.js";
import { byId, element, keep, say } from "./elements.js";
import { cluster, faults, own } from "./cluster.js";
import { drawLoad } from "./load.js";
import { watchOutcome } from "./outlook.js";
import { slowMotion } from "./slow_motion.js";

const form = byId("break").elements;

function said(text, isBad = false) {
  say(byId("lab-said"), text, isBad ? "bad" : "");
}

async function tell(telling) {
  try {
    const { missed } = await telling;
    said(missed.length === 0 ? "Told to all nodes." : missed.join("; "), missed.length > 0);
  } catch (error) {
    said(error.message, true);
  }
}

function fault() {
  const what = form.what.value;
  const [from, to, millis] = [Number(form.from.value), Number(form.to.value), Number(form.millis.value)];
  switch (what) {
    case "cut": return { words: `cut n${from}-n${to}`, effects: both(from, to, HELD) };
    case "slow": return { words: `slow n${from}-n${to} by ${millis} ms`, effects: both(from, to, { latency_millis: millis }) };
    case "isolate": return { words: `isolate n${from}`, effects: isolated(from) };
    case "motion": return slowMotion();
    case "disk": return { words: `slow-disk n${from} by ${millis} ms`, effects: [{ on: "disk", node: from, rule: { fsync_millis: millis } }] };
    default: return { words: `clients-only n${from}`, effects: [{ on: "clients", node: from, rule: { requests: "held", answers: "held" } }] };
  }
}

function fit() {
  const what = form.what.value;
  form.from.closest("label").hidden = what === "motion";
  form.to.closest("label").hidden = !["cut", "slow"].includes(what);
  form.millis.closest("label").hidden = !["slow", "disk"].includes(what);
}

export function drawLab() {
  drawLoad();
  const isOn = own()?.faults_enabled ?? false;
  byId("lab-off").hidden = isOn;
  byId("lab-on").hidden = !isOn;
  for (const select of [form.from, form.to]) {
    const isNew = select.options.length === 0;
    keep(select, cluster.picture.nodes, (node) => node.id, (node) => element("option", { value: node.id }, `n${node.id}`), () => {});
    if (isNew && select === form.to && select.options.length > 1) select.selectedIndex = 1;
  }
  const active = faults();
  byId("no-faults").hidden = active.length > 0;
  keep(byId("faults"), active, (fault) => fault.number, (fault) =>
    element("li", {}, element("strong"), element("span"), element("button", { type: "button", click: () => tell(undo(fault.number)) }, "Undo")),
  (item, fault) => {
    const [words, facts] = item.children;
    const left = fault.left_millis === null || fault.left_millis === undefined ? "until it is undone" : `${Math.ceil(fault.left_millis / 1000)} s left`;
    say(words, `#${fault.number} ${fault.words}`);
    say(facts, `${left} · on ${fault.on.map((id) => `n${id}`).join(", ")}`);
  });
}

form.what.addEventListener("change", fit);
byId("heal").addEventListener("click", () => tell(healAll()));
byId("break").addEventListener("submit", async (event) => {
  event.preventDefault();
  if (["cut", "slow"].includes(form.what.value) && form.from.value === form.to.value) return said("A link lies between two nodes: choose another.", true);
  const left = form.left.value === "" ? null : Number(form.left.value);
  const broken = fault();
  try {
    await watchOutcome(broken.effects);
  } catch (error) {
    return said(error.message, true);
  }
  return tell(breakIt(broken, left));
});
fit();

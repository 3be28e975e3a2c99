// The nodes in their zones, the links between them, and who led when.

import { byId, cells, drawn, element, keep, say } from "./elements.js";
import { ALONE, cluster, isUnheard, leader, link, roleOf } from "./cluster.js";
import { terms } from "./terms.js";

const WIDTH = 600;
const HEIGHT = 360;
const BOX = 170;
const ROW = 66;
// Under load a follower is always a little behind.
const FAR_BEHIND = 1000;

const role = (node) => node.seen?.role ?? "silent";

// Zones on a ring, the first one at the top. Names of nodes lie on the outer side, where no link runs.
function places(nodes) {
  const zones = [...new Set(nodes.map((node) => node.zone))];
  const found = { zones: [], nodes: new Map() };
  zones.forEach((zone, number) => {
    const angle = (2 * Math.PI * number) / zones.length - Math.PI / 2;
    const inside = nodes.filter((node) => node.zone === zone);
    const height = 34 + ROW * inside.length;
    const alone = zones.length === 1;
    const x = WIDTH / 2 + (alone ? 0 : Math.cos(angle) * (WIDTH / 2 - BOX / 2 - 10)) - BOX / 2;
    const middle = HEIGHT / 2 + (alone ? 0 : Math.sin(angle) * 130);
    const y = middle - height / 2;
    const isLeft = x + BOX / 2 < WIDTH / 2 - 1;
    found.zones.push({ zone, x, y, height });
    inside.forEach((node, row) => found.nodes.set(node.id, { x: x + (isLeft ? BOX - 34 : 34), y: y + 34 + ROW * row + 22, isLeft }));
  });
  return found;
}

// A leader has six corners, a candidate three, a learner four; a follower is round.
function shape(name) {
  const corners = { leader: 6, candidate: 3, learner: 4, silent: 4 }[name];
  if (corners === undefined) return drawn("circle", { r: 17 });
  const turn = name === "silent" ? Math.PI / 4 : -Math.PI / 2;
  const points = Array.from({ length: corners }, (_, at) => {
    const angle = turn + (2 * Math.PI * at) / corners;
    return `${(20 * Math.cos(angle)).toFixed(1)},${(20 * Math.sin(angle)).toFixed(1)}`;
  });
  return drawn("polygon", { points: points.join(" ") });
}

let drawnAs = "";

function drawTopology() {
  const { nodes } = cluster.picture;
  const pairs = nodes.flatMap((a, at) => nodes.slice(at + 1).map((b) => ({ a: a.id, b: b.id, ...link(a.id, b.id) })));
  // Drawn anew only if it would look otherwise.
  const as = JSON.stringify([nodes.map((node) => [node.id, node.zone, role(node), node.seen?.term, node.seen?.hears_majority]), pairs]);
  if (as === drawnAs) return;
  drawnAs = as;
  const at = places(nodes);
  const svg = byId("topology");
  const top = Math.min(...at.zones.map((zone) => zone.y)) - 6;
  const bottom = Math.max(...at.zones.map((zone) => zone.y + zone.height)) + 6;
  svg.setAttribute("viewBox", `0 ${top} ${WIDTH} ${bottom - top}`);
  svg.replaceChildren();
  for (const { zone, x, y, height } of at.zones) {
    svg.append(
      drawn("rect", { class: "zone", x, y, width: BOX, height, rx: 12 }),
      drawn("text", { class: "quiet-text", x: x + 12, y: y + 22 }, `zone ${zone}`),
    );
  }
  for (const { a, b, state } of pairs) {
    const [from, to] = [at.nodes.get(a), at.nodes.get(b)];
    svg.append(drawn("line", { class: `link ${state}`, x1: from.x, y1: from.y, x2: to.x, y2: to.y, "data-link": `${a}-${b}` }));
    if (state !== "open") {
      const mark = state === "cut" ? "✕" : "≈";
      svg.append(drawn("text", { class: `link-mark ${state}`, x: (from.x + to.x) / 2, y: (from.y + to.y) / 2 + 9 }, mark));
    }
  }
  for (const node of nodes) {
    const { x, y, isLeft } = at.nodes.get(node.id);
    const beside = { x: x + (isLeft ? -28 : 28), "text-anchor": isLeft ? "end" : "start" };
    const body = shape(role(node));
    const isAlone = node.seen !== null && isUnheard(node.seen);
    body.setAttribute("class", `node ${role(node)}${isAlone ? " unheard" : ""}`);
    svg.append(
      drawn("g", { transform: `translate(${x} ${y})`, "data-node": node.id, "data-role": role(node) }, body),
      drawn("text", { ...beside, y: y - 2 }, `n${node.id} ${role(node) === "silent" ? "no answer" : role(node)}`),
      drawn("text", { ...beside, class: "quiet-text", y: y + 17 }, node.seen === null ? "" : `term ${node.seen.term}`),
      // Where no link runs.
      drawn("text", { ...beside, x: x + (isLeft ? -36 : 36), class: "alone", y: y + 35 }, isAlone ? "no majority" : ""),
    );
  }
}

// In words, and whether it is well.
function health(node) {
  const ill = (words) => [words, false];
  if (node.seen === null) return ill(node.why ?? "it does not answer");
  if (isUnheard(node.seen)) return ill(`leads, but ${ALONE}`);
  const led = leader();
  if (led === undefined) return ill("knows no leader");
  if (!node.seen.votes) return ill("does not vote: it lacks entries");
  const behind = led.committed_index - node.seen.applied_index;
  if (node.seen.leader !== led.id) return ill("does not follow the leader");
  if (behind > FAR_BEHIND) return ill(`catching up: ${behind} behind`);
  return [behind > 0 ? `ok, ${behind} behind` : "ok", true];
}

function drawNodes() {
  const body = byId("nodes").tBodies[0];
  keep(body, cluster.picture.nodes, (node) => node.id, () => element("tr"), (row, node) => {
    const told = node.seen;
    const number = (value) => ({ text: told === null ? "–" : String(value), class: "number" });
    const [state, isWell] = health(node);
    cells(row, [
      `n${node.id}`, node.zone, told === null ? "no answer" : roleOf(told), number(told?.term), number(told?.last_log_index),
      number(told?.durable_index), number(told?.committed_index), number(told?.applied_index),
      { text: state, class: isWell ? "" : "bad" },
    ]);
  });
}

function drawLinks() {
  const { nodes } = cluster.picture;
  const broken = nodes.flatMap((a, at) => nodes.slice(at + 1).flatMap((b) => link(a.id, b.id).words));
  const words = broken.length === 0 ? ["None."] : [...new Set(broken)];
  keep(byId("links"), words, (word) => word, (word) => element("li", {}, word), () => {});
}

function drawTerms() {
  keep(byId("terms"), terms.slice(-12), (term) => term.since, () => element("li"), (item, term) => {
    const next = terms[terms.indexOf(term) + 1]?.since ?? Date.now();
    const seconds = Math.round((next - term.since) / 1000);
    item.style.flexGrow = String(Math.max(1, seconds));
    const who = term.leader === null ? "nobody" : `n${term.leader}`;
    say(item, `${who} · term ${term.term} · ${seconds} s · ${term.reason}`, term.leader === null ? "nobody" : "");
  });
}

export function drawMap() {
  drawTopology();
  drawNodes();
  drawLinks();
  drawTerms();
}

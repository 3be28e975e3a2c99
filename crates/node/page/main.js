// Which view is shown, and when it is drawn.

import { byId, say } from "./elements.js";
import { cluster, connect, isUnheard, leader, leads, own, whenChanged } from "./cluster.js";
import { noteTerm } from "./terms.js";
import { noteOutcome } from "./outlook.js";
import { drawMap } from "./map.js";
import { drawLog } from "./log.js";
import { drawQueues } from "./queues.js";
import { drawMessage, showMessage } from "./message.js";
import { drawLab } from "./lab.js";
import { chooseLesson, drawLearn } from "./learn.js";

const VIEWS = { map: drawMap, log: drawLog, queues: drawQueues, message: drawMessage, lab: drawLab, learn: drawLearn };
const NAMES = Object.keys(VIEWS);
const SILENT_MILLIS = 3000;

let shown = "map";
let waits = false;
let heardAt = 0;

function choose() {
  const [name, detail] = location.hash.slice(1).split("=");
  if (!NAMES.includes(name)) {
    location.replace(`#${shown}`);
    return;
  }
  shown = name;
  for (const view of NAMES) byId(view).hidden = view !== shown;
  for (const link of document.querySelectorAll("nav a")) {
    if (link.getAttribute("href") === `#${shown}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (name === "message" && detail) showMessage(detail);
  if (name === "learn" && detail) chooseLesson(detail);
  drawSoon();
}

function drawState() {
  const state = byId("state");
  const isHeard = cluster.connected && performance.now() - heardAt < SILENT_MILLIS;
  if (!isHeard) return say(state, cluster.picture === null ? "Connecting …" : "The node does not answer: what you see is old.", cluster.picture === null ? "" : "lost");
  const { nodes, from } = cluster.picture;
  const answer = nodes.filter((node) => node.seen !== null).length;
  const led = leader();
  say(state, `${answer} of ${nodes.length} nodes answer; ${leads()}; shown by n${from}`, led === undefined || isUnheard(led) || answer < nodes.length ? "bad" : "");
}

function draw() {
  waits = false;
  say(byId("cluster"), own()?.cluster ?? "");
  drawState();
  if (cluster.picture !== null) VIEWS[shown]();
}

function drawSoon() {
  if (waits) return;
  waits = true;
  requestAnimationFrame(draw);
}

document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  byId("view").focus();
});
addEventListener("hashchange", choose);
addEventListener("keydown", (event) => {
  const types = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName);
  if (types || event.ctrlKey || event.metaKey || event.altKey) return;
  const view = NAMES[Number(event.key) - 1];
  if (view !== undefined) location.hash = view;
});
whenChanged(() => {
  if (cluster.connected) {
    heardAt = performance.now();
    noteTerm();
    noteOutcome();
  }
  drawSoon();
});
setInterval(drawSoon, 1000);
choose();
connect();

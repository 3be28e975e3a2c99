// The space-time diagram: nodes by zone with what they were and said, their clients below them, and
// faults behind it all.

const MOST_LINES = 4000;
const NODE = 46, CLIENT = 9, FAULT = 15, GAP = 14, AXIS = 22;
const NEAR = 6;

const diagram = document.getElementById("diagram");
const hidden = new Set(["heartbeat", "heartbeat answer", "forward", "forward answer"]);
let things = [];

/** Where each lane is; the same for the whole run. */
const lanes = (() => {
  const rows = [];
  for (const fault of run.faults) {
    const row = rows.findIndex((end) => end <= fault.from);
    const place = row < 0 ? rows.length : row;
    rows[place] = fault.to;
    fault.row = place;
  }
  let y = AXIS + rows.length * FAULT + GAP;
  const nodes = [], clients = new Map(), zones = [];
  for (const zone of new Set([...run.nodes, ...run.calls].map((one) => one.zone))) {
    const top = y;
    run.nodes.forEach((node, index) => {
      if (node.zone === zone) { nodes[index] = y; y += NODE; }
    });
    const names = new Set(run.calls.filter((call) => call.zone === zone).map((call) => call.client));
    for (const name of names) { clients.set(name, y); y += CLIENT; }
    zones.push({ zone, top, bottom: y });
    y += GAP;
  }
  return { nodes, clients, zones, height: y };
})();
const wire = (node) => lanes.nodes[node] + 30;

/** What each node was, from when until when. */
const roles = run.nodes.flatMap((_, node) => {
  const changes = run.roles.filter((change) => change.node === node);
  return changes.map((change, i) => ({ ...change, to: changes[i + 1]?.at ?? run.end }));
});

function hatch(context, colour) {
  const tile = document.createElement("canvas");
  tile.width = tile.height = 8;
  const pen = tile.getContext("2d");
  pen.strokeStyle = colour;
  pen.beginPath();
  pen.moveTo(0, 8); pen.lineTo(8, 0);
  pen.stroke();
  return context.createPattern(tile, "repeat");
}

function draw() {
  const [context, width] = sharpen(diagram, lanes.height);
  const colour = colours();
  const x = (at) => view.x(at, width);
  const visible = (from, to) => to >= view.from && from <= view.to;
  things = [];

  context.strokeStyle = colour("line");
  context.fillStyle = colour("quiet");
  for (const at of ticks()) {
    context.beginPath();
    context.moveTo(x(at), AXIS); context.lineTo(x(at), lanes.height);
    context.stroke();
    context.fillText(`${+(at / 1e6).toFixed(4)} s`, x(at) + 3, AXIS / 2);
  }
  for (const { zone, top } of lanes.zones) {
    context.fillText(`zone ${zone}`, 8, top - 3);
  }

  const stripes = hatch(context, colour("fault"));
  for (const fault of run.faults.filter((fault) => visible(fault.from, fault.to))) {
    const left = Math.max(x(fault.from), LABELS), wide = Math.max(x(fault.to) - left, 2);
    const top = AXIS + fault.row * FAULT;
    context.fillStyle = stripes;
    context.fillRect(left, top, wide, FAULT - 3);
    context.globalAlpha = 0.35;
    for (const node of fault.nodes) context.fillRect(left, lanes.nodes[node], wide, NODE - 4);
    context.globalAlpha = 1;
    context.strokeStyle = colour("fault");
    context.strokeRect(left, top, wide, FAULT - 3);
    label(context, colour, `${fault.number} ${fault.kind}`, left, top + 6, wide);
    things.push({ x: left, y: top, w: wide, h: FAULT, words: `Fault ${fault.words}\n${span(fault.from, fault.to)}` });
  }

  for (const role of roles.filter((role) => visible(role.at, role.to))) {
    const left = Math.max(x(role.at), LABELS), wide = Math.max(x(role.to) - left, 1.5);
    const top = lanes.nodes[role.node] + 4;
    drawRole(context, colour, role.role, left, top, wide);
    const words = `${role.role}, term ${role.term}`;
    if (context.measureText(words).width < Math.min(wide, width - left) - 8) {
      context.fillStyle = role.role === "leader" ? colour("panel") : colour("ink");
      context.fillText(words, left + 5, top + 7);
    }
    things.push({ x: left, y: top, w: wide, h: 14,
      words: `${nameOf(role.node)}: ${role.role} in term ${role.term}\n${span(role.at, role.to)}` });
  }
  run.nodes.forEach((node, index) => {
    context.fillStyle = colour("ink");
    context.fillText(node.name, 22, lanes.nodes[index] + 12);
    context.strokeStyle = colour("line");
    context.beginPath();
    context.moveTo(LABELS, wire(index)); context.lineTo(width, wire(index));
    context.stroke();
  });

  context.save();
  context.beginPath();
  context.rect(LABELS, 0, width - LABELS, lanes.height);
  context.clip();
  drawMessages(context, colour, x, visible);
  context.restore();
  context.fillStyle = colour("quiet");
  context.font = "9px system-ui, sans-serif";
  for (const [name, y] of lanes.clients) context.fillText(name, 34, y + 4);
  for (const call of run.calls) {
    const end = call.to ?? run.end;
    if (!visible(call.from, end)) continue;
    drawCall(context, colour, call, Math.max(x(call.from), LABELS), Math.min(x(end), width));
  }
  context.font = "12px system-ui, sans-serif";
}

function label(context, colour, text, left, middle, wide) {
  if (context.measureText(text).width > wide - 6) return;
  const width = context.measureText(text).width;
  context.fillStyle = colour("panel");
  context.fillRect(left + 2, middle - 6, width + 4, 12);
  context.fillStyle = colour("ink");
  context.fillText(text, left + 4, middle);
}

function drawRole(context, colour, role, left, top, wide) {
  if (role === "down") {
    context.strokeStyle = colour("down");
    context.setLineDash([3, 3]);
    context.strokeRect(left, top, wide, 14);
    context.setLineDash([]);
  } else if (role === "candidate") {
    context.fillStyle = colour("candidate");
    for (let at = left; at < left + wide; at += 7) context.fillRect(at, top, Math.min(4, left + wide - at), 14);
  } else {
    context.fillStyle = colour(role === "leader" ? "leader" : "follower");
    context.fillRect(left, role === "leader" ? top : top + 3, wide, role === "leader" ? 14 : 8);
  }
}

/** Lines from wire to wire; those that never arrived end in a cross on the way. */
function drawMessages(context, colour, x, visible) {
  const shown = run.rpcs.filter((rpc) => !hidden.has(rpc.kind) && visible(rpc.sent, rpc.received ?? rpc.sent));
  const details = document.getElementById("details");
  if (shown.length > MOST_LINES) {
    details.textContent = `${shown.length} messages between nodes: zoom in to see them.`;
    return;
  }
  details.textContent = `${shown.length} messages between nodes.`;
  for (const rpc of shown) {
    const x1 = x(rpc.sent), y1 = wire(rpc.from);
    const isLost = rpc.received === null;
    const x2 = isLost ? x1 + 12 : x(rpc.received);
    const y2 = isLost ? (y1 * 2 + wire(rpc.to)) / 3 : wire(rpc.to);
    context.strokeStyle = colour(isLost ? "failed" : rpc.kind.includes("vote") ? "candidate" : "message");
    context.setLineDash(rpc.kind.endsWith("answer") ? [2, 3] : []);
    context.beginPath();
    context.moveTo(x1, y1); context.lineTo(x2, y2);
    context.stroke();
    context.setLineDash([]);
    if (isLost) {
      context.fillStyle = colour("failed");
      context.fillText("×", x2 - 3, y2);
    }
    const end = isLost ? "never arrived" : `arrived at ${moment(rpc.received)}`;
    things.push({ x1, y1, x2, y2, words:
      `${rpc.kind} from ${nameOf(rpc.from)} to ${nameOf(rpc.to)}${rpc.words ? `: ${rpc.words}` : ""}\nsent at ${moment(rpc.sent)}, ${end}` });
  }
}

function drawCall(context, colour, call, left, right) {
  const top = lanes.clients.get(call.client) + 1, wide = Math.max(right - left, 1.5), high = CLIENT - 2;
  if (call.end === "ok") {
    context.fillStyle = colour("ok");
    context.globalAlpha = call.operation === "ReceiveMessage" ? 0.35 : 1;
    context.fillRect(left, top, wide, high);
    context.globalAlpha = 1;
  } else {
    context.strokeStyle = context.fillStyle = colour(call.end);
    context.setLineDash(call.end === "unknown" ? [2, 2] : []);
    context.strokeRect(left, top, wide, high);
    context.setLineDash([]);
    context.fillText(call.end === "failed" ? "×" : "?", left + wide + 2, top + 4);
  }
  things.push({ x: left, y: top, w: wide, h: high, words:
    `${call.operation} ${call.words} by ${call.client} (call ${call.number})\n${moment(call.from)}` +
    `${call.to === null ? "" : ` to ${moment(call.to)}`}: ${call.end}, ${call.told}` });
}

/** What is at a place: the thing drawn last, and lines only where nothing else is. */
function find(x, y) {
  const box = things.findLast((t) => "w" in t && x >= t.x - 2 && x <= t.x + t.w + 2 && y >= t.y && y <= t.y + t.h);
  if (box) return box;
  let best = null, least = NEAR;
  for (const t of things) {
    if (!("x1" in t)) continue;
    const [dx, dy] = [t.x2 - t.x1, t.y2 - t.y1];
    const along = Math.min(1, Math.max(0, ((x - t.x1) * dx + (y - t.y1) * dy) / (dx * dx + dy * dy || 1)));
    const far = Math.hypot(x - t.x1 - along * dx, y - t.y1 - along * dy);
    if (far < least) [best, least] = [t, far];
  }
  return best;
}

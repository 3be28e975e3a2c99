// The space-time diagram: puts lanes, messages and what is chosen on one canvas.

const diagram = {
  canvas: document.getElementById("lanes"),
  scale: scaleOfTime(0, runEnd, 0, 1),
  drawn: [],
  // The lane that the keys step through.
  lane: null,
  pointer: element("span", { class: "pointer muted", "aria-hidden": "true" }),
};

function startDiagram() {
  const { canvas } = diagram;
  canvas.setAttribute(
    "aria-label",
    `Space-time diagram of ${count(run.nodes.length, "node")} in ${count(zones.length, "zone")}`,
  );
  surface(canvas, lanesHeight, drawDiagram);
  const at = (x, y) => thingAt(x, y, diagram.scale, diagram.drawn);
  movesTheWindow(canvas, () => diagram.scale, {
    click: (x, y) => view.choose(at(x, y)),
    hover: (x, y) => {
      diagram.pointer.textContent = `Pointer at ${seconds(diagram.scale.moment(x), 6)}`;
      details.tell(at(x, y) ?? view.chosen);
    },
    leave: () => {
      diagram.pointer.textContent = "";
      details.tell(view.chosen);
    },
  });
  canvas.addEventListener("keydown", stepWithKeys);
  view.watch(() => details.tell(view.chosen));
  details.tell(null);
  tools();
  legend();
}

function drawDiagram(pen, width, height) {
  const left = gutter(width);
  const scale = scaleOfTime(view.from, view.to, left, width - 1);
  diagram.scale = scale;
  drawGround(pen, width, left);
  drawTicks(pen, scale, 13, AXIS_HEIGHT, height);
  pen.save();
  pen.beginPath();
  pen.rect(left, 0, width - left, height);
  pen.clip();
  drawFaultsOfNodes(pen, scale);
  drawRoles(pen, scale);
  drawProgress(pen, scale);
  drawFaults(pen, scale);
  diagram.drawn = drawMessages(pen, scale);
  drawCalls(pen, scale);
  drawHealed(pen, scale, height);
  drawViolations(pen, scale, height);
  drawChosen(pen, scale, height);
  pen.restore();
}

function drawGround(pen, width, left) {
  for (const lane of lanes) {
    if (lane.kind === "zone") {
      pen.fillStyle = paint.raised;
      pen.fillRect(0, lane.top, width, lane.height);
    }
    pen.fillStyle = paint.rule;
    pen.fillRect(0, lane.top, width, 1);
    pen.fillStyle = lane.kind === "zone" || lane.kind === "node" ? paint.ink : paint.muted;
    pen.font = lane.kind === "zone" || lane.kind === "node" ? `600 ${FONT}` : FONT;
    const y = lane.kind === "node" ? lane.top + 17 : lane.top + Math.min(lane.height / 2, 14);
    writeWithin(pen, lane.words, 8, y, left - 10);
    if (lane.kind === "calls" && left > 100) drawClientNames(pen, lane, left);
    if (lane === diagram.lane) {
      pen.fillStyle = paint.accent;
      pen.fillRect(0, lane.top + 1, 4, lane.height - 1);
    }
  }
  pen.font = FONT;
}

function drawClientNames(pen, lane, left) {
  pen.font = FONT.replace("12px", "10px");
  pen.textAlign = "right";
  for (const [client, row] of lane.clientRows) {
    pen.fillText(client.length > 8 ? `${client.slice(0, 7)}…` : client, left - 5, lane.top + 5 + row * CALL_ROW + 4);
  }
  pen.textAlign = "left";
}

function drawChosen(pen, scale, height) {
  if (view.chosen === null) return;
  const stretch = stretchOf(view.chosen);
  if (stretch === null || !inWindow(stretch.from, stretch.to)) return;
  const { left, width } = span(scale, stretch.from, stretch.to);
  pen.fillStyle = paint.accent;
  pen.globalAlpha = stretch.from === stretch.to ? 0.8 : 0.08;
  pen.fillRect(left, AXIS_HEIGHT, width, height - AXIS_HEIGHT);
  pen.globalAlpha = 1;
  pen.strokeStyle = paint.accent;
  pen.lineWidth = 2;
  const { kind, it } = view.chosen;
  if (kind === "rpc") {
    const { start, end } = flightLine(it, scale);
    pen.lineWidth = 3;
    pen.beginPath();
    pen.moveTo(start.x, start.y);
    pen.lineTo(end.x, end.y);
    pen.stroke();
    return;
  }
  const nodesBand = ({ node }) => bandPlace(node);
  const place = { call: callPlace, fault: faultPlace, role: nodesBand, log: nodesBand }[kind]?.(it);
  if (place !== undefined) pen.strokeRect(left - 2, place.top - 2, width + 4, place.height + 4);
}

// Up and down choose a lane, N and P what is next in it; the window follows.
function stepWithKeys(event) {
  const steppable = lanes.filter((lane) => lane.kind !== "zone");
  const place = steppable.indexOf(diagram.lane);
  if (event.key === "ArrowDown") diagram.lane = steppable[Math.min(place + 1, steppable.length - 1)];
  else if (event.key === "ArrowUp") diagram.lane = steppable[Math.max(place - 1, 0)];
  else if (event.key === "n" || event.key === "p") step(event.key === "n" ? 1 : -1);
  else return;
  event.preventDefault();
  view.changed();
}

function step(by) {
  diagram.lane ??= lanes.find((lane) => lane.kind !== "zone");
  const next = stepIn(diagram.lane, by);
  if (next === null) return;
  view.choose(next);
  const { from, to } = stretchOf(next);
  if (from < view.from || Math.min(to, from + 1) > view.to) {
    const half = (view.to - view.from) / 2;
    view.show(from - half, from + half);
  }
}

function tools() {
  const zoomed = element("output", { class: "muted" });
  view.watch(() => (zoomed.textContent = `${seconds(view.from)} to ${seconds(view.to)} (${duration(view.to - view.from)})`));
  document.querySelector("#diagram .tools").append(
    element(
      "span",
      { class: "buttons" },
      button("−", () => view.zoom(2), { "aria-label": "Zoom out" }),
      button("+", () => view.zoom(0.5), { "aria-label": "Zoom in" }),
      button("←", () => view.move((view.from - view.to) / 2), { "aria-label": "Earlier" }),
      button("→", () => view.move((view.to - view.from) / 2), { "aria-label": "Later" }),
      button("Whole run", () => view.whole()),
    ),
    zoomed,
    diagram.pointer,
    ...(rpcKinds.length === 0 ? [] : [element("span", { class: "kinds" }, "RPCs:", ...rpcKinds.map(kindBox))]),
  );
}

function kindBox(kind) {
  const change = (on) => {
    if (on) shownKinds.add(kind);
    else shownKinds.delete(kind);
    view.changed();
  };
  return checkbox(kind, true, change, sample(26, 12, (pen) => {
    const look = rpcLook(kind);
    pen.strokeStyle = paint[look.colour];
    pen.lineWidth = look.width + 0.6;
    pen.setLineDash(look.dash);
    pen.beginPath();
    pen.moveTo(1, 6);
    pen.lineTo(25, 6);
    pen.stroke();
  }));
}

// A small drawing for a legend.
function sample(width, height, draw) {
  const canvas = element("canvas", { class: "sample", "aria-hidden": "true" });
  canvas.style.width = `${width}px`;
  surface(canvas, height, draw);
  return canvas;
}

function legend() {
  const roles = Object.entries(ROLES).filter(([role]) => run.roles.some((change) => change.role === role));
  const entry = (words, draw) => element("span", {}, sample(26, 14, draw), words);
  document.getElementById("legend").append(
    ...roles.map(([, look]) => entry(look.words, (pen, width, height) => {
      pen.fillStyle = paint[look.fill];
      pen.fillRect(0, 0, width, height);
      pen.fillStyle = look.pattern === null ? "transparent" : patterns[look.pattern];
      pen.fillRect(0, 0, width, height);
    })),
    entry("fault", (pen, width, height) => hatch(pen, 0, 0, width, height, patterns.fault, paint.fault)),
    ...Object.entries(OUTCOMES).map(([end, { words }]) =>
      entry(`call ${words}`, (pen) => drawCall(pen, end, 1, 4, 24, 7))),
    ...(run.rpcs.length === 0 ? [] : [element("span", {}, "Bars under a role: RPCs sent. Zoom in to see each.")]),
  );
}

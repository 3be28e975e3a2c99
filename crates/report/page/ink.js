// Draws what is in the lanes: faults, roles, progress, calls, and the marks of broken promises.

// A thing's place across, no thinner than can be seen.
function span(scale, from, to, least = 2) {
  const left = Math.max(scale.x(from), scale.left);
  const right = Math.min(scale.x(to), scale.right);
  return { left, width: Math.max(right - left, least) };
}

function inWindow(from, to) {
  return from <= view.to && to >= view.from;
}

function drawFaults(pen, scale) {
  for (const fault of run.faults) {
    if (!inWindow(fault.from, fault.to)) continue;
    const { left, width } = span(scale, fault.from, fault.to, 3);
    const { top, height } = faultPlace(fault);
    hatch(pen, left, top, width, height, patterns.fault, paint.fault);
    writeFault(pen, scale, fault, left, width, top + height / 2 + 0.5);
  }
}

// Within its bar, or beside it if nothing follows in its row; its number alone where there is no room.
function writeFault(pen, scale, fault, left, width, y) {
  pen.font = FONT.replace("12px", "11px");
  const needs = (text) => pen.measureText(text).width + 8;
  const [full, number] = [`#${fault.number} ${fault.kind}`, `#${fault.number}`];
  const beside = roomAfter(fault, scale);
  const [text, x] =
    needs(full) <= width - 4 ? [full, left + 2]
    : needs(full) <= beside ? [full, left + width + 1]
    : needs(number) <= width - 4 ? [number, left + 2]
    : needs(number) <= beside ? [number, left + width + 1]
    : [null, 0];
  if (text !== null) {
    pen.fillStyle = paint.paper;
    pen.fillRect(x, y - 6.5, needs(text), 12);
    pen.fillStyle = paint.ink;
    pen.fillText(text, x + 4, y);
  }
  pen.font = FONT;
}

function roomAfter(fault, scale) {
  const row = faultLane.rowOf.get(fault);
  const next = run.faults.filter((it) => faultLane.rowOf.get(it) === row && it.from > fault.from);
  const bounds = [...next.map((it) => it.from), ...(run.healed >= fault.to ? [run.healed] : [])];
  return Math.min(scale.right, ...bounds.map((moment) => scale.x(moment))) - scale.x(fault.to);
}

// A fault is also behind the role of each node that it met.
function drawFaultsOfNodes(pen, scale) {
  pen.globalAlpha = 0.5;
  for (const fault of run.faults) {
    if (!inWindow(fault.from, fault.to)) continue;
    const { left, width } = span(scale, fault.from, fault.to, 3);
    for (const node of fault.nodes) {
      const lane = laneOfNode[node];
      if (lane !== undefined) hatch(pen, left, lane.top + 1, width, lane.height - 2, patterns.fault, paint.fault);
    }
  }
  pen.globalAlpha = 1;
}

function hatch(pen, left, top, width, height, pattern, edge) {
  pen.fillStyle = pattern;
  pen.fillRect(left, top, width, height);
  pen.strokeStyle = edge;
  pen.lineWidth = 1;
  pen.strokeRect(left + 0.5, top + 0.5, Math.max(width - 1, 1), height - 1);
}

function drawRoles(pen, scale) {
  roleBands.forEach((bands, node) => {
    const { top, height } = bandPlace(node);
    for (const band of bands) {
      if (!inWindow(band.from, band.to)) continue;
      const look = ROLES[band.role];
      const { left, width } = span(scale, band.from, band.to, 1);
      pen.fillStyle = paint[look.fill];
      pen.fillRect(left, top, width, height);
      if (look.pattern !== null) {
        pen.fillStyle = patterns[look.pattern];
        pen.fillRect(left, top, width, height);
      }
      pen.fillStyle = paint.paper;
      pen.fillRect(left, top, 1, height);
      writeRole(pen, band, look, left + 6, top + height / 2 + 0.5, width - 10);
    }
  });
}

// The term alone where there is no room for more; on a patterned band the words get a ground.
function writeRole(pen, band, look, x, y, room) {
  const words = [`${look.words} · term ${band.term}`, `term ${band.term}`, `${band.term}`]
    .find((text) => pen.measureText(text).width <= room);
  if (words === undefined) return;
  if (look.pattern !== null) {
    pen.fillStyle = paint[look.fill];
    pen.fillRect(x - 3, y - 8, pen.measureText(words).width + 6, 15);
  }
  pen.fillStyle = paint[look.text];
  pen.font = band.role === "leader" ? `600 ${FONT}` : FONT;
  pen.fillText(words, x, y);
  pen.font = FONT;
}

// The log of a node in its lane: a line for its end, filled as far as it is committed.
function drawProgress(pen, scale) {
  progressOf.forEach((samples, node) => {
    if (samples.length === 0) return;
    const { top, height } = progressPlace(node);
    const y = (index) => top + height - (index / longestLog) * height;
    const right = scale.right;
    fillBelow(pen, scale, samples, (sample) => y(sample.committed), top + height);
    stepPath(pen, scale, samples, (sample) => y(sample.last), right);
    pen.strokeStyle = paint.accent;
    pen.lineWidth = 1.2;
    pen.stroke();
  });
}

function fillBelow(pen, scale, samples, y, bottom) {
  if (samples.length === 0) return;
  stepPath(pen, scale, samples, y, scale.right);
  pen.lineTo(scale.right, bottom);
  pen.lineTo(Math.max(scale.x(samples[0].at), scale.left), bottom);
  pen.globalAlpha = 0.2;
  pen.fillStyle = paint.accent;
  pen.fill();
  pen.globalAlpha = 1;
}

// A path of steps through the samples in the window, at most one for each pixel.
function stepPath(pen, scale, samples, y, right) {
  pen.beginPath();
  let first = true;
  let lastX = -Infinity;
  let height = null;
  for (let index = firstAfter(samples, scale.from); index < samples.length; index += 1) {
    const sample = samples[index];
    if (sample.at > scale.to) break;
    const x = Math.max(scale.x(sample.at), scale.left);
    if (x - lastX < 0.5) {
      height = y(sample);
      continue;
    }
    if (first) pen.moveTo(x, y(sample));
    else {
      pen.lineTo(x, height);
      pen.lineTo(x, y(sample));
    }
    first = false;
    height = y(sample);
    lastX = x;
  }
  if (!first) pen.lineTo(right, height);
}

// The place of the last sample that is not after `moment`, or of the first one.
function firstAfter(samples, moment) {
  let [low, high] = [0, samples.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (samples[middle].at <= moment) low = middle + 1;
    else high = middle;
  }
  return Math.max(low - 1, 0);
}

// Answered calls are full bars, refused ones are split by a notch, of unknown ones only the edge is
// drawn, and they are open to the right.
function drawCalls(pen, scale) {
  for (const lane of laneOfZone.values()) {
    const inside = lane.calls.filter((call) => inWindow(call.from, endOf(call)));
    // What did not go well comes last: where calls are dense, it must not be hidden by what did.
    for (const end of ["ok", "unknown", "failed"]) {
      for (const call of inside) {
        if (call.end !== end) continue;
        const { left, width } = span(scale, call.from, endOf(call));
        const { top, height } = callPlace(call);
        drawCall(pen, end, left, top, width, height);
      }
    }
  }
}

function drawCall(pen, end, left, top, width, height) {
  const colour = paint[OUTCOMES[end].colour];
  pen.fillStyle = colour;
  pen.strokeStyle = colour;
  pen.lineWidth = 1.5;
  if (end === "unknown") {
    pen.beginPath();
    pen.moveTo(left + width, top + 0.75);
    pen.lineTo(left + 0.75, top + 0.75);
    pen.lineTo(left + 0.75, top + height - 0.75);
    pen.lineTo(left + width, top + height - 0.75);
    pen.stroke();
    return;
  }
  pen.fillRect(left, top, Math.max(width - 1, 1.5), height);
  if (end === "failed" && width > 5) {
    const middle = left + width / 2;
    pen.strokeStyle = paint.paper;
    pen.beginPath();
    pen.moveTo(middle - height / 2, top);
    pen.lineTo(middle + height / 2, top + height);
    pen.moveTo(middle + height / 2, top);
    pen.lineTo(middle - height / 2, top + height);
    pen.stroke();
  }
}

// From here on nothing is broken any more but what was broken before.
function drawHealed(pen, scale, height) {
  if (run.healed === null || !inWindow(run.healed, run.healed)) return;
  const x = Math.round(scale.x(run.healed)) + 0.5;
  pen.strokeStyle = paint.muted;
  pen.lineWidth = 1;
  pen.setLineDash([1, 4]);
  pen.beginPath();
  pen.moveTo(x, AXIS_HEIGHT);
  pen.lineTo(x, height);
  pen.stroke();
  pen.setLineDash([]);
  pen.fillStyle = paint.muted;
  pen.font = FONT.replace("12px", "11px");
  pen.fillText("healed", x + 4, AXIS_HEIGHT + 11);
  pen.font = FONT;
}

// A numbered flag where a promise was broken, and a ring around each call that tells of it.
function drawViolations(pen, scale, height) {
  pen.strokeStyle = paint.broken;
  for (const call of blamed.keys()) {
    if (!inWindow(call.from, endOf(call))) continue;
    const { left, width } = span(scale, call.from, endOf(call));
    const place = callPlace(call);
    pen.lineWidth = 2;
    pen.strokeRect(left - 2.5, place.top - 2.5, width + 5, place.height + 5);
  }
  violations.forEach((violation, place) => {
    if (violation.at === null || !inWindow(violation.at, violation.at)) return;
    const x = Math.round(scale.x(violation.at)) + 0.5;
    pen.lineWidth = 1.5;
    pen.setLineDash([5, 3]);
    pen.beginPath();
    pen.moveTo(x, 20);
    pen.lineTo(x, height);
    pen.stroke();
    pen.setLineDash([]);
    pen.fillStyle = paint.broken;
    const flag = x + 19 > scale.right ? x - 19 : x - 1;
    pen.fillRect(flag, 2, 20, 18);
    pen.fillStyle = paint.paper;
    pen.font = `700 ${FONT}`;
    pen.textAlign = "center";
    pen.fillText(String(place + 1), flag + 10, 11.5);
    pen.textAlign = "left";
    pen.font = FONT;
  });
}

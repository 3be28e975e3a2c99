// The whole run in a strip: who led, what was broken when, and which part of it the diagram shows.

const OVERVIEW_HEIGHT = 62;

function startOverview() {
  const canvas = document.getElementById("overview");
  let scale = scaleOfTime(0, runEnd, 0, 1);
  canvas.setAttribute("aria-label", "The whole run; the bright part is what the diagram shows");
  surface(canvas, OVERVIEW_HEIGHT, (pen, width, height) => {
    scale = scaleOfTime(0, runEnd, gutter(width), width - 1);
    drawOverview(pen, scale, height);
  });
  choosesTheWindow(canvas, () => scale);
}

function drawOverview(pen, scale, height) {
  drawTicks(pen, scale, 53, 0, 44);
  pen.fillStyle = paint.muted;
  writeWithin(pen, "leader", 8, 9, scale.left - 10);
  writeWithin(pen, "faults", 8, 25, scale.left - 10);
  for (const band of roleBands.flat().filter(({ role }) => role === "leader")) {
    const { left, width } = span(scale, band.from, band.to, 1);
    pen.fillStyle = paint.leader;
    pen.fillRect(left, 1, width - 1, 16);
    pen.fillStyle = paint["on-leader"];
    writeWithin(pen, nodeName(band.node), left + 5, 9.5, width - 8);
  }
  for (const fault of run.faults) {
    const { left, width } = span(scale, fault.from, fault.to, 3);
    hatch(pen, left, 20, width, 10, patterns.fault, paint.fault);
  }
  // Calls that did not go well, as ticks: refused short, unknown long.
  for (const call of run.calls) {
    if (call.end === "ok") continue;
    pen.fillStyle = paint[OUTCOMES[call.end].colour];
    pen.fillRect(scale.x(call.from), 33, 1, call.end === "failed" ? 5 : 10);
  }
  for (const violation of violations) {
    const where = whenViolated(violation);
    if (where === null) continue;
    pen.fillStyle = paint.broken;
    const x = scale.x(violation.at ?? where.to);
    pen.fillRect(x - 1, 0, 2, 44);
  }
  const { left, width } = span(scale, view.from, view.to, 4);
  pen.globalAlpha = 0.72;
  pen.fillStyle = paint.paper;
  pen.fillRect(scale.left, 0, left - scale.left, 44);
  pen.fillRect(left + width, 0, scale.right - left - width, 44);
  pen.globalAlpha = 1;
  pen.strokeStyle = paint.accent;
  pen.lineWidth = 2;
  pen.strokeRect(left, 1, width, 43);
}

// A drag across chooses that part; a click moves the window there; a drag from within a part moves it.
function choosesTheWindow(canvas, scale) {
  let start = null;
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    const moment = scale().moment(event.offsetX);
    const inside = !view.isWhole() && view.from <= moment && moment <= view.to;
    start = { x: event.offsetX, moment, offset: inside ? moment - view.from : null };
  });
  canvas.addEventListener("pointermove", (event) => {
    if (start === null || Math.abs(event.offsetX - start.x) < CLICK_SLACK) return;
    const moment = scale().moment(event.offsetX);
    if (start.offset === null) view.show(Math.min(start.moment, moment), Math.max(start.moment, moment));
    else view.move(moment - start.offset - view.from);
  });
  canvas.addEventListener("pointerup", (event) => {
    if (start !== null && Math.abs(event.offsetX - start.x) < CLICK_SLACK && !view.isWhole()) {
      view.move(start.moment - (view.from + view.to) / 2);
    }
    start = null;
  });
  canvas.addEventListener("pointercancel", () => (start = null));
  canvas.addEventListener("wheel", (event) => wheel(canvas, scale(), event), { passive: false });
  canvas.addEventListener("keydown", keys);
}

// Acknowledged sends over time, for each zone of clients, and how long the longest gap was.

const AVAILABILITY_HEIGHT = 92;

const isSend = (call) => call.operation.startsWith("SendMessage");

// The sends of a zone in buckets, and the longest time without an acknowledged one while some were tried.
function availabilityOf(zone) {
  const sends = run.calls.filter((call) => call.zone === zone && isSend(call));
  const acknowledged = sends.filter((call) => call.end === "ok" && call.to !== null).map((call) => call.to);
  const buckets = new Uint32Array(Math.ceil(runEnd / BUCKET));
  for (const moment of acknowledged) buckets[Math.min(Math.floor(moment / BUCKET), buckets.length - 1)] += 1;
  if (sends.length === 0) return null;
  const tried = sends.reduce((last, call) => Math.max(last, call.from), 0);
  const moments = [sends[0].from, ...acknowledged.filter((moment) => moment < tried).sort((a, b) => a - b), tried];
  let gap = { from: moments[0], to: moments[0] };
  for (let index = 1; index < moments.length; index += 1) {
    if (moments[index] - moments[index - 1] > gap.to - gap.from) {
      gap = { from: moments[index - 1], to: moments[index] };
    }
  }
  return { zone, buckets, gap, sends: sends.length, acknowledged: acknowledged.length };
}

function availability() {
  const all = zones.map(availabilityOf).filter((it) => it !== null);
  const place = document.querySelector("#availability .charts");
  if (all.length === 0) {
    place.append(element("p", {}, "No client sent anything."));
    return;
  }
  const most = Math.max(1, ...all.map(({ buckets }) => buckets.reduce((a, b) => Math.max(a, b), 0)));
  place.append(...all.map((it) => availabilityChart(it, most)));
}

function availabilityChart(zone, most) {
  const { gap } = zone;
  const canvas = element("canvas", {
    role: "img",
    "aria-label": `Acknowledged sends of zone ${zone.zone}: the longest gap is ${duration(gap.to - gap.from)}`,
  });
  let scale = scaleOfTime(0, runEnd, 0, 1);
  surface(canvas, AVAILABILITY_HEIGHT, (pen, width, height) => {
    scale = scaleOfTime(0, runEnd, gutter(width), width - 1);
    drawAvailability(pen, scale, zone, most, height - 20);
  });
  canvas.addEventListener("click", (event) => {
    const moment = scale.moment(event.offsetX);
    view.jump(moment - SECOND / 2, moment + SECOND / 2);
  });
  return element(
    "figure",
    {},
    element(
      "figcaption",
      {},
      element("b", {}, `Zone ${zone.zone}`),
      ` ${zone.acknowledged.toLocaleString("en")} of ${count(zone.sends, "send")} acknowledged; longest gap `,
      element("strong", { class: "gap" }, duration(gap.to - gap.from)),
      ", from ",
      momentButton(gap.from, () => view.jump(gap.from, gap.to)),
    ),
    canvas,
  );
}

function drawAvailability(pen, scale, { buckets, gap }, most, height) {
  drawTicks(pen, scale, height + 11, 0, height);
  for (const fault of run.faults) {
    const { left, width } = span(scale, fault.from, fault.to, 3);
    pen.globalAlpha = 0.45;
    pen.fillStyle = patterns.fault;
    pen.fillRect(left, 0, width, height);
    pen.globalAlpha = 1;
  }
  pen.fillStyle = paint.ok;
  const top = 16;
  buckets.forEach((number, index) => {
    if (number === 0) return;
    const left = scale.x(index * BUCKET);
    const right = scale.x((index + 1) * BUCKET);
    const tall = (number / most) * (height - top);
    pen.fillRect(left, height - tall, Math.max(right - left - (right - left > 4 ? 1 : 0), 1), tall);
  });
  pen.fillStyle = paint.muted;
  pen.textAlign = "right";
  pen.fillText(`${most}`, scale.left - 8, top);
  pen.fillText("0", scale.left - 8, height - 6);
  pen.textAlign = "left";
  pen.fillRect(scale.left, height, scale.right - scale.left, 1);
  drawGap(pen, scale, gap);
}

// A bracket over the longest gap.
function drawGap(pen, scale, gap) {
  const [left, right] = [scale.x(gap.from), scale.x(gap.to)];
  pen.strokeStyle = paint.broken;
  pen.lineWidth = 1.5;
  pen.beginPath();
  pen.moveTo(left, 14);
  pen.lineTo(left, 8);
  pen.lineTo(right, 8);
  pen.lineTo(right, 14);
  pen.stroke();
  const words = duration(gap.to - gap.from);
  const wide = pen.measureText(words).width + 8;
  const x = right + wide < scale.right ? right + 5 : left - wide;
  pen.fillStyle = paint.paper;
  pen.fillRect(x - 2, 1, wide - 1, 15);
  pen.fillStyle = paint.broken;
  pen.fillText(words, x, 9);
}

// The log of each node along the commit line: how long it was, how much of it committed and applied.

const PROGRESS_HEIGHT = 78;

const LINES = {
  last: { colour: "failed", wide: 1.3, dash: [5, 3] },
  committed: { colour: "leader", wide: 2.2, dash: [] },
  furthest: { colour: "ink", wide: 1.3, dash: [1.5, 3] },
};

// What any node knew to be committed, over time: the line that all are measured against.
const commitLine = [];
for (const sample of run.progress) {
  const before = commitLine.at(-1)?.committed ?? 0;
  if (sample.committed > before || commitLine.length === 0) commitLine.push(sample);
}

function progress() {
  const place = document.querySelector("#progress .charts");
  if (run.progress.length === 0) {
    place.append(element("p", {}, "Nothing was sampled."));
    return;
  }
  place.append(
    element("p", { class: "legend" }, ...[
      ["last entry", LINES.last],
      ["committed", LINES.committed],
      ["applied: the ground below it", { colour: "accent", wide: 12, dash: [], alpha: 0.2 }],
      ["furthest commit of all nodes", LINES.furthest],
    ].map(([words, look]) => element("span", {}, sample(26, 12, (pen) => {
      pen.beginPath();
      pen.moveTo(0, 6);
      pen.lineTo(26, 6);
      strokeLine(pen, look);
    }), words))),
    ...run.nodes.map(progressChart),
  );
}

function progressChart(node, index) {
  const samples = progressOf[index];
  const end = samples.at(-1);
  const canvas = element("canvas", {
    tabindex: "0",
    role: "img",
    "aria-label": `The log of ${node.name}, committed to ${end?.committed ?? 0} of ${end?.last ?? 0} at the end`,
  });
  let scale = scaleOfTime(0, runEnd, 0, 1);
  surface(canvas, PROGRESS_HEIGHT, (pen, width, height) => {
    scale = scaleOfTime(view.from, view.to, gutter(width), width - 1);
    drawProgressChart(pen, scale, node, index, height);
  });
  movesTheWindow(canvas, () => scale, {
    click: (x) => view.choose({ kind: "progress", it: sampleAt(index, scale.moment(x)) }),
  });
  return element("figure", {}, canvas);
}

function drawProgressChart(pen, scale, node, index, height) {
  const samples = progressOf[index];
  const [top, bottom] = [6, height - 18];
  drawTicks(pen, scale, height - 8, top, bottom);
  const [least, most] = rangeInWindow();
  const y = (entry) => bottom - ((entry - least) / Math.max(most - least, 1)) * (bottom - top);
  pen.fillStyle = paint.ink;
  pen.font = `600 ${FONT}`;
  writeWithin(pen, node.name, 8, top + 8, 48);
  pen.font = FONT;
  pen.fillStyle = paint.muted;
  pen.textAlign = "right";
  if (scale.left > 100) {
    pen.fillText(most.toLocaleString("en"), scale.left - 8, top + 6);
    pen.fillText(least.toLocaleString("en"), scale.left - 8, bottom - 5);
  }
  pen.textAlign = "left";
  pen.save();
  pen.beginPath();
  pen.rect(scale.left, 0, scale.right - scale.left, height);
  pen.clip();
  drawDown(pen, scale, index, top, bottom);
  fillBelow(pen, scale, samples, (sample) => y(sample.applied), bottom);
  const line = (of, part, look) => {
    stepPath(pen, scale, of, (sample) => y(sample[part]), scale.right);
    strokeLine(pen, look);
  };
  line(commitLine, "committed", LINES.furthest);
  line(samples, "committed", LINES.committed);
  line(samples, "last", LINES.last);
  pen.restore();
}

function strokeLine(pen, { colour, wide, dash, alpha = 1 }) {
  pen.globalAlpha = alpha;
  pen.strokeStyle = paint[colour];
  pen.lineWidth = wide;
  pen.setLineDash(dash);
  pen.stroke();
  pen.setLineDash([]);
  pen.globalAlpha = 1;
}

// A node that does not run has no log to speak of.
function drawDown(pen, scale, node, top, bottom) {
  for (const band of roleBands[node]) {
    if (band.role !== "down" || !inWindow(band.from, band.to)) continue;
    const { left, width } = span(scale, band.from, band.to);
    pen.globalAlpha = 0.5;
    pen.fillStyle = patterns.down;
    pen.fillRect(left, top, width, bottom - top);
    pen.globalAlpha = 1;
  }
}

// All nodes have one scale, or they could not be compared.
function rangeInWindow() {
  let [least, most] = [Infinity, 0];
  for (const samples of progressOf) {
    for (let index = firstAfter(samples, view.from); index < samples.length; index += 1) {
      const sample = samples[index];
      if (sample.at > view.to) break;
      least = Math.min(least, sample.applied, sample.committed);
      most = Math.max(most, sample.last);
    }
  }
  return least > most ? [0, 1] : [least, most];
}

// The overview, the availability of sends, and how far logs were behind.

const BUCKET = 100_000;

/** Acknowledged sends of a zone in each tenth of a second, and the longest time without one. */
function availability(zone) {
  const sends = run.calls.filter((call) => call.zone === zone && isSend(call));
  const until = run.healed ?? run.end;
  const counts = new Array(Math.ceil(until / BUCKET) || 1).fill(0);
  const ends = sends.filter((call) => call.end === "ok" && call.to !== null && call.to < until).map((call) => call.to);
  for (const end of ends) counts[Math.floor(end / BUCKET)] += 1;
  ends.sort((a, b) => a - b);
  let gap = 0, at = 0;
  ends.forEach((end, i) => {
    if (i > 0 && end - ends[i - 1] > gap) [gap, at] = [end - ends[i - 1], ends[i - 1]];
  });
  return { counts, total: ends.length, gap, at };
}

function drawAvailability() {
  const place = document.getElementById("availability");
  place.replaceChildren();
  const colour = colours();
  const zones = new Set(run.calls.filter(isSend).map((call) => call.zone));
  for (const zone of [...zones].sort()) {
    const { counts, total, gap, at } = availability(zone);
    const row = element("div", "", "zone");
    const canvas = element("canvas");
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", `Sends of zone ${zone} over time`);
    const words = element("span", `${total} sends; `);
    const jump = element("button", `longest gap ${(gap / 1e3).toFixed(0)} ms`);
    jump.type = "button";
    jump.addEventListener("click", () => view.jump(at + gap / 2));
    words.append(jump);
    row.append(element("strong", `zone ${zone}`), canvas, words);
    place.append(row);
    const [context, width] = sharpen(canvas, 40);
    const most = counts.reduce((most, count) => Math.max(most, count), 1), wide = width / counts.length;
    counts.forEach((count, i) => {
      // Nothing is drawn as something: a gap must be seen.
      context.fillStyle = colour(count ? "ok" : "failed");
      const high = count ? (count / most) * 34 : 3;
      context.fillRect(i * wide, 38 - high, Math.max(wide - 0.3, 0.6), high);
    });
  }
}

function drawOverview() {
  const canvas = document.getElementById("overview");
  const [context, width] = sharpen(canvas, 44);
  const colour = colours();
  const x = (at) => LABELS + (at / run.end) * (width - LABELS);
  context.fillStyle = colour("quiet");
  context.fillText("all", 8, 22);
  run.nodes.forEach((_, node) => {
    for (const role of roles.filter((role) => role.node === node)) {
      if (role.role === "follower") continue;
      context.fillStyle = colour(role.role);
      context.fillRect(x(role.at), 4 + node * (24 / run.nodes.length), Math.max(x(role.to) - x(role.at), 1), 22 / run.nodes.length);
    }
  });
  context.fillStyle = colour("fault");
  for (const fault of run.faults) context.fillRect(x(fault.from), 32, Math.max(x(fault.to) - x(fault.from), 2), 6);
  context.strokeStyle = colour("ink");
  context.lineWidth = 2;
  context.strokeRect(x(view.from), 1, Math.max(x(view.to) - x(view.from), 3), 42);
  context.lineWidth = 1;
}

/** For each node, how many committed entries it had not applied. */
const behind = (() => {
  let committed = 0;
  return run.progress.map((one) => {
    committed = Math.max(committed, one.committed);
    return { at: one.at, node: one.node, lag: Math.max(committed - one.applied, 0) };
  });
})();

function drawProgress() {
  const canvas = document.getElementById("progress");
  const [context, width] = sharpen(canvas, 220);
  const colour = colours();
  const shown = behind.filter((one) => one.at >= view.from && one.at <= view.to);
  const most = shown.reduce((most, one) => Math.max(most, one.lag), 1);
  const y = (lag) => 20 + (lag / most) * 170;
  context.fillStyle = colour("quiet");
  context.fillText("up to date", 8, 20);
  context.fillText(`${most} behind`, 8, 190);
  for (const at of ticks()) context.fillText(`${+(at / 1e6).toFixed(4)} s`, view.x(at, width), 210);
  run.nodes.forEach((node, index) => {
    context.strokeStyle = context.fillStyle = colour(`n${index % 5}`);
    context.setLineDash([[], [6, 3], [2, 3], [8, 2, 2, 2], [1, 5]][index % 5]);
    context.beginPath();
    let last = null;
    for (const { at, lag } of shown.filter((one) => one.node === index)) {
      if (last !== null) context.lineTo(view.x(at, width), y(last));
      context.lineTo(view.x(at, width), y(lag));
      last = lag;
    }
    context.stroke();
    context.fillText(node.name, width - 30, 40 + index * 16);
    context.beginPath();
    context.moveTo(width - 62, 40 + index * 16); context.lineTo(width - 36, 40 + index * 16);
    context.stroke();
    context.setLineDash([]);
  });
}

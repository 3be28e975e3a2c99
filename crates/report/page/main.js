// Puts the run on the page, and listens to the reader.

const byId = (id) => document.getElementById(id);
const VERDICTS = { pass: "✓ every promise was kept", violation: "✗ a promise was broken", unknown: "? nothing can be said" };

byId("verdict").textContent = VERDICTS[run.verdict.kind];
byId("verdict").classList.add(run.verdict.kind);
byId("title").textContent = run.seed === null ? run.scenario : `${run.scenario}, seed ${run.seed}`;
byId("summary").textContent = run.verdict.reason ?? run.summary;
byId("teaches").textContent = run.teaches;
if (run.replay) {
  byId("replay").textContent = run.replay;
  byId("replay-line").hidden = false;
  byId("copy").addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(run.replay);
      byId("copy").textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(byId("replay"));
    }
  });
}

const FIRST = 3;
const more = element("ol");
(run.verdict.violations ?? []).forEach((violation, i) => {
  const item = element("li");
  item.append(element("strong", violation.promise), `: ${violation.story} `);
  if (violation.at !== null) item.append(jumpTo(violation.at));
  (i < FIRST ? byId("violations") : more).append(item);
  byId("broken").hidden = false;
});
if (more.children.length) {
  more.start = FIRST + 1;
  const fold = element("details");
  fold.append(element("summary", `and ${more.children.length} more`), more);
  byId("broken").append(fold);
}

for (const kind of new Set(run.rpcs.map((rpc) => rpc.kind))) {
  const wrap = element("label");
  const box = element("input");
  box.type = "checkbox";
  box.checked = !hidden.has(kind);
  box.addEventListener("change", () => {
    if (box.checked) hidden.delete(kind);
    else hidden.add(kind);
    draw();
  });
  wrap.append(box, ` ${kind}`);
  byId("kinds").append(wrap);
}

table("log-lines", run.logs, [
  ["when", (line) => jumpTo(line.at)],
  ["node", (line) => nameOf(line.node)],
  ["level", (line) => line.level],
  ["what", (line, cell) => long(line.text, cell)],
], [["node", (line) => nameOf(line.node)], ["level", (line) => line.level]], "log-filters");

table("calls", run.calls, [
  ["when", (call) => jumpTo(call.from)],
  ["client", (call) => call.client],
  ["zone", (call) => call.zone],
  ["operation", (call) => call.operation],
  ["what", (call, cell) => long(call.words, cell)],
  ["took", (call, cell) => { cell.className = "number"; return call.to === null ? "" : `${((call.to - call.from) / 1e3).toFixed(1)} ms`; }],
  ["end", (call, cell) => { cell.className = call.end; return call.end; }],
  ["told", (call, cell) => long(call.told, cell)],
], [["client", (call) => call.client], ["operation", (call) => call.operation], ["end", (call) => call.end]], "call-filters");

table("coverage", run.coverage, [
  ["what", ([name]) => name],
  ["how often", ([, count], cell) => { cell.className = "number"; return String(count); }],
], []);
for (const words of run.left_out) byId("left-out").append(element("li", `Left out: ${words}.`));

const DO = {
  in: () => view.zoom(0.5),
  out: () => view.zoom(2),
  all: () => view.show(0, run.end),
  earlier: () => view.move(-0.4),
  later: () => view.move(0.4),
};
const KEYS = { "+": "in", "=": "in", "-": "out", 0: "all", ArrowLeft: "earlier", ArrowRight: "later" };
for (const button of document.querySelectorAll("[data-do]")) {
  button.addEventListener("click", DO[button.dataset.do]);
}
diagram.addEventListener("keydown", (event) => {
  const what = KEYS[event.key];
  if (!what || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  DO[what]();
});
diagram.addEventListener("wheel", (event) => {
  if (event.ctrlKey) return;
  event.preventDefault();
  view.zoom(event.deltaY > 0 ? 1.25 : 0.8, view.at(event.offsetX, diagram.clientWidth));
}, { passive: false });

let dragged = null;
diagram.addEventListener("pointerdown", (event) => {
  dragged = event.offsetX;
  diagram.setPointerCapture(event.pointerId);
});
diagram.addEventListener("pointerup", () => { dragged = null; });
diagram.addEventListener("pointermove", (event) => {
  if (dragged !== null) {
    view.move((dragged - event.offsetX) / (diagram.clientWidth - LABELS));
    dragged = event.offsetX;
    return;
  }
  const thing = find(event.offsetX, event.offsetY);
  if (thing) byId("details").textContent = thing.words;
});
byId("overview").addEventListener("click", (event) => {
  const at = ((event.offsetX - LABELS) / (byId("overview").clientWidth - LABELS)) * run.end;
  const half = (view.to - view.from) / 2;
  view.show(at - half, at + half);
});

/** Draws once a frame, however often it is asked. */
let isAsked = false;
function redraw() {
  if (isAsked) return;
  isAsked = true;
  requestAnimationFrame(() => {
    isAsked = false;
    draw();
    drawOverview();
    drawProgress();
  });
}
function redrawAll() {
  drawAvailability();
  redraw();
}
view.listeners.push(redraw);
window.addEventListener("resize", redrawAll);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redrawAll);
redrawAll();

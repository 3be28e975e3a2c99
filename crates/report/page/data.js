// The run, as the page was made with it, and how its moments are written.

const run = JSON.parse(document.getElementById("data").textContent);
run.rpcs = run.rpcs.map(([from, to, kind, sent, received, words]) =>
  ({ from, to, kind: run.rpc_kinds[kind], sent, received, words }));
run.progress = run.progress.map(([at, node, last, committed, applied]) =>
  ({ at, node, last, committed, applied }));

const moment = (micros) => `${(micros / 1e6).toFixed(3)} s`;
const span = (from, to) => `${moment(from)} to ${moment(to)}`;
const nameOf = (node) => run.nodes[node]?.name ?? `node ${node}`;
const isSend = (call) => call.operation.startsWith("SendMessage");

/** An element with text and classes: text is never taken for markup. */
function element(tag, text = "", className = "") {
  const made = document.createElement(tag);
  made.textContent = text;
  if (className) made.className = className;
  return made;
}

/** The colours of the page, as they are now. */
function colours() {
  const style = getComputedStyle(document.documentElement);
  return (name) => style.getPropertyValue(`--${name}`).trim();
}

/** Makes a canvas sharp; returns its context and its width in CSS pixels. */
function sharpen(canvas, height) {
  const ratio = window.devicePixelRatio || 1;
  const width = canvas.clientWidth;
  canvas.style.height = `${height}px`;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  context.font = "12px system-ui, sans-serif";
  context.textBaseline = "middle";
  return [context, width];
}

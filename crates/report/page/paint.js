// Colours, dashes and patterns. Colours are those of colours.css, light or dark; whatever a colour tells,
// a shape or a pattern tells too.

const NAMES = [
  "paper", "raised", "ink", "muted", "rule", "accent", "broken",
  "leader", "on-leader", "follower", "candidate", "on-candidate", "down", "learner",
  "ok", "failed", "unknown", "fault", "append", "vote", "snapshot", "forward", "other",
];
const FONT = '12px system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "DejaVu Sans", sans-serif';

const paint = {};
const patterns = {};

function readColours() {
  const style = getComputedStyle(document.documentElement);
  for (const name of NAMES) paint[name] = style.getPropertyValue(`--${name}`).trim();
  patterns.fault = tile(8, paint.fault, (pen) => slope(pen, 8));
  patterns.down = tile(6, paint.down, (pen) => (slope(pen, 6), slope(pen, 6, true)));
  patterns.candidate = tile(6, paint["on-candidate"], (pen) => pen.rect(1, 1, 1, 1));
  patterns.learner = tile(4, paint.muted, (pen) => (pen.moveTo(0, 2), pen.lineTo(4, 2)));
}

function tile(size, colour, trace) {
  const scale = window.devicePixelRatio || 1;
  const canvas = element("canvas", { width: size * scale, height: size * scale });
  const pen = canvas.getContext("2d");
  pen.scale(scale, scale);
  pen.strokeStyle = colour;
  pen.beginPath();
  trace(pen);
  pen.stroke();
  const pattern = pen.createPattern(canvas, "repeat");
  pattern.setTransform(new DOMMatrix().scale(1 / scale));
  return pattern;
}

// A diagonal that goes on in the next tile.
function slope(pen, size, falling = false) {
  for (const shift of [-size, 0, size]) {
    pen.moveTo(shift - 1, falling ? -1 : size + 1);
    pen.lineTo(shift + size + 1, falling ? size + 1 : -1);
  }
}

const ROLES = {
  leader: { words: "leader", fill: "leader", text: "on-leader", pattern: null },
  follower: { words: "follower", fill: "follower", text: "ink", pattern: null },
  candidate: { words: "candidate", fill: "candidate", text: "on-candidate", pattern: "candidate" },
  learner: { words: "learner", fill: "follower", text: "ink", pattern: "learner" },
  down: { words: "down", fill: "paper", text: "ink", pattern: "down" },
};

const OUTCOMES = {
  ok: { words: "answered", colour: "ok" },
  failed: { words: "refused", colour: "failed" },
  unknown: { words: "unknown", colour: "unknown" },
};

// By how the kind begins: an answer looks like what it answers, but thinner.
function rpcLook(kind) {
  const known = ["append", "vote", "snapshot", "forward"].find((name) => kind.startsWith(name));
  const dash = { append: [], vote: [7, 3], snapshot: [10, 3, 2, 3], forward: [2, 3] }[known] ?? [4, 4];
  const answer = kind !== known && known !== undefined;
  return { colour: known ?? "other", dash, width: answer ? 0.8 : 1.4 };
}

const dark = window.matchMedia("(prefers-color-scheme: dark)");
dark.addEventListener("change", () => {
  readColours();
  view.changed();
});
readColours();

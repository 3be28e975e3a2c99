// Wheel, drag, pinch and keys, for every canvas that shows the window: the same everywhere.

const CLICK_SLACK = 4;

// `scale()` is the scale of time of the last drawing; `click(x, y)` and `hover(x, y)` may be told.
function movesTheWindow(canvas, scale, { click = () => {}, hover = () => {}, leave = () => {} }) {
  const fingers = new Map();
  let moved = 0;

  canvas.addEventListener("wheel", (event) => wheel(canvas, scale(), event), { passive: false });
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, event.offsetX);
    if (fingers.size === 1) moved = 0;
  });
  canvas.addEventListener("pointermove", (event) => {
    const before = fingers.get(event.pointerId);
    if (before === undefined) {
      hover(event.offsetX, event.offsetY);
      return;
    }
    const places = [...fingers.values()];
    fingers.set(event.pointerId, event.offsetX);
    moved += Math.abs(event.offsetX - before);
    if (moved < CLICK_SLACK) return;
    if (places.length === 1) view.move(scale().moment(before) - scale().moment(event.offsetX));
    else pinch(scale(), places, [...fingers.values()]);
  });
  const lift = (event) => {
    const wasClick = fingers.delete(event.pointerId) && moved < CLICK_SLACK;
    if (wasClick && event.type === "pointerup") click(event.offsetX, event.offsetY);
  };
  canvas.addEventListener("pointerup", lift);
  canvas.addEventListener("pointercancel", lift);
  canvas.addEventListener("pointerleave", leave);
  canvas.addEventListener("keydown", keys);
}

// A wheel scrolls the page, unless the reader has taken hold of the diagram.
function wheel(canvas, scale, event) {
  if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
    view.move((scale.moment(1) - scale.moment(0)) * event.deltaX);
  } else if (event.ctrlKey || event.metaKey || document.activeElement === canvas) {
    view.zoom(1.0015 ** event.deltaY, scale.moment(event.offsetX));
  } else {
    return;
  }
  event.preventDefault();
}

function pinch(scale, before, after) {
  const apart = (places) => Math.max(Math.abs(places[0] - places[1]), 10);
  view.zoom(apart(before) / apart(after), scale.moment((after[0] + after[1]) / 2));
}

const KEYS = {
  "+": () => view.zoom(0.5),
  "=": () => view.zoom(0.5),
  "-": () => view.zoom(2),
  "0": () => view.whole(),
  Home: () => view.whole(),
  ArrowLeft: () => view.move((view.from - view.to) / 8),
  ArrowRight: () => view.move((view.to - view.from) / 8),
  Escape: () => view.choose(null),
};

function keys(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || KEYS[event.key] === undefined) return;
  KEYS[event.key]();
  event.preventDefault();
}

// Which part of the run is shown. Everything with a time axis follows it.

const LABELS = 84;
const SHORTEST = 2000;

const view = {
  from: 0,
  to: Math.max(run.end, SHORTEST),
  listeners: [],

  show(from, to) {
    const length = Math.min(Math.max(to - from, SHORTEST), Math.max(run.end, SHORTEST));
    this.from = Math.min(Math.max(from, 0), Math.max(run.end - length, 0));
    this.to = this.from + length;
    for (const listener of this.listeners) listener();
  },

  zoom(factor, around = (this.from + this.to) / 2) {
    this.show(around - (around - this.from) * factor, around + (this.to - around) * factor);
  },

  move(share) {
    const by = (this.to - this.from) * share;
    this.show(this.from + by, this.to + by);
  },

  /** Shows a moment closely. */
  jump(at) {
    this.show(at - 150_000, at + 150_000);
    document.getElementById("diagram-title").scrollIntoView();
  },

  x: (at, width) => LABELS + ((at - view.from) / (view.to - view.from)) * (width - LABELS),
  at: (x, width) => view.from + ((x - LABELS) / (width - LABELS)) * (view.to - view.from),
};

/** Round moments for an axis. */
function* ticks() {
  const wanted = (view.to - view.from) / 8;
  const power = 10 ** Math.floor(Math.log10(wanted));
  const step = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= wanted);
  for (let at = Math.ceil(view.from / step) * step; at <= view.to; at += step) yield at;
}

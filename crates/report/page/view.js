// Which part of the run the reader looks at, and what they have chosen. All that draws asks here, and
// is told of each change once a frame.

const SHORTEST_WINDOW = 200;

const view = {
  from: 0,
  to: runEnd,
  // A thing of the run, as `{ kind, it }`, or nothing.
  chosen: null,
  watchers: [],
  waiting: false,

  watch(watcher) {
    this.watchers.push(watcher);
  },

  changed() {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => {
      this.waiting = false;
      for (const watcher of this.watchers) watcher();
    });
  },

  show(from, to) {
    const length = Math.min(Math.max(to - from, SHORTEST_WINDOW), runEnd);
    this.from = Math.min(Math.max(from, 0), runEnd - length);
    this.to = this.from + length;
    this.changed();
  },

  // The moment `anchor` stays where it is.
  zoom(factor, anchor = (this.from + this.to) / 2) {
    const length = Math.min(Math.max((this.to - this.from) * factor, SHORTEST_WINDOW), runEnd);
    const share = (anchor - this.from) / (this.to - this.from);
    this.show(anchor - share * length, anchor + (1 - share) * length);
  },

  move(by) {
    this.show(this.from + by, this.to + by);
  },

  whole() {
    this.show(0, runEnd);
  },

  choose(thing) {
    this.chosen = thing;
    this.changed();
  },

  // Shows a stretch of time with some room around it, and brings the diagram before the reader.
  jump(from, to, thing = null) {
    const room = Math.max((to - from) * 0.25, SECOND / 20);
    this.chosen = thing ?? this.chosen;
    this.show(from - room, to + room);
    document.getElementById("diagram").scrollIntoView({ block: "start" });
    document.getElementById("lanes").focus({ preventScroll: true });
  },

  jumpToCall(call) {
    this.jump(call.from, endOf(call), { kind: "call", it: call });
  },

  isWhole() {
    return this.from === 0 && this.to === runEnd;
  },
};

// What lies under the pointer, and what comes next in a lane.

const NEAR = 5;

function distanceToLine(x, y, { start, end }) {
  const [dx, dy] = [end.x - start.x, end.y - start.y];
  const length = dx * dx + dy * dy || 1;
  const share = Math.min(1, Math.max(0, ((x - start.x) * dx + (y - start.y) * dy) / length));
  return Math.hypot(x - start.x - share * dx, y - start.y - share * dy);
}

// `drawn` are the RPCs that are drawn as lines.
function thingAt(x, y, scale, drawn) {
  const moment = scale.moment(x);
  const lane = lanes.find((it) => y >= it.top && y < it.top + it.height);
  const slack = scale.moment(NEAR) - scale.moment(0);
  const covers = (from, to) => from - slack <= moment && moment <= to + slack;
  const within = (place) => y >= place.top - 1 && y <= place.top + place.height + 1;

  if (lane?.kind === "calls") {
    const hits = lane.calls.filter((call) => covers(call.from, endOf(call)) && within(callPlace(call)));
    if (hits.length > 0) return { kind: "call", it: nearest(hits, (call) => middleDistance(call, moment)) };
  }
  if (lane?.kind === "faults") {
    const fault = run.faults.find((it) => covers(it.from, it.to) && within(faultPlace(it)));
    return fault === undefined ? null : { kind: "fault", it: fault };
  }
  const lines = drawn
    .map((rpc) => ({ rpc, away: distanceToLine(x, y, flightLine(rpc, scale)) }))
    .filter(({ away }) => away <= NEAR);
  if (lines.length > 0) return { kind: "rpc", it: nearest(lines, ({ away }) => away).rpc };
  if (lane?.kind === "node") {
    const band = roleBands[lane.node].find((it) => it.from <= moment && moment < it.to);
    if (band !== undefined && within(bandPlace(lane.node))) return { kind: "role", it: band };
    const sample = sampleAt(lane.node, moment);
    if (sample !== undefined) return { kind: "progress", it: sample };
  }
  return null;
}

function sampleAt(node, moment) {
  const samples = progressOf[node];
  return samples[firstAfter(samples, moment)];
}

function nearest(things, distance) {
  return things.reduce((best, thing) => (distance(thing) < distance(best) ? thing : best));
}

function middleDistance(call, moment) {
  return Math.abs((call.from + endOf(call)) / 2 - moment);
}

// What a lane has to step through, by time: with its place in the lane.
function thingsOf(lane) {
  if (lane.kind === "faults") return run.faults.map((it) => ({ kind: "fault", it }));
  if (lane.kind === "calls") return lane.calls.map((it) => ({ kind: "call", it }));
  if (lane.kind === "node") return roleBands[lane.node].map((it) => ({ kind: "role", it }));
  return [];
}

// The next thing of a lane after the chosen one, or the first in the window; backwards with -1.
function stepIn(lane, step) {
  const things = thingsOf(lane);
  const place = things.findIndex(({ it }) => it === view.chosen?.it);
  if (place !== -1) return things[place + step] ?? null;
  const inside = things.filter(({ it }) => it.from >= view.from && it.from <= view.to);
  return (step > 0 ? inside[0] : inside.at(-1)) ?? null;
}

// From when to when a thing is.
function stretchOf({ kind, it }) {
  switch (kind) {
    case "rpc":
      return { from: it.sent, to: arrival(it) };
    case "progress":
    case "log":
      return { from: it.at, to: it.at };
    case "violation":
      return whenViolated(it);
    case "call":
      return { from: it.from, to: endOf(it) };
    default:
      return { from: it.from, to: it.to };
  }
}

// What is known of the cluster: the latest picture, and what followed from those before it.

const RATE_MILLIS = 3000;

export const cluster = {
  // As /console/events tells it: { from, nodes: [{ id, zone, api, why, seen }] }.
  picture: null,
  connected: false,
  // For each queue what was told of it in the last seconds: [{ at, by, depth, sent, received, deleted }].
  told: new Map(),
};

const listeners = new Set();

export function whenChanged(listener) {
  listeners.add(listener);
}

// Looks at each picture until it is so; false if it is not within the time.
export function until(isSo, millis) {
  return new Promise((done) => {
    const end = (answer) => {
      clearTimeout(late);
      listeners.delete(look);
      done(answer);
    };
    const look = () => {
      if (isSo()) end(true);
    };
    const late = setTimeout(() => end(false), millis);
    listeners.add(look);
    look();
  });
}

export const seen = () => (cluster.picture?.nodes ?? []).filter((node) => node.seen !== null).map((node) => node.seen);

// Of those who say that they lead, the one in the latest term.
export const leader = () => seen().filter((node) => node.role === "leader").sort((a, b) => b.term - a.term)[0];

// Whoever knows most: the leader, or who has applied most.
export const best = () => leader() ?? seen().sort((a, b) => b.applied_index - a.applied_index)[0];

export const own = () => cluster.picture?.nodes.find((node) => node.id === cluster.picture.from)?.seen ?? null;

// How far anybody knows the log to be committed.
export const committed = () => Math.max(0, ...seen().map((node) => node.committed_index));

// A leader that no majority answers goes on to lead, in its own eyes.
export const isUnheard = (node) => node.hears_majority === false;

export const ALONE = "hears no majority: it acknowledges nothing";

export const roleOf = (node) => (isUnheard(node) ? "leader without majority" : node.role);

export function leads() {
  const led = leader();
  if (led === undefined) return "nobody leads";
  return `n${led.id} leads in term ${led.term}${isUnheard(led) ? `, but ${ALONE}` : ""}`;
}

// Each fault once, with the nodes on which it is in force.
export function faults() {
  const known = new Map();
  for (const node of seen()) {
    for (const fault of node.faults) {
      const same = known.get(fault.number);
      if (same === undefined) known.set(fault.number, { ...fault, on: [node.id] });
      else same.on.push(node.id);
    }
  }
  return [...known.values()].sort((a, b) => a.number - b.number);
}

const isSlow = (rule) => (rule.latency_millis ?? 0) + (rule.jitter_millis ?? 0) + (rule.loss ?? 0) > 0 || rule.bytes_per_second !== undefined;

// What faults do to the link between two nodes: "open", "slow" or "cut", and in which directions.
export function link(a, b) {
  const broken = { state: "open", words: [] };
  for (const fault of faults()) {
    for (const { on, from, to, rule } of fault.effects) {
      const meets = on === "link" && ((from === a && to === b) || (from === b && to === a));
      if (!meets) continue;
      const cut = (rule.passage ?? "open") !== "open";
      if (cut) broken.state = "cut";
      else if (isSlow(rule) && broken.state === "open") broken.state = "slow";
      if (cut || isSlow(rule)) broken.words.push(`n${from} → n${to} ${cut ? `cut (${rule.passage})` : "slow"}`);
    }
  }
  return broken;
}

export const depth = (queue) => queue.visible + queue.in_flight + queue.delayed;

function perSecond(first, last, what) {
  return first === undefined || first === last ? 0 : ((last[what] - first[what]) * 1000) / Math.max(1, last.at - first.at);
}

// Messages more or fewer in a second, over the last seconds.
export function change(name) {
  const known = cluster.told.get(name) ?? [];
  return perSecond(known[0], known.at(-1), "depth");
}

// Messages "sent", "received" or "deleted" in a second, over the last seconds. Each leader counts for
// itself, from its own start: only what one has told can be compared.
export function rate(name, what) {
  const known = cluster.told.get(name) ?? [];
  let first = known.length - 1;
  while (first > 0 && known[first - 1].by === known[first].by && known[first - 1][what] <= known[first][what]) first -= 1;
  return perSecond(known[first], known.at(-1), what);
}

function noteQueues() {
  const at = Date.now();
  const by = best()?.id;
  const queues = best()?.queues ?? [];
  const names = new Set(queues.map((queue) => queue.name));
  for (const name of cluster.told.keys()) if (!names.has(name)) cluster.told.delete(name);
  for (const queue of queues) {
    const known = cluster.told.get(queue.name) ?? [];
    const { sent, received, deleted } = queue;
    known.push({ at, by, depth: depth(queue), sent, received, deleted });
    while (known.length > 2 && at - known[0].at > RATE_MILLIS) known.shift();
    cluster.told.set(queue.name, known);
  }
}

function tell() {
  for (const listener of listeners) listener();
}

export function connect() {
  const events = new EventSource("/console/events");
  events.addEventListener("message", (event) => {
    cluster.picture = JSON.parse(event.data);
    cluster.connected = true;
    noteQueues();
    tell();
  });
  // The browser connects again by itself, unless it was refused.
  events.addEventListener("error", () => {
    cluster.connected = false;
    tell();
    if (events.readyState === EventSource.CLOSED) setTimeout(connect, 2000);
  });
}

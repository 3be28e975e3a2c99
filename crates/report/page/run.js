// The run as data, and what follows from it. Moments are microseconds since the run began.

const run = unpacked(JSON.parse(document.getElementById("run").textContent));

// Long lists come as rows, and the seed as text: page.rs says why.
function unpacked({ exact_seed: seed, rpc_kinds: kinds, rpc_rows: rpcs, progress_rows: progress, ...rest }) {
  return {
    ...rest,
    seed,
    rpcs: rpcs.map(([from, to, kind, sent, received, words]) => ({ from, to, kind: kinds[kind], sent, received, words })),
    progress: progress.map(([at, node, last, committed, applied]) => ({ at, node, last, committed, applied })),
  };
}

const SECOND = 1_000_000;
const BUCKET = SECOND / 10;

const violations = run.verdict.kind === "violation" ? run.verdict.violations : [];

// A run without an end would have no width.
const runEnd = Math.max(run.end, 1000);

// Zones in the order of the nodes, then those that only clients are in.
const zones = [...new Set([...run.nodes, ...run.calls].map((it) => it.zone))];
const clients = [...new Set(run.calls.map((call) => call.client))].sort(byName);
const rpcKinds = [...new Set(run.rpcs.map((rpc) => rpc.kind))].sort();

function byName(a, b) {
  return a.localeCompare(b, "en", { numeric: true });
}

// What each node was, as stretches of time: a change of role lasts until the next.
const roleBands = run.nodes.map((_, node) => {
  const changes = run.roles.filter((change) => change.node === node);
  return changes.map((change, index) => ({
    ...change,
    from: change.at,
    to: index + 1 < changes.length ? changes[index + 1].at : runEnd,
  }));
});

const progressOf = run.nodes.map((_, node) => run.progress.filter((sample) => sample.node === node));
const longestLog = run.progress.reduce((most, sample) => Math.max(most, sample.last), 1);

// A story names messages by their bodies, as c4-36. Its calls are those that name the same, and began
// before it was certain; a word that more calls have than this is no message's.
const MOST_CALLS_OF_A_WORD = 8;

const wordsOf = (text) => text.split(/[\s,;:()]+/).filter((word) => /[a-z].*\d/i.test(word));

const storyWords = new Set(violations.flatMap((violation) => wordsOf(violation.story)));
const callsByWord = new Map();
for (const call of violations.length === 0 ? [] : run.calls) {
  for (const word of new Set(wordsOf(`${call.words} ${call.told}`))) {
    if (!storyWords.has(word)) continue;
    if (!callsByWord.has(word)) callsByWord.set(word, []);
    callsByWord.get(word).push(call);
  }
}

const callsOfViolation = new Map(
  violations.map((violation) => {
    const named = wordsOf(violation.story)
      .map((word) => callsByWord.get(word) ?? [])
      .filter((calls) => calls.length <= MOST_CALLS_OF_A_WORD)
      .flat()
      .filter((call) => violation.at === null || call.from <= violation.at);
    return [violation, [...new Set(named)].sort((a, b) => a.from - b.from)];
  }),
);

// Calls that tell of a broken promise, each with the places of the violations.
const blamed = new Map();
violations.forEach((violation, place) => {
  for (const call of callsOfViolation.get(violation)) {
    blamed.set(call, [...(blamed.get(call) ?? []), place]);
  }
});

// Where the story of a violation is: from its first call to its last, or the moment it was certain.
function whenViolated(violation) {
  const calls = callsOfViolation.get(violation);
  const moments = calls.flatMap((call) => [call.from, call.to ?? call.from]);
  if (violation.at !== null) moments.push(violation.at);
  if (moments.length === 0) return null;
  return { from: Math.min(...moments), to: Math.max(...moments) };
}

function endOf(call) {
  return call.to ?? runEnd;
}

function nodeName(node) {
  return run.nodes[node]?.name ?? `node ${node}`;
}

// 12345678 -> "12.346 s"; more digits where a reader looks closer.
function seconds(moment, digits = 3) {
  return `${(moment / SECOND).toFixed(digits)} s`;
}

// A length of time in the unit that reads best.
function duration(length) {
  if (length < 1000) return `${Math.round(length)} µs`;
  if (length < SECOND) return `${(length / 1000).toFixed(length < 10_000 ? 1 : 0)} ms`;
  return `${(length / SECOND).toFixed(2)} s`;
}

function count(number, one, many = `${one}s`) {
  return `${number.toLocaleString("en")} ${number === 1 ? one : many}`;
}

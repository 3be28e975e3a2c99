// Which lane is where in the space-time diagram: faults on top, then each zone with its nodes and,
// below them, its clients. Places are CSS pixels from the top.

const AXIS_HEIGHT = 26;
const FAULT_ROW = 17;
const ZONE_HEIGHT = 24;
const NODE_HEIGHT = 70;
const BAND_HEIGHT = 24;
const CALL_ROW = 11;
const MOST_ROWS = 20;

// Gives each thing the first row in which it does not overlap another; `rows` is how many there are.
function stack(things, from, to, most) {
  const free = [];
  const rowOf = new Map();
  for (const thing of things) {
    let row = free.findIndex((moment) => moment <= from(thing));
    if (row === -1) row = free.length < most ? free.length : free.indexOf(Math.min(...free));
    free[row] = Math.max(free[row] ?? 0, to(thing));
    rowOf.set(thing, row);
  }
  return { rowOf, rows: Math.max(free.length, 1) };
}

// Each client has rows of its own, as many as it has calls at the same time; where that is too much, all
// share what rows there are, and `clientRows` is empty.
function stackByClient(calls) {
  const rowOf = new Map();
  const clientRows = new Map();
  let rows = 0;
  for (const client of [...new Set(calls.map((call) => call.client))].sort(byName)) {
    const own = stack(calls.filter((call) => call.client === client), (call) => call.from, endOf, 6);
    for (const [call, row] of own.rowOf) rowOf.set(call, rows + row);
    clientRows.set(client, rows);
    rows += own.rows;
  }
  if (rows <= MOST_ROWS) return { rowOf, rows, clientRows };
  return { ...stack(calls, (call) => call.from, endOf, MOST_ROWS), clientRows: new Map() };
}

function layOut() {
  const lanes = [];
  let top = AXIS_HEIGHT;
  const add = (lane, height) => {
    lanes.push({ ...lane, top, height });
    top += height;
  };
  if (run.faults.length > 0) {
    const { rowOf, rows } = stack(run.faults, (fault) => fault.from, (fault) => fault.to, 8);
    add({ kind: "faults", words: "faults", rowOf }, rows * FAULT_ROW + 8);
  }
  for (const zone of zones) {
    add({ kind: "zone", words: `zone ${zone}` }, ZONE_HEIGHT);
    run.nodes.forEach((node, index) => {
      if (node.zone === zone) add({ kind: "node", words: node.name, node: index }, NODE_HEIGHT);
    });
    const calls = run.calls.filter((call) => call.zone === zone);
    if (calls.length === 0) continue;
    const { rowOf, rows, clientRows } = stackByClient(calls);
    add({ kind: "calls", words: "clients", zone, calls, rowOf, clientRows }, rows * CALL_ROW + 10);
  }
  return { lanes, height: top + 6 };
}

const { lanes, height: lanesHeight } = layOut();
const laneOfNode = run.nodes.map((_, node) => lanes.find((lane) => lane.kind === "node" && lane.node === node));
const laneOfZone = new Map(lanes.filter((lane) => lane.kind === "calls").map((lane) => [lane.zone, lane]));
const faultLane = lanes.find((lane) => lane.kind === "faults");

// Where each kind of thing stands within its lane.
function bandPlace(node) {
  return { top: laneOfNode[node].top + 5, height: BAND_HEIGHT };
}

function densityPlace(node) {
  return { top: laneOfNode[node].top + 31, height: 14 };
}

function progressPlace(node) {
  return { top: laneOfNode[node].top + 48, height: 18 };
}

function faultPlace(fault) {
  return { top: faultLane.top + 4 + faultLane.rowOf.get(fault) * FAULT_ROW, height: FAULT_ROW - 3 };
}

function callPlace(call) {
  const lane = laneOfZone.get(call.zone);
  return { top: lane.top + 5 + lane.rowOf.get(call) * CALL_ROW, height: CALL_ROW - 3 };
}

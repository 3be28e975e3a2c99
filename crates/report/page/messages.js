// Draws RPCs: slanted lines from lane to lane where there are few enough to be told apart, otherwise
// how many each node sent.

const MOST_LINES = 1200;

const shownKinds = new Set(rpcKinds);

// A message that never arrived is drawn as long as those that did take at most.
const usualFlight = Math.max(
  1000,
  percentile(run.rpcs.filter((rpc) => rpc.received !== null).map((rpc) => rpc.received - rpc.sent), 0.9),
);

function percentile(numbers, share) {
  if (numbers.length === 0) return 0;
  const sorted = Float64Array.from(numbers).sort();
  return sorted[Math.floor((sorted.length - 1) * share)];
}

function arrival(rpc) {
  return rpc.received ?? rpc.sent + usualFlight;
}

function rpcsInWindow() {
  const found = [];
  for (const rpc of run.rpcs) {
    if (rpc.sent > view.to) break;
    if (arrival(rpc) < view.from || !shownKinds.has(rpc.kind)) continue;
    if (laneOfNode[rpc.from] === undefined || laneOfNode[rpc.to] === undefined) continue;
    found.push(rpc);
  }
  return found;
}

// From the near edge of the sender's band to the near edge of the receiver's; lost ones end on the way, before
// the middle, where another node may have its lane.
function flightLine(rpc, scale) {
  const from = bandPlace(rpc.from);
  const to = bandPlace(rpc.to);
  const downwards = to.top > from.top;
  const start = { x: scale.x(rpc.sent), y: downwards ? from.top + from.height : from.top };
  const end = { x: scale.x(arrival(rpc)), y: downwards ? to.top : to.top + to.height };
  if (rpc.received === null) {
    end.x = start.x + (end.x - start.x) * 0.4;
    end.y = start.y + (end.y - start.y) * 0.4;
  }
  return { start, end };
}

// Gives back what was drawn as lines, for the pointer to find.
function drawMessages(pen, scale) {
  const rpcs = rpcsInWindow();
  if (rpcs.length > MOST_LINES) {
    drawDensity(pen, scale, rpcs);
    return [];
  }
  const byKind = Map.groupBy(rpcs, (rpc) => rpc.kind);
  for (const [kind, group] of byKind) {
    const look = rpcLook(kind);
    pen.strokeStyle = paint[look.colour];
    pen.fillStyle = paint[look.colour];
    pen.lineWidth = look.width;
    pen.globalAlpha = rpcs.length > 300 ? 0.4 : 0.9;
    pen.setLineDash(look.dash);
    pen.beginPath();
    for (const rpc of group) {
      const { start, end } = flightLine(rpc, scale);
      pen.moveTo(start.x, start.y);
      pen.lineTo(end.x, end.y);
    }
    pen.stroke();
    pen.setLineDash([]);
    pen.beginPath();
    for (const rpc of group) tip(pen, rpc, flightLine(rpc, scale), rpcs.length < 400);
    pen.stroke();
    pen.globalAlpha = 1;
  }
  return rpcs;
}

// An arrowhead where it arrived, a cross where it was lost.
function tip(pen, rpc, { start, end }, arrows) {
  if (rpc.received === null) {
    pen.moveTo(end.x - 4, end.y - 4);
    pen.lineTo(end.x + 4, end.y + 4);
    pen.moveTo(end.x + 4, end.y - 4);
    pen.lineTo(end.x - 4, end.y + 4);
    return;
  }
  if (!arrows) return;
  const angle = Math.atan2(end.y - start.y, end.x - start.x);
  for (const side of [-0.4, 0.4]) {
    pen.moveTo(end.x, end.y);
    pen.lineTo(end.x - 6 * Math.cos(angle + side), end.y - 6 * Math.sin(angle + side));
  }
}

// A small bar for every few pixels under the band of the node that sent.
function drawDensity(pen, scale, rpcs) {
  const step = 3;
  const columns = Math.ceil((scale.right - scale.left) / step);
  const sent = run.nodes.map(() => new Uint32Array(columns));
  let most = 1;
  for (const rpc of rpcs) {
    const column = Math.floor((scale.x(rpc.sent) - scale.left) / step);
    if (column < 0 || column >= columns) continue;
    most = Math.max(most, (sent[rpc.from][column] += 1));
  }
  pen.fillStyle = paint.append;
  sent.forEach((counts, node) => {
    if (laneOfNode[node] === undefined) return;
    const { top, height } = densityPlace(node);
    counts.forEach((number, column) => {
      if (number === 0) return;
      const tall = 1 + Math.sqrt(number / most) * (height - 1);
      pen.fillRect(scale.left + column * step, top + height - tall, step - 1, tall);
    });
  });
}

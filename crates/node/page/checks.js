// Looks whether the cluster did what a lesson says, and tells what it saw: [whether it is so, in a
// sentence].

import { cluster, committed, faults, leader, leads, link, seen, until } from "./cluster.js";

// An election takes half a second, and much longer on a busy machine.
const WITHIN_MILLIS = 20_000;

const seconds = (millis) => `${(millis / 1000).toFixed(2)} s`;
const quoted = (body) => `“${body}”`;
const listed = (came) => (came.length === 0 ? "nothing" : came.map(({ body }) => quoted(body)).join(", "));
const named = (ids) => ids.map((id) => `n${id}`).join(", ");

// Whether one leads, and all follow it and have what it committed.
function isWhole() {
  const led = leader();
  const nodes = seen();
  return led !== undefined && faults().length === 0 && nodes.length === cluster.picture.nodes.length
    && nodes.every((node) => node.term === led.term && node.applied_index >= led.committed_index);
}

async function whole(room) {
  await room.current();
  if (await until(isWhole, WITHIN_MILLIS)) {
    return [true, `${leads()}; all ${seen().length} nodes are in that term and have the log up to entry ${committed()}.`];
  }
  return [false, `${leads()}, and not all follow.`];
}

// Who still reaches whom.
function reach() {
  const ids = cluster.picture.nodes.map(({ id }) => id);
  const isOpen = (a, b) => a !== b && link(a, b).state !== "cut";
  const connected = ids.filter((a) => ids.some((b) => isOpen(a, b)));
  return connected.length === 0 ? "no node reaches another any more" : `${named(connected)} reach each other: ${connected.length} of ${ids.length}`;
}

async function broken(act, room) {
  const isInForce = () => faults().find((fault) => fault.number === room.fault.number)?.on.length === cluster.picture.nodes.length;
  if (!(await until(isInForce, WITHIN_MILLIS))) return [false, "not all nodes keep to it."];
  const what = act.kind === "lose_answers" ? `what n${room.fault.node} answers its clients is lost` : `n${room.fault.node} is cut off`;
  return [true, `${what}; ${reach()}.`];
}

// What a step did that has nothing to be compared with.
async function done(room, act) {
  const took = seconds(room.tookMillis);
  switch (act.kind) {
    case "take_away":
    case "cut_off":
    case "lose_answers": return broken(act, room);
    case "create_queue": return [true, `the queue ${room.queueName(act.queue)} is there after ${took}.`];
    case "delete": return [true, `${quoted(act.body)} is deleted after ${took}.`];
    default: return [true, `done after ${took}.`];
  }
}

async function acknowledged(room) {
  const { body, through, answer } = room.sent;
  if (answer === "unknown") return [false, notAcknowledged(room)[1]];
  if (answer !== "acknowledged") return [false, `${quoted(body)} was refused: ${answer}`];
  // Followers hear of it with the next word of their leader.
  if (!(await until(() => committed() > room.committed, WITHIN_MILLIS))) return [false, "it was acknowledged, and the log has not grown."];
  return [true, `n${through} said 200 to ${quoted(body)} after ${seconds(room.tookMillis)}; the log was committed up to entry ${room.committed} before, and is up to entry ${committed()} now.`];
}

function notAcknowledged(room) {
  const { body, through, answer } = room.sent;
  if (answer === "acknowledged") return [false, `n${through} acknowledged ${quoted(body)}.`];
  // Who is refused knows what became of the message: that is another lesson.
  if (answer !== "unknown") return [false, `${quoted(body)} was refused: ${answer}`];
  return [true, `n${through} gave no 200 to ${quoted(body)} within ${seconds(room.tookMillis)}.`];
}

// What the node that led before believes.
function saysOfItself(former) {
  const node = seen().find(({ id }) => id === former);
  return node === undefined ? `n${former} says nothing` : `n${former} says of itself that it is a ${node.role} in term ${node.term}`;
}

async function anotherLeads(room) {
  const { former, formerTerm } = room;
  const isSo = () => leader() !== undefined && leader().id !== former && leader().term > formerTerm;
  const before = `n${former} led in term ${formerTerm}`;
  if (!(await until(isSo, WITHIN_MILLIS))) return [false, `${before}, and no other node leads: ${leads()}.`];
  return [true, `${before}; ${leads()} now; ${saysOfItself(former)}.`];
}

const bodiesOf = (came) => came.map(({ body }) => body);

const CHECKS = {
  whole,
  done,
  acknowledged,
  not_acknowledged: notAcknowledged,
  another_leads: anotherLeads,
  came: ({ received }, _, { bodies }) => [JSON.stringify(bodiesOf(received)) === JSON.stringify(bodies), `${listed(received)} came.`],
  came_at_least: ({ received }, _, { bodies }) => {
    const missing = bodies.filter((body) => !bodiesOf(received).includes(body));
    return missing.length === 0 ? [true, `${listed(received)} came.`] : [false, `${listed(received)} came, and not ${missing.map(quoted).join(", ")}.`];
  },
  nothing_came: ({ received, tookMillis }) => (received.length === 0 ? [true, `nothing came in ${seconds(tookMillis)}.`] : [false, `${listed(received)} came.`]),
  one_got: ({ received, rival }, _, { body }) => [
    received.length === 1 && received[0].body === body && rival.length === 0,
    `the first consumer got ${listed(received)}, the second ${listed(rival)}.`,
  ],
  came_again: ({ received, tookMillis }, _, { body, times }) => {
    const [one, ...more] = received;
    if (more.length > 0 || one?.body !== body) return [false, `${listed(received)} came.`];
    return [one.times === times, `${quoted(body)} came after ${seconds(tookMillis)}; its receive count is ${one.times}.`];
  },
};

export const look = async (step, room) => CHECKS[step.check.kind](room, step.act, step.check);

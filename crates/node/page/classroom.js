// Where a lesson takes place: the cluster that the page shows, with queues of the lesson's own.

import { healAll, healAtOnce } from "./breaking.js";
import { cluster, committed, faults, leader, seen, until } from "./cluster.js";
import { deleteAtOnce, sqs, sqsAt } from "./sqs.js";

// Whatever is so by now is in the picture by then.
const PICTURE_MILLIS = 300;
const REMOVE_TRIES = 3;

// Why no lesson can begin now; empty if one can.
export function hindrance(course) {
  const { nodes } = cluster.picture;
  if (nodes.length < course.least_nodes) return `A lesson needs ${course.least_nodes} nodes, and this cluster has ${nodes.length}.`;
  const silent = nodes.filter((node) => node.seen === null).map((node) => `n${node.id}`);
  const why = silent.length > 0 ? `${silent.join(", ")} does not answer`
    : leader() === undefined ? "nobody leads"
    : faults().length > 0 ? "something is broken on purpose (Lab mends it)" : "";
  return why === "" ? "" : `A lesson begins on a cluster in which all is well, and ${why}.`;
}

export class Classroom {
  constructor(course) {
    this.course = course;
    this.prefix = `learn-${crypto.randomUUID().slice(0, 8)}-`;
    // Addresses by the names that the lesson uses.
    this.queues = new Map();
    // Nodes that reach no other.
    this.away = new Set();
    // What was noted before the last act, and what came of it.
    this.former = null;
    this.formerTerm = 0;
    this.committed = 0;
    this.fault = null;
    this.sent = null;
    this.received = [];
    this.rival = [];
    this.handles = new Map();
    this.tookMillis = 0;
  }

  // Resolves when the picture has all that is so now.
  current() {
    return new Promise((done) => setTimeout(done, PICTURE_MILLIS));
  }

  noteLeader() {
    const led = leader();
    if (led === undefined) return;
    this.former = led.id;
    this.formerTerm = led.term;
  }

  noteCommitted() {
    this.committed = committed();
  }

  // "former" led before the last fault; "other" did not, and is not away.
  node(through) {
    if (through === "former") return this.former;
    const others = seen().filter((node) => node.id !== this.former && !this.away.has(node.id));
    if (others.length === 0) throw new Error("there is no node to speak to");
    return others[0].id;
  }

  queueName(queue) {
    return `${this.prefix}${queue.name}`;
  }

  call(through, operation, input, millis) {
    return sqsAt(this.node(through), operation, input, millis);
  }

  // Mends what is broken, and removes the queues of the lesson. Throws what stays.
  async leave() {
    await this.mend();
    for (const [name, QueueUrl] of this.queues) {
      for (let tries = 1; this.queues.has(name); tries += 1) {
        try {
          await sqs("DeleteQueue", { QueueUrl });
          this.queues.delete(name);
        } catch (error) {
          if (tries === REMOVE_TRIES) throw new Error(`the queue ${this.prefix}${name} stays: ${error.message}`);
        }
      }
    }
    await until(() => !(leader()?.queues ?? []).some((queue) => queue.name.startsWith(this.prefix)), PICTURE_MILLIS);
  }

  async mend() {
    const { missed } = await healAll();
    if (missed.length > 0) throw new Error(missed.join("; "));
    this.away.clear();
  }

  leaveAtOnce() {
    healAtOnce();
    for (const url of this.queues.values()) deleteAtOnce(url);
  }
}

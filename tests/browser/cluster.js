// A real cluster of three nodes on free ports, and a client of it. Everything goes when it is stopped.

const assert = require("node:assert/strict");
const { spawn, spawnSync } = require("node:child_process");
const { mkdtempSync, rmSync } = require("node:fs");
const { tmpdir } = require("node:os");
const { join } = require("node:path");
const { after, before } = require("node:test");
const { online } = require("./browser");

const PROGRAM = process.env.ZONEMQ_BIN;

class Cluster {
  constructor() {
    this.loads = [];
  }

  start() {
    this.folder = mkdtempSync(join(tmpdir(), "zonemq-console-"));
    this.zonemq("up", "--port", "0", "--detach");
    this.nodes = JSON.parse(this.zonemq("status", "--json")).nodes;
  }

  zonemq(...words) {
    const done = spawnSync(PROGRAM, [...words, "--data", join(this.folder, "data")], { encoding: "utf8" });
    assert.equal(done.status, 0, `${words}: ${done.stdout}${done.stderr}`);
    return done.stdout;
  }

  address(path, node = 1) {
    return `http://${this.nodes[node - 1].api}${path}`;
  }

  async sqs(operation, parameters) {
    const answer = await fetch(this.address("/"), {
      method: "POST",
      headers: { "Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": `AmazonSQS.${operation}` },
      body: JSON.stringify(parameters),
    });
    const told = await answer.json();
    assert.ok(answer.ok, JSON.stringify(told));
    return told;
  }

  // Somebody uses the cluster meanwhile.
  load(seconds, clients = 4) {
    const words = ["bench", "mixed", "--clients", String(clients), "--duration", `${seconds}s`, "--data", join(this.folder, "data")];
    const load = spawn(PROGRAM, words, { stdio: "ignore" });
    this.loads.push(load);
    return new Promise((done) => load.on("exit", done));
  }

  stop() {
    for (const load of this.loads) load.kill("SIGKILL");
    this.zonemq("down");
    rmSync(this.folder, { recursive: true, force: true });
  }
}

// For a suite, by which it is called: a cluster from its first test to its last, and a browser that
// reaches it.
function clusterOfSuite() {
  const cluster = new Cluster();
  before(async () => {
    cluster.start();
    await online(true);
  });
  after(async () => {
    // First: it outlives whatever else fails.
    cluster.stop();
    await online(false);
  });
  return cluster;
}

module.exports = { clusterOfSuite };

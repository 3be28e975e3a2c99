// A cluster for the tests: started by `zonemq up --detach`, stopped by `zonemq down`.

const { execFileSync } = require("node:child_process");
const { mkdtempSync, rmSync } = require("node:fs");
const { tmpdir } = require("node:os");
const { join } = require("node:path");
const { SQSClient } = require("@aws-sdk/client-sqs");

let directory, endpoint;

function zonemq(...words) {
  if (!process.env.ZONEMQ_BIN) throw new Error("ZONEMQ_BIN must name the built program");
  const command = [...words, "--data", join(directory, "data")];
  const stdio = ["ignore", "pipe", "inherit"];
  return execFileSync(process.env.ZONEMQ_BIN, command, { encoding: "utf8", stdio });
}

/** Starts the cluster. Only keys and region go into the environment: no endpoint. */
function up() {
  directory = mkdtempSync(join(tmpdir(), "zonemq-node-"));
  for (const name of Object.keys(process.env)) {
    if (name.startsWith("AWS_")) delete process.env[name];
  }
  process.env.AWS_CONFIG_FILE = process.env.AWS_SHARED_CREDENTIALS_FILE = "/dev/null";
  for (const [, name, value] of zonemq("up", "--port", "0", "--detach").matchAll(/(AWS_\w+)=(\S+)/g)) {
    if (name === "AWS_ENDPOINT_URL_SQS") endpoint = value;
    else process.env[name] = value;
  }
}

function down() {
  zonemq("down");
  rmSync(directory, { recursive: true });
}

/** A client that was told where the cluster is. None of ours retries: an error is an error. */
function clientWithEndpoint() {
  return new SQSClient({ endpoint, maxAttempts: 1 });
}

/** A client that was told nothing: it asks the host in the URL of a queue, and warns of it. */
function clientWithoutEndpoint(warnings = []) {
  const quiet = () => {};
  const logger = { debug: quiet, info: quiet, error: quiet, warn: (text) => warnings.push(text) };
  return new SQSClient({ maxAttempts: 1, logger });
}

module.exports = { up, down, clientWithEndpoint, clientWithoutEndpoint };

// The latest entries of all nodes, the same entry in the same row.

import { byId, cells, element, keep } from "./elements.js";
import { cluster, leader, roleOf } from "./cluster.js";
import { drawSteps } from "./steps.js";

const ROWS = 24;

function words(entry) {
  if (entry.kind === "blank") return "blank";
  if (entry.kind === "membership") return `members ${entry.voters.map((id) => `n${id}`).join(" ")}`;
  if (entry.kind === "unreadable") return `unreadable: ${entry.why}`;
  const told = entry.commands.map(({ name, queue, count, messages }) => {
    const number = messages > count ? `${count}×, ${messages} messages` : `${count}×`;
    return `${name} ${number}${queue === null ? "" : ` ${queue}`}`;
  });
  return told.join("; ");
}

function mark(entry) {
  if (entry.applied) return ["●", "applied"];
  if (entry.committed) return ["◐", "committed"];
  return entry.durable ? ["□", "durable"] : ["·", "written"];
}

function cell(log, entry) {
  if (entry === undefined) return { text: "–", class: "absent" };
  const [sign, state] = mark(entry);
  const lines = [];
  if (entry.index === log.committed_index) lines.push("committed-line");
  if (entry.index === log.applied_index) lines.push("applied-line");
  return { text: `${sign} t${entry.term} ${words(entry)}, ${entry.bytes} B`, class: [state, ...lines].join(" ") };
}

// How far a log is behind the leader's: in entries, and as far as these are shown, in their bytes and in
// what the leader's clock tells between them.
function behind(log, first) {
  if (log === undefined || first === undefined) return "";
  const entries = Math.max(0, first.last_log_index - log.last_log_index);
  if (entries === 0) return " · 0 behind";
  const missing = first.entries.filter((entry) => entry.index > log.last_log_index);
  const over = missing.length < entries ? "over " : "";
  const bytes = missing.reduce((sum, entry) => sum + entry.bytes, 0);
  const stamps = first.entries.filter((entry) => entry.index >= log.last_log_index).map((entry) => entry.stamp_millis ?? null).filter((stamp) => stamp !== null);
  const millis = stamps.length < 2 ? 0 : Math.max(...stamps) - Math.min(...stamps);
  return ` · ${entries} behind: ${over}${bytes} B, ${over}${millis} ms`;
}

export function drawLog() {
  drawSteps();
  const { nodes } = cluster.picture;
  const logs = nodes.map((node) => node.seen?.log ?? null);
  const first = leader()?.log;
  const head = byId("entries").tHead;
  keep(head, [nodes], () => "head", () => element("tr"), (row) => {
    keep(row, [null, ...nodes], (node) => node?.id ?? 0, () => element("th", { scope: "col" }), (column, node) => {
      const log = node?.seen?.log;
      const text = node === null ? "index" : log === undefined ? `n${node.id}: no answer` : `n${node.id} ${roleOf(node.seen)} · applied ${log.applied_index}, committed ${log.committed_index}${behind(log, first)}`;
      if (column.textContent !== text) column.textContent = text;
    });
  });
  const known = logs.map((log) => new Map((log?.entries ?? []).map((entry) => [entry.index, entry])));
  const indexes = [...new Set(known.flatMap((entries) => [...entries.keys()]))].sort((a, b) => b - a).slice(0, ROWS);
  keep(byId("entries").tBodies[0], indexes, (index) => index, () => element("tr"), (row, index) => {
    cells(row, [{ text: String(index), class: "number" }, ...known.map((entries, at) => cell(logs[at], entries.get(index)))]);
  });
}

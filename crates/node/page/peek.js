// What one queue holds. It is asked for anew each second as long as it is looked at: others send to the
// queue, receive from it and delete it meanwhile.

import { byId, element, keep, left, say, visible } from "./elements.js";
import { seen } from "./cluster.js";
import { showGroups } from "./groups.js";

const LOOK_MILLIS = 1000;

// Which queue is shown, and when it was last asked for.
let name = null;
let askedAt = 0;
// The question whose answer is waited for: that of an earlier one may come later, of another queue.
let asked = null;

export const peeked = () => name;

function facts(message, now) {
  const ends = message.until_millis === undefined ? "" : ` ${left(message.until_millis, now)}`;
  const parts = [`${message.state.replace("_", " ")}${ends}`, `received ${message.receive_count}×`, `sent ${new Date(message.sent_at_millis).toLocaleTimeString()}`, `entry ${message.log_index}`];
  if (message.message_group !== null) parts.push(`group ${visible(message.message_group)}`);
  if (message.dead_letter_source !== null) parts.push(`from ${message.dead_letter_source}`);
  if (message.body_bytes !== null) parts.push(`${message.body_bytes} bytes${message.body_is_truncated ? ", cut here" : ""}`);
  return parts.join(" · ");
}

function draw({ messages, more, node, now_millis: now }) {
  say(byId("peek-said"), `${messages.length} messages${more ? ", and more" : ""}, as n${node} has applied them; nobody has received them by this.`, "");
  showGroups(messages, now);
  keep(byId("peeked"), messages, (message) => message.id, (message) => element("li", {},
    element("a", { class: "id", href: `#message=${message.id}` }, message.id),
    element("div", { class: "quiet" }),
    element("pre", { tabindex: 0 })),
  (item, message) => {
    const [, told, body] = item.children;
    say(told, facts(message, now));
    say(body, message.body === null ? message.body_problem : visible(message.body));
  });
}

function drawNothing(why, classes) {
  say(byId("peek-said"), why, classes);
  showGroups([], 0);
  byId("peeked").replaceChildren();
}

export async function lookAgain() {
  const mine = {};
  asked = mine;
  askedAt = performance.now();
  try {
    const answer = await fetch(`/admin/queues/${encodeURIComponent(name)}/messages?limit=${name.endsWith(".fifo") ? 100 : 20}`);
    if (!answer.ok) throw new Error(await answer.text());
    const told = await answer.json();
    if (asked === mine) draw(told);
  } catch (error) {
    if (asked === mine) drawNothing(error.message, "bad");
  }
  if (asked === mine) asked = null;
}

export function showPeek(wanted) {
  name = wanted;
  byId("peek").hidden = false;
  say(byId("peek-title"), `What ${name} holds`);
  byId("send").querySelector(".fifo-only").hidden = !name.endsWith(".fifo");
  drawNothing("Looking …", "");
  return lookAgain();
}

function close() {
  say(byId("queues-said"), `${name} is deleted.`, "");
  name = null;
  asked = null;
  if (byId("peek").contains(document.activeElement)) byId("view").focus();
  byId("peek").hidden = true;
}

export function drawPeek() {
  if (name === null) return;
  const isGone = seen().length > 0 && !seen().some((node) => node.queues.some((queue) => queue.name === name));
  if (isGone) close();
  else if (asked === null && performance.now() - askedAt > LOOK_MILLIS) lookAgain();
}

// The lessons: each says what to do, does it at the press of a button, looks, and says what it saw and
// why. While one is given, the other views show the same cluster.

import { does, foretold, isFault, labelOf, perform } from "./acts.js";
import { look } from "./checks.js";
import { Classroom, hindrance } from "./classroom.js";
import { byId, element, keep, say } from "./elements.js";
import { cluster, faults, link, own, roleOf } from "./cluster.js";

const ASK_AGAIN_MILLIS = 2000;

let course = null;
let isAsking = false;
// The lesson that is shown; how many of its steps were done; and where it takes place while it is given.
let lesson = null;
let reached = 0;
let room = null;
// The lesson that the address names, as long as the texts are not there.
let wanted = null;

function said(text, isBad = false) {
  say(byId("lesson-said"), text, isBad ? "bad" : "");
}

async function load() {
  isAsking = true;
  try {
    const answer = await fetch("/console/lessons");
    if (!answer.ok) throw new Error(await answer.text());
    course = await answer.json();
    say(byId("learn-said"), "");
    if (wanted !== null) chooseLesson(wanted);
    drawLearn();
  } catch (error) {
    say(byId("learn-said"), error.message, "bad");
    setTimeout(() => { isAsking = false; }, ASK_AGAIN_MILLIS);
  }
}

export async function chooseLesson(name) {
  wanted = name;
  if (course === null || name === lesson?.name) return;
  const found = course.lessons.find((known) => known.name === name);
  if (found === undefined) return;
  await leave("");
  // Meanwhile another one may have been chosen.
  if (wanted !== name) return;
  lesson = found;
  reached = 0;
  byId("lesson-steps").replaceChildren();
  said("");
  drawLearn();
}

// Ends the lesson that is given, if one is. The queues go, and nothing stays broken.
async function leave(last) {
  const left = room;
  room = null;
  if (left === null) return;
  try {
    said("Mending, and removing the queues of the lesson …");
    await left.leave();
    said(last);
  } catch (error) {
    said(error.message, true);
  }
}

function begin() {
  const why = hindrance(course);
  if (why !== "") return said(why, true);
  room = new Classroom(course);
  room.noteLeader();
  reached = 0;
  byId("lesson-steps").replaceChildren();
  said("");
  showStep();
  drawLearn();
  byId("lesson-steps").querySelector("button").focus();
}

// The step that is reached, with the button that does it.
function showStep() {
  const step = lesson.steps[reached];
  const given = room;
  const deed = element("p", { class: "quiet" }, does(step.act, room));
  const sentences = element("ul");
  const expected = element("div", { class: "expected", hidden: true }, "Expected:", sentences);
  const foretell = (says) => {
    expected.hidden = false;
    keep(sentences, says, (line) => line, (line) => element("li", {}, line), () => {});
  };
  const seen = element("p", { role: "status" });
  const why = element("p", { class: "why" });
  let isDoing = false;
  let isBroken = false;
  const act = async () => {
    if (isDoing || room !== given) return;
    isDoing = true;
    button.setAttribute("aria-disabled", "true");
    say(seen, "Looking …", "");
    try {
      // What is broken already is not broken once more.
      if (!isBroken) await perform(step.act, given, foretell);
      isBroken = isFault(step.act);
      const [isSo, words] = await look(step, given);
      tell(isSo, words);
    } catch (error) {
      tell(false, error.message);
    }
    isDoing = false;
    button.removeAttribute("aria-disabled");
  };
  const tell = (isSo, words) => {
    if (room !== given) return;
    say(seen, isSo ? `✓ Seen: ${words}` : `✗ Not yet: ${words}`, isSo ? "good" : "bad");
    if (!isSo) return say(button, "Try again");
    const hadFocus = document.activeElement === button;
    button.remove();
    say(why, `Why: ${step.why}`);
    reached += 1;
    drawLearn();
    next(hadFocus);
  };
  const button = element("button", { type: "button", click: act }, labelOf(step.act));
  byId("lesson-steps").append(element("li", {}, element("p", {}, element("strong", {}, `${reached + 1}. `), step.says), deed, expected, button, seen, why));
  // Whoever asks in vain is told so when the button is pressed.
  if (isFault(step.act)) foretold(step.act, given).then(foretell, () => {});
}

// Goes on after a step; the focus goes with it.
async function next(hadFocus) {
  if (reached < lesson.steps.length) {
    showStep();
    const last = byId("lesson-steps").lastElementChild;
    last.scrollIntoView({ block: "nearest" });
    if (hadFocus) last.querySelector("button").focus();
    return;
  }
  await leave("The end of the lesson. Its queues are gone, and nothing stays broken.");
  drawLearn();
  if (hadFocus) byId(byId("lesson-next").hidden ? "lesson-begin" : "lesson-next").focus();
}

// What the learner changes and watches, in short.
function facts({ id, seen }) {
  if (seen === null) return `n${id} no answer`;
  const others = cluster.picture.nodes.filter((node) => node.id !== id);
  const isAway = others.length > 0 && others.every((node) => link(id, node.id).state === "cut");
  const isUnheard = faults().some(({ effects }) => effects.some((effect) => effect.on === "clients" && effect.node === id));
  const broken = isAway ? " · ✕ cut off" : isUnheard ? " · ✕ its answers are lost" : "";
  return `n${id} ${roleOf(seen)}, term ${seen.term}, log ${seen.last_log_index}, committed ${seen.committed_index}${broken}`;
}

function drawList() {
  byId("lessons").classList.toggle("chosen", lesson !== null);
  keep(byId("lessons"), course.lessons, ({ name }) => name, ({ name, title, goal }) =>
    element("li", {}, element("a", { href: `#learn=${name}` }, title), element("div", { class: "quiet" }, goal)),
  (item, { name }) => {
    const [address] = item.children;
    if (name === lesson?.name) address.setAttribute("aria-current", "true");
    else address.removeAttribute("aria-current");
  });
}

export function drawLearn() {
  const isOn = own()?.faults_enabled ?? false;
  byId("learn-off").hidden = isOn;
  byId("learn-on").hidden = !isOn;
  if (course === null && !isAsking) load();
  if (course === null || !isOn) return;
  drawList();
  byId("lesson").hidden = lesson === null;
  if (lesson === null) return;
  say(byId("lesson-title"), lesson.title);
  say(byId("lesson-goal"), `Goal: ${lesson.goal}`);
  byId("lesson-begin").hidden = room !== null;
  byId("lesson-end").hidden = room === null;
  say(byId("lesson-begin"), reached > 0 ? "Begin again" : "Begin");
  const steps = lesson.steps.length;
  const following = course.lessons[course.lessons.indexOf(lesson) + 1];
  byId("lesson-next").hidden = room !== null || reached < steps || following === undefined;
  byId("lesson-next").href = `#learn=${following?.name}`;
  say(byId("lesson-next"), `Next: ${following?.title}`);
  say(byId("lesson-place"), room === null ? `${steps} steps` : `Step ${Math.min(reached + 1, steps)} of ${steps}`);
  byId("lesson-nodes").hidden = room === null;
  keep(byId("lesson-nodes"), cluster.picture.nodes, ({ id }) => id, () => element("li"), (item, node) => say(item, facts(node)));
}

byId("lesson-begin").addEventListener("click", begin);
byId("lesson-end").addEventListener("click", async () => {
  const ended = leave("The lesson has ended. Its queues are gone, and nothing stays broken.");
  reached = 0;
  byId("lesson-steps").replaceChildren();
  drawLearn();
  byId("lesson-begin").focus();
  await ended;
});
addEventListener("pagehide", () => {
  room?.leaveAtOnce();
  room = null;
});

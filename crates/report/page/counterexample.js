// Broken promises in plain words, each with the calls that show it.

const TOLD_AT_ONCE = 3;

function counterexample() {
  document.getElementById("counterexample").hidden = violations.length === 0;
  document.querySelector('nav [data-for="counterexample"]').hidden = violations.length === 0;
  const items = violations.map(violationItem);
  const more = items.splice(TOLD_AT_ONCE);
  const list = document.querySelector(".violations");
  list.append(...items);
  if (more.length === 0) return;
  list.after(
    element(
      "details",
      {},
      element("summary", {}, `${more.length} more`),
      element("ol", { class: "violations" }, ...more),
    ),
  );
}

function violationItem(violation, place) {
  const where = whenViolated(violation);
  const show = () => view.jump(where.from, where.to, { kind: "violation", it: violation, place });
  return element(
    "li",
    {},
    element("h3", {}, element("span", { class: "flag" }, String(place + 1)), ` Broken: ${violation.promise}`),
    element("p", { class: "story" }, violation.story),
    violation.at === null ? null : element("p", { class: "muted" }, `Certain since ${seconds(violation.at)}.`),
    element("ol", { class: "calls" }, ...callsOfViolation.get(violation).map(callLine)),
    where === null ? null : button("Show in the diagram", show, { class: "show" }),
  );
}

function callLine(call) {
  return element(
    "li",
    {},
    momentButton(call.from, () => view.jumpToCall(call)),
    outcomeMark(call.end),
    element(
      "span",
      {},
      element("b", {}, call.operation),
      ` by ${call.client} in zone ${call.zone}: ${call.words}`,
      call.told === "" ? null : element("span", { class: "told" }, ` → ${call.told}`),
    ),
  );
}

// Shape and colour of an outcome, with its word for those who see neither.
function outcomeMark(end) {
  return element("span", { class: `outcome ${end}` }, OUTCOMES[end].words);
}

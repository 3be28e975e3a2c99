// The top of the page: how the run ended, what it was, and the line that runs it again.

const VERDICTS = {
  pass: { words: () => "Every promise was kept", mark: "M5 13 l5 5 L19 7" },
  violation: {
    words: () => (violations.length === 1 ? "A promise was broken" : `${violations.length} promises were broken`),
    mark: "M6 6 L18 18 M18 6 L6 18",
  },
  unknown: { words: () => "Nothing can be said", mark: "M8 9 a4 4 0 1 1 5 4 q-1 .5 -1 2 M12 18 v1" },
};

function headline() {
  const { words, mark } = VERDICTS[run.verdict.kind];
  document.title = `${run.scenario}: ${words()} · zonemq`;
  document.getElementById("headline").append(
    element("p", { class: "eyebrow" }, "zonemq · a run of a cluster"),
    element("h1", {}, run.scenario),
    element("p", { class: `verdict ${run.verdict.kind}` }, drawn(mark), element("strong", {}, words())),
    element("p", { class: "summary" }, run.verdict.kind === "unknown" ? `${run.verdict.reason} ` : "", run.summary),
    facts(),
    ...(run.replay === null ? [] : [replay()]),
  );
  document.querySelector("#teaches p").textContent = run.teaches;
  document.getElementById("teaches").hidden = run.teaches === "";
}

function drawn(path) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
  line.setAttribute("d", path);
  svg.append(line);
  return svg;
}

function facts() {
  const told = [
    ["Seed", run.seed ?? "none: this run cannot be repeated"],
    ["Length", seconds(run.end, 1)],
    ["Healed", run.healed === null ? "never" : `at ${seconds(run.healed, 1)}`],
    ["Cluster", `${count(run.nodes.length, "node")} in ${count(zones.length, "zone")}`],
    ["Faults", run.faults.length.toLocaleString("en")],
    ["Calls", run.calls.length.toLocaleString("en")],
    ["RPCs", run.rpcs.length.toLocaleString("en")],
  ];
  return element(
    "dl",
    { class: "facts" },
    ...told.map(([name, value]) => element("div", {}, element("dt", {}, name), element("dd", {}, value))),
  );
}

function replay() {
  const line = element("code", { id: "replay", tabindex: "0" }, run.replay);
  const copy = button("Copy", async () => {
    copy.textContent = (await copied(line)) ? "Copied" : "Selected: press Ctrl+C";
    setTimeout(() => (copy.textContent = "Copy"), 2500);
  });
  return element("div", { class: "replay" }, element("span", {}, "Run it again"), line, copy);
}

// A page opened as a file may not write to the clipboard: then the line is selected at least.
async function copied(line) {
  try {
    await navigator.clipboard.writeText(line.textContent);
    return true;
  } catch {
    getSelection().selectAllChildren(line);
    return false;
  }
}

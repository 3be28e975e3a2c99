// The tables of the page: log lines, operations, coverage; and what was left out.

const LEVELS = ["ERROR", "WARN", "INFO", "DEBUG", "TRACE"];

function logTable() {
  pagedTable(document.getElementById("logs"), {
    what: "line",
    caption: "Lines of the nodes’ logs",
    rows: run.logs,
    columns: [
      ["Time", (line) => momentButton(line.at, () => view.jump(line.at, line.at, { kind: "log", it: line }))],
      ["Node", (line) => nodeName(line.node)],
      ["Level", (line) => element("span", { class: `level ${line.level.toLowerCase()}` }, line.level)],
      ["Text", (line) => element("span", { class: "text" }, line.text)],
    ],
    filters: (filter) => [
      choice("Node", "all", run.nodes.map(({ name }) => name), (name) =>
        filter("node", name === "" ? null : (line) => nodeName(line.node) === name)),
      choice("Level at least", "any", LEVELS.filter((level) => run.logs.some((line) => line.level === level)), (level) =>
        filter("level", level === "" ? null : (line) => LEVELS.indexOf(line.level) <= LEVELS.indexOf(level))),
      textFilter("Text", filter, (line) => line.text),
      windowFilter(filter, (line) => ({ from: line.at, to: line.at })),
    ],
  });
}

function operationTable() {
  pagedTable(document.querySelector("#operations .table"), {
    what: "call",
    caption: "What clients asked for, and were told",
    rows: run.calls,
    columns: [
      ["Time", (call) => momentButton(call.from, () => view.jumpToCall(call))],
      ["Call", (call) => String(call.number)],
      ["Client", (call) => `${call.client} (${call.zone})`],
      ["Operation", (call) => call.operation],
      ["Asked", (call) => element("span", { class: "text" }, call.words)],
      ["Outcome", (call) => outcomeMark(call.end)],
      ["Told", (call) => element("span", { class: "text" }, call.told)],
      ["Took", (call) => (call.to === null ? "never ended" : duration(call.to - call.from))],
    ],
    filters: (filter) => [
      choice("Client", "all", clients, (client) =>
        filter("client", client === "" ? null : (call) => call.client === client)),
      choice("Operation", "all", [...new Set(run.calls.map((call) => call.operation))].sort(), (operation) =>
        filter("operation", operation === "" ? null : (call) => call.operation === operation)),
      choice("Outcome", "all", Object.values(OUTCOMES).map(({ words }) => words), (words) =>
        filter("outcome", words === "" ? null : (call) => OUTCOMES[call.end].words === words)),
      textFilter("Queue or text", filter, (call) => `${call.words} ${call.told}`),
      windowFilter(filter, (call) => ({ from: call.from, to: endOf(call) })),
    ],
  });
}

function coverageTable() {
  const place = document.querySelector("#coverage .table");
  if (run.coverage.length === 0) {
    place.append(element("p", {}, "Nothing was counted."));
    return;
  }
  place.append(
    element(
      "table",
      {},
      element("thead", {}, element("tr", {}, element("th", { scope: "col" }, "What"), element("th", { scope: "col" }, "How often"))),
      element("tbody", {}, ...run.coverage.map(([name, times]) =>
        element("tr", { class: times === 0 ? "never" : null }, element("td", {}, name), element("td", { class: "number" }, times === 0 ? "never" : times.toLocaleString("en"))))),
    ),
  );
}

function leftOut() {
  document.getElementById("left-out").hidden = run.left_out.length === 0;
  document.querySelector("#left-out ul").append(...run.left_out.map((line) => element("li", {}, line)));
}

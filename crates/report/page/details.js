// Tells all about one thing of the diagram, in the panel beside it.

const TOLD = {
  call: (call) => ({
    title: `${call.operation}, call ${call.number}`,
    facts: [
      ["Outcome", outcomeMark(call.end)],
      ["Client", `${call.client}, zone ${call.zone}`],
      ["Asked", call.words],
      ["Told", call.told === "" ? "nothing" : call.told],
      ["When", from(call.from, call.to)],
      ["Took", call.to === null ? "it never ended" : duration(call.to - call.from)],
      ...(blamed.get(call) ?? []).map((place) => ["Shows", `broken promise ${place + 1}: ${violations[place].promise}`]),
    ],
  }),
  rpc: (rpc) => ({
    title: `${rpc.kind}: ${nodeName(rpc.from)} → ${nodeName(rpc.to)}`,
    facts: [
      ["Says", rpc.words],
      ["Sent", seconds(rpc.sent, 6)],
      ["Arrived", rpc.received === null ? "never" : seconds(rpc.received, 6)],
      ["Took", rpc.received === null ? "lost on the way" : duration(rpc.received - rpc.sent)],
    ],
  }),
  role: (band) => ({
    title: `${nodeName(band.node)}: ${ROLES[band.role].words}`,
    facts: [
      ["Term", String(band.term)],
      ["When", from(band.from, band.to)],
      ["For", duration(band.to - band.from)],
      ["Its log at first", logWords(sampleAt(band.node, band.from))],
      ["Its log at last", logWords(sampleAt(band.node, band.to))],
    ],
  }),
  log: (line) => ({
    title: `${nodeName(line.node)} said`,
    facts: [
      ["When", seconds(line.at, 6)],
      ["Level", line.level],
      ["Text", line.text],
    ],
  }),
  progress: (sample) => ({
    title: `The log of ${nodeName(sample.node)}`,
    facts: [
      ["When", seconds(sample.at)],
      ["Last entry", sample.last.toLocaleString("en")],
      ["Committed", sample.committed.toLocaleString("en")],
      ["Applied", sample.applied.toLocaleString("en")],
    ],
  }),
  fault: (fault) => ({
    title: `Fault #${fault.number}: ${fault.kind}`,
    facts: [
      ["What", fault.words],
      ["Met", fault.nodes.length === 0 ? "no node" : fault.nodes.map(nodeName).join(", ")],
      ["When", from(fault.from, fault.to)],
      ["For", duration(fault.to - fault.from)],
    ],
  }),
  violation: (violation) => ({
    title: `Broken: ${violation.promise}`,
    facts: [
      ["Story", violation.story],
      ["Certain", violation.at === null ? "at no one moment" : `since ${seconds(violation.at)}`],
      ["Calls", callsOfViolation.get(violation).map((call) => call.number).join(", ")],
    ],
  }),
};

function from(start, end) {
  return `${seconds(start)} to ${end === null ? "the end" : seconds(end)}`;
}

function logWords(sample) {
  if (sample === undefined) return "not known";
  const [last, committed, applied] = [sample.last, sample.committed, sample.applied].map((it) => it.toLocaleString("en"));
  return `last entry ${last}, committed ${committed}, applied ${applied}`;
}

const details = {
  panel: document.getElementById("details"),
  shown: undefined,

  tell(thing) {
    if (this.shown === (thing?.it ?? null)) return;
    this.shown = thing?.it ?? null;
    if (thing === null) {
      this.panel.replaceChildren(
        element("p", { class: "muted" }, "Point at something in the diagram, and it is told here. Click to keep it."),
      );
      return;
    }
    const { title, facts } = TOLD[thing.kind](thing.it);
    this.panel.replaceChildren(
      element("h3", {}, title),
      element("dl", {}, ...facts.filter(([, value]) => value !== "").flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)])),
    );
  },
};

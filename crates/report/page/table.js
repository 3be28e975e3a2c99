// A table that is filtered and paged: only the rows of one page are in the document.

const PAGE_ROWS = 25;

// `columns` are `[heading, cell of a row]`; `tests` are functions of a row, changed by the filters.
function pagedTable(place, { what, caption, rows, columns, filters }) {
  const tests = new Map();
  let page = 0;
  let found = rows;

  const body = element("tbody");
  const where = element("output", {});
  const earlier = button("Previous", () => turn(-1));
  const later = button("Next", () => turn(1));

  function turn(by) {
    page += by;
    write();
  }

  // A filter says what a row must pass, or `null` for anything.
  function filter(name, test) {
    if (test === null) tests.delete(name);
    else tests.set(name, test);
    refresh();
  }

  function refresh() {
    found = rows.filter((row) => [...tests.values()].every((test) => test(row)));
    page = 0;
    write();
  }

  function write() {
    const pages = Math.max(1, Math.ceil(found.length / PAGE_ROWS));
    const shown = found.slice(page * PAGE_ROWS, (page + 1) * PAGE_ROWS);
    body.replaceChildren(...shown.map((row) => element("tr", {}, ...columns.map(([, cell]) => element("td", {}, cell(row))))));
    where.textContent = `${count(found.length, what)}${found.length === rows.length ? "" : ` of ${rows.length.toLocaleString("en")}`}, page ${page + 1} of ${pages}`;
    earlier.disabled = page === 0;
    later.disabled = page + 1 >= pages;
  }

  place.append(
    element("div", { class: "filters", role: "group", "aria-label": `Filters: ${caption}` }, ...filters(filter)),
    element(
      "div",
      { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
      element(
        "table",
        {},
        element("caption", {}, caption),
        element("thead", {}, element("tr", {}, ...columns.map(([heading]) => element("th", { scope: "col" }, heading)))),
        body,
      ),
    ),
    element("div", { class: "pages" }, earlier, later, where),
  );
  write();
  return { refresh };
}

// Filters that more than one table has.
function textFilter(label, filter, textOf) {
  const input = element("input", {
    type: "search",
    oninput: () => {
      const wanted = input.value.trim().toLowerCase();
      filter("text", wanted === "" ? null : (row) => textOf(row).toLowerCase().includes(wanted));
    },
  });
  return element("label", {}, `${label} `, input);
}

// Keeps to what the diagram shows, for as long as it is asked to.
function windowFilter(filter, momentsOf) {
  let on = false;
  const inside = (row) => {
    const { from, to } = momentsOf(row);
    return inWindow(from, to);
  };
  view.watch(() => on && filter("window", inside));
  return checkbox("only what the diagram shows", false, (checked) => {
    on = checked;
    filter("window", on ? inside : null);
  });
}

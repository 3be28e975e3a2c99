// Tables with filters, a page at a time.

const ROWS = 200;

/**
 * A table of `rows` with `columns` (each a title and a function that fills a cell), and with a list
 * of choices for each of `filters` (each a title and a function that gives a row's value).
 */
function table(id, rows, columns, filters, place) {
  const chosen = new Map();
  let first = 0;
  const target = document.getElementById(id);
  const tools = place && document.getElementById(place);

  function fill() {
    const kept = rows.filter((row) => filters.every(([title, of]) => !chosen.get(title) || String(of(row)) === chosen.get(title)));
    first = Math.min(first, Math.max(0, kept.length - 1));
    const head = element("tr");
    for (const [title] of columns) head.append(element("th", title));
    const body = kept.slice(first, first + ROWS).map((row) => {
      const line = element("tr");
      for (const [, of] of columns) {
        const cell = element("td");
        const content = of(row, cell);
        cell.append(content ?? "");
        line.append(cell);
      }
      return line;
    });
    const last = Math.min(first + ROWS, kept.length);
    target.replaceChildren(element("caption", kept.length ? `${first + 1} to ${last} of ${kept.length}` : "none"), head, ...body);
  }

  for (const [title, of] of filters) {
    const wrap = element("label", `${title} `);
    const list = element("select");
    list.append(element("option", "all"));
    for (const value of new Set(rows.map((row) => String(of(row))))) list.append(element("option", value));
    list.addEventListener("change", () => {
      chosen.set(title, list.selectedIndex ? list.value : "");
      first = 0;
      fill();
    });
    wrap.append(list);
    tools.append(wrap);
  }
  if (tools && rows.length > ROWS) {
    for (const [title, by] of [["Previous", -ROWS], ["Next", ROWS]]) {
      const button = element("button", title);
      button.type = "button";
      button.addEventListener("click", () => { first = Math.max(0, first + by); fill(); });
      tools.append(button);
    }
  }
  fill();
}

/** Words that may take more than a line. */
function long(words, cell) {
  cell.className = "text";
  return words;
}

/** A moment that shows itself in the diagram. */
function jumpTo(at) {
  const button = element("button", moment(at));
  button.type = "button";
  button.addEventListener("click", () => view.jump(at));
  return button;
}

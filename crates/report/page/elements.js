// Elements of the page. Whatever a run says becomes text, never HTML: there is no other way in here.

// `on…` attributes are listeners, `null` and `false` leave an attribute out.
function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === false) continue;
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

function button(words, onclick, attributes = {}) {
  return element("button", { type: "button", onclick, ...attributes }, words);
}

// A labelled choice; the first option is "all of them".
function choice(label, all, options, onchange) {
  const select = element(
    "select",
    { onchange: () => onchange(select.value) },
    element("option", { value: "" }, all),
    ...options.map((option) => element("option", { value: option }, option)),
  );
  return element("label", {}, `${label} `, select);
}

function checkbox(label, checked, onchange, mark = null) {
  const box = element("input", { type: "checkbox", checked, onchange: () => onchange(box.checked) });
  return element("label", { class: "check" }, box, mark, label);
}

// A moment that can be gone to.
function momentButton(moment, go) {
  return button(seconds(moment), go, { class: "moment", title: "Show this in the diagram" });
}

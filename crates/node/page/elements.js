// Builds and updates what is on the page. All text goes in as text: nothing here reads markup.

const SVG = "http://www.w3.org/2000/svg";

export const byId = (id) => document.getElementById(id);

function filled(made, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (typeof value === "function") made.addEventListener(name, value);
    else if (value !== null && value !== undefined && value !== false) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children);
  return made;
}

export const element = (tag, properties = {}, ...children) => filled(document.createElement(tag), properties, children);

export const drawn = (tag, properties = {}, ...children) => filled(document.createElementNS(SVG, tag), properties, children);

// Touches the page only where it says something else now.
export function say(node, text, classes) {
  if (node.textContent !== text) node.textContent = text;
  if (classes !== undefined && node.getAttribute("class") !== classes) node.setAttribute("class", classes);
}

// One child for each item, kept as long as the item's key stays: what has the focus keeps it.
export function keep(parent, items, key, make, update) {
  const old = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  let place = parent.firstElementChild;
  for (const item of items) {
    const name = String(key(item));
    let child = old.get(name);
    if (child === undefined) {
      child = make(item);
      child.dataset.key = name;
    }
    old.delete(name);
    if (child === place) place = place.nextElementSibling;
    else parent.insertBefore(child, place);
    update(child, item);
  }
  for (const gone of old.values()) gone.remove();
}

// Cells of a row, by their place.
export function cells(row, texts) {
  while (row.children.length < texts.length) row.append(element("td"));
  while (row.children.length > texts.length) row.lastElementChild.remove();
  texts.forEach((text, place) => {
    if (typeof text === "string") say(row.children[place], text);
    else if (text !== null) say(row.children[place], text.text, text.class);
  });
}

// A button that asks once more before it does what cannot be undone.
export function sureButton(name, sure, act) {
  let asked = 0;
  const reset = () => {
    clearTimeout(asked);
    asked = 0;
    say(button, name, "");
  };
  const button = element("button", {
    type: "button",
    click: () => {
      if (asked === 0) {
        say(button, sure(), "sure");
        asked = setTimeout(reset, 4000);
      } else {
        reset();
        act();
      }
    },
    blur: reset,
  }, name);
  return button;
}

// How long it is until a moment, in words.
export const left = (until, now) => `for ${Math.max(0, Math.round((until - now) / 1000))} s more`;

// Characters that a reader could not see, or that would turn the text around, by their names.
export function visible(text) {
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f]/g, (character) => {
    const code = character.charCodeAt(0);
    return String.fromCharCode(code === 0x7f ? 0x2421 : 0x2400 + code);
  }).replace(/[\u0080-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g, (character) => `⟨U+${character.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}⟩`);
}

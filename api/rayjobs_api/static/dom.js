// What both pages build their elements with. Text is always set as text: nothing that the API answers is parsed as HTML.

/** Return a new element: `el("p.note", {title}, "text", child)`. */
export function el(selector, attributes = {}, ...children) {
  const [tag, ...classes] = selector.split(".");
  const element = document.createElement(tag || "div");
  element.classList.add(...classes);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== null) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
  return element;
}

/** Set an element's text only if it differs, so that a selection survives. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * Make `parent` hold one child for each row, in their order; a child whose key was there before is kept,
 * so that its bar moves instead of jumping.
 */
export function sync(parent, rows, key, make, fill) {
  const before = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  rows.forEach((row, index) => {
    let child = before.get(key(row));
    if (!child) {
      child = make(row);
      child.dataset.key = key(row);
    }
    before.delete(key(row));
    fill(child, row);
    if (parent.children[index] !== child) parent.insertBefore(child, parent.children[index] ?? null);
  });
  for (const gone of before.values()) gone.remove();
}

// Building elements. Data only ever becomes text or an attribute, never markup.

const svgNamespace = 'http://www.w3.org/2000/svg';

export const byID = (id) => document.getElementById(id);

/** An element with attributes and children; `text` and `on…` are what they are in the DOM, nullish is left out. */
export function element(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

export function svg(name, attributes = {}, ...children) {
  return fill(document.createElementNS(svgNamespace, name), attributes, children);
}

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === 'text') node.textContent = value;
    else if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? '' : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

/** Leaves the node alone when it already says so, which keeps selections and spares screen readers. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/**
 * Makes the rows of a table body say what `rows` says, reusing what is there.
 * A cell is a text, or `{text, kind, title}` with a class and a tooltip; `labels` name the columns on a phone.
 */
export function setRows(body, rows, labels) {
  while (body.rows.length > rows.length) body.deleteRow(-1);
  rows.forEach((cells, index) => {
    const row = body.rows[index] ?? body.insertRow();
    cells.forEach((cell, column) => {
      const { text, kind = '', title } = typeof cell === 'object' ? cell : { text: cell };
      const place = row.cells[column] ?? row.insertCell();
      place.dataset.label = labels[column];
      if (!place.firstChild) place.append(element('span'));
      const content = place.firstChild;
      setText(content, text);
      if (content.className !== kind) content.className = kind;
      if (title) content.title = title;
      else content.removeAttribute('title');
    });
  });
}

/** A button that keeps its focus while it can't be used. */
export function setEnabled(button, enabled) {
  if (enabled) button.removeAttribute('aria-disabled');
  else button.setAttribute('aria-disabled', 'true');
}

export const isEnabled = (button) => button.getAttribute('aria-disabled') !== 'true';

/** Puts a text on the clipboard, or where the browser doesn't allow that, into a dialog to copy it from. */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    byID('copy-text-area').value = text;
    byID('copy-dialog').showModal();
    byID('copy-text-area').select();
    return false;
  }
}

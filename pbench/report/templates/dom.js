// Elements from data. Text is only ever set as text: nothing on this page is parsed as markup.
const SVG_SPACE = document.getElementById("svg-space").namespaceURI;

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

function h(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

function s(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG_SPACE, tag), attributes, children);
}

// Words of style that depend on data: set through the object model, which the page's policy allows.
function styled(element, properties) {
  for (const [name, value] of Object.entries(properties)) element.style.setProperty(name, value);
  return element;
}

function button(label, onclick, attributes = {}) {
  return h("button", { type: "button", onclick, ...attributes }, label);
}

function choice(label, options, value, onchange, attributes = {}) {
  const select = h("select", { onchange: () => onchange(select.value), ...attributes });
  for (const [key, text] of options) select.append(h("option", { value: key, selected: key === value }, text));
  return h("label", { class: "field" }, h("span", {}, label), select);
}

const NONE = "–";

function percent(share, digits = 1) {
  return share === null ? NONE : (100 * share).toFixed(digits).replace(/\.0+$/, "");
}

function interval(low, high) {
  return low === null || low === undefined ? "" : `${(100 * low).toFixed(0)}–${(100 * high).toFixed(0)}`;
}

function fixed(value, digits = 2) {
  return value === null || value === undefined ? NONE : value.toFixed(digits).replace(/^-(0\.?0*)$/, "$1");
}

function count(number, noun) {
  return `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
}

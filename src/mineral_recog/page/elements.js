// Making elements. Texts are inserted as text, never as HTML.

import { unbroken } from "./texts.js";

export function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children.filter((child) => child !== null).map((child) => (typeof child === "string" ? unbroken(child) : child)));
  return node;
}

// The line that says what the page does, the errors, and whether the answer is out of date.

import { text } from "./state.js";
import { unbroken } from "./texts.js";

export const byId = (id) => document.getElementById(id);

export function setStatus(message) {
  const shown = unbroken(message);
  if (byId("status").textContent !== shown) byId("status").textContent = shown;
}

export function setWorking(message) {
  byId("answer").setAttribute("aria-busy", message ? "true" : "false");
  document.body.classList.toggle("working", Boolean(message));
  if (!message) return;
  setStatus(message);
}

// Dim an answer that lacks the last change of photos, squares or evidence.
export const setStale = (stale) => document.body.classList.toggle("stale", stale);
export const isStale = () => document.body.classList.contains("stale");

export function showError(...errors) {
  if (errors.length === 0) return;
  const lines = errors.map((error) => (error.about ? `${error.about}${text().colon}` : "") + (error.key ? text()[error.key] : error.message));
  if (isStale()) lines.push(text().stale);
  byId("alert").textContent = [...new Set(lines)].join(" ");
  byId("alert").hidden = false;
  byId("alert").scrollIntoView({ block: "nearest" });
}

export function hideErrors() {
  byId("alert").hidden = true;
  byId("alert").textContent = "";
}

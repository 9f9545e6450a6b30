// The line that says what the page does, and the errors.

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

export function showError(error, text) {
  byId("alert").textContent = error.key ? text[error.key] : error.message;
  byId("alert").hidden = false;
  byId("alert").scrollIntoView({ block: "nearest" });
  setStatus("");
}

export function hideErrors() {
  for (const id of ["alert", "form-alert"]) {
    byId(id).hidden = true;
    byId(id).textContent = "";
  }
}

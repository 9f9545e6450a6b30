// The line that says what the page does, and the errors.

export const byId = (id) => document.getElementById(id);

export function setStatus(message) {
  if (byId("status").textContent !== message) byId("status").textContent = message;
}

export function setWorking(message) {
  byId("answer").setAttribute("aria-busy", message ? "true" : "false");
  document.body.classList.toggle("working", Boolean(message));
  if (!message) return;
  byId("status").classList.remove("hidden");
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

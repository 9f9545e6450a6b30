// The photo shown large with its square and heat map, and the thumbnails of all photos.

import { element } from "./elements.js";
import { showFrame } from "./framing.js";
import { showHeat } from "./heat.js";
import { state, text } from "./state.js";
import { byId } from "./status.js";

export function showPhotos() {
  const { photos, chosen } = state;
  document.body.classList.toggle("begun", photos.length > 0);
  byId("stage").hidden = chosen === null;
  byId("invitation").hidden = photos.length > 0;
  byId("anew").hidden = photos.length === 0;
  document.querySelector("label[for=take]").textContent = photos.length ? text().takeMore : text().take;
  document.querySelector("label[for=choose]").textContent = photos.length ? text().chooseMore : text().choose;
  const unsent = photos.filter((photo) => photo.unsent).length;
  byId("unsent").hidden = unsent === 0;
  byId("unsent-count").textContent = text().unsent(unsent);
  showStage();
  byId("thumbnails").hidden = photos.length === 0;
  showThumbnails();
}

export function showStage() {
  const { photos, chosen } = state;
  const visible = chosen !== null && chosen.url !== null;
  byId("frame").hidden = !visible;
  byId("unseen").hidden = visible || !chosen?.answer;
  byId("photo").alt = chosen === null ? "" : text().photo(photos.indexOf(chosen) + 1);
  if (visible && byId("photo").getAttribute("src") !== chosen.url) byId("photo").src = chosen.url;
  showFrame();
  showHeat();
}

// Draw the thumbnails, and leave the focus where it is.
function showThumbnails() {
  const focused = [...byId("thumbnails").querySelectorAll("button")].indexOf(document.activeElement);
  byId("thumbnails").replaceChildren(...state.photos.map(thumbnail));
  if (focused >= 0) byId("thumbnails").querySelectorAll("button")[focused]?.focus();
}

function thumbnail(photo, index) {
  const chosen = photo === state.chosen;
  const label = photo.unsent ? `${text().photo(index + 1)} (${text().notSent})` : text().photo(index + 1);
  const selectButton = element("button", { type: "button", class: "pick", "aria-pressed": String(chosen), "aria-label": label, "data-select": index });
  selectButton.append(photo.url === null ? String(index + 1) : element("img", { src: photo.url, alt: "" }));
  const removeButton = element("button", { type: "button", class: "remove", "aria-label": text().remove(index + 1), "data-remove": index }, "×");
  const mark = photo.unsent ? element("span", { class: "unsent", "aria-hidden": "true" }, text().notSent) : null;
  return element("li", { class: photo.answer === null ? "waiting" : "" }, selectButton, removeButton, mark);
}

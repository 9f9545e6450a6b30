// Training photos of a mineral, and the dialogue that shows one of them large.

import { element } from "./elements.js";
import { getPhotos } from "./server.js";
import { state } from "./state.js";
import { byId } from "./status.js";

const requested = new Map(); // model and class -> promise of its photos

// A thumbnail that opens the dialogue.
export function photoButton(thumbnail, name) {
  const image = element("img", { src: thumbnail, alt: name, width: "96", height: "96" });
  return element("button", { type: "button", class: "enlarge" }, image);
}

// Fill a list with training photos of a class; it stays empty if there are none, or no server.
export async function fillExamples(list, label, name) {
  const key = `${state.modelInfo?.model} ${label}`;
  if (!requested.has(key)) requested.set(key, getPhotos(label, state.language));
  try {
    const { photos } = await requested.get(key);
    list.replaceChildren(...photos.map(({ thumbnail }) => element("li", {}, photoButton(thumbnail, name))));
    list.hidden = photos.length === 0;
  } catch {
    requested.delete(key);
  }
}

export function startViewer() {
  document.addEventListener("click", (event) => {
    const image = event.target.closest?.(".enlarge")?.querySelector("img");
    if (!image) return;
    byId("enlarged").src = image.src;
    byId("enlarged").alt = "";
    byId("enlarged-name").textContent = image.alt;
    byId("viewer").showModal();
  });
  byId("viewer").addEventListener("click", () => byId("viewer").close());
}

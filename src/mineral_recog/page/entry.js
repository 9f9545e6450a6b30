// The section about the specimen's place in the field book: notes, place, and which mineral it really is.

import { element } from "./elements.js";
import { dateOf, placeOf } from "./entries.js";
import { keep, keepNow } from "./keeping.js";
import { readPlace } from "./place.js";
import { names, state, text } from "./state.js";
import { byId } from "./status.js";

const FOLDER_NAME = /^(?![.=+\-@])[^/\\:*?"<>|\p{C}]+(?<![.\s])$/u; // names of classes become names of folders
const MAX_NAME_BYTES = 200;
const ASKED_KEY = "mineral-recog.persist";
let isKept = true; // whether the browser could save the last change

export function showEntry() {
  const { book, photos } = state;
  byId("entry").hidden = photos.length === 0;
  byId("save").hidden = photos.length === 0 || book !== null;
  byId("in-book").textContent = book === null ? text().notInBook : text().inBook(dateOf({ book }, state.language));
  byId("in-book").hidden = !isKept;
  if (document.activeElement !== byId("notes")) byId("notes").value = book?.notes ?? "";
  const place = book?.place ?? null;
  byId("place").textContent = place === null ? "" : placeOf(place);
  byId("add-place").textContent = place === null ? text().addPlace : text().newPlace;
  byId("remove-place").hidden = place === null;
  const correction = book?.correction ?? null;
  if (document.activeElement !== byId("right-name")) byId("right-name").value = correction?.names[state.language] ?? "";
  byId("corrected").textContent = correction === null ? "" : text().corrected(correction.names[state.language]);
  byId("remove-correction").hidden = correction === null;
}

// Fill in the names that are proposed for the right mineral.
export function showNames() {
  const labels = state.modelInfo?.classes.map((entry) => entry.class) ?? [];
  byId("known-names").replaceChildren(...labels.map((label) => element("option", { value: names(label)[state.language] })));
}

// Put the specimen into the field book, or change what the field book holds of it.
export async function record(changes = {}) {
  if (state.photos.length === 0) return false;
  say("");
  if (state.book === null) askToPersist();
  state.book = { ...(state.book ?? { saved: Date.now(), notes: "", place: null, correction: null }), ...changes };
  keep();
  return keepNow();
}

// Ask the browser, once, not to clear the storage by itself.
function askToPersist() {
  try {
    if (localStorage.getItem(ASKED_KEY)) return;
    localStorage.setItem(ASKED_KEY, "yes");
    navigator.storage?.persist?.().catch(() => {});
  } catch {} // storage is forbidden, which is said after saving
}

// Show whether the last change is saved.
export function showKept(kept) {
  isKept = kept || state.book === null;
  if (!isKept) say(text().notSaved);
  else if (byId("entry-alert").textContent === text().notSaved) say("");
  showEntry();
}

function writeNotes() {
  const notes = byId("notes").value;
  if (state.book === null) record({ notes });
  else state.book = { ...state.book, notes };
  keep();
}

export function say(message, isError = true) {
  byId("entry-alert").className = isError ? "alert" : "";
  byId("entry-alert").textContent = message;
  byId("entry-alert").hidden = message === "";
}

// The class that the user means: one of the model by either name, else any name that can be one; null if it cannot.
function classOf(typed) {
  const name = typed.normalize("NFC").trim().replaceAll(/\s+/g, " ");
  const key = name.toLowerCase();
  const known = state.modelInfo?.classes.find((entry) => [entry.class, ...Object.values(entry.names)].some((other) => other.toLowerCase() === key));
  if (known) return { class: known.class, names: known.names };
  const isName = FOLDER_NAME.test(name) && new TextEncoder().encode(name).length <= MAX_NAME_BYTES;
  return isName ? { class: name, names: { en: name, zh: name } } : null;
}

function correct(event) {
  event.preventDefault();
  const typed = byId("right-name").value;
  if (typed.trim() === "") return;
  const correction = classOf(typed);
  if (correction === null) say(text().noName(typed));
  else record({ correction });
}

async function addPlace() {
  const specimen = state.photos;
  byId("place").textContent = text().locating;
  byId("add-place").disabled = true;
  try {
    const place = await readPlace();
    if (state.photos === specimen) await record({ place });
  } catch (error) {
    if (state.photos !== specimen) return;
    showEntry();
    say(text()[error.key]);
  } finally {
    byId("add-place").disabled = false;
  }
}

export function startEntry() {
  byId("save").addEventListener("click", () => record());
  byId("notes").addEventListener("input", writeNotes);
  byId("add-place").addEventListener("click", addPlace);
  byId("remove-place").addEventListener("click", () => {
    record({ place: null });
    byId("add-place").focus();
  });
  byId("correction").addEventListener("submit", correct);
  byId("remove-correction").addEventListener("click", () => {
    byId("right-name").value = "";
    record({ correction: null });
    byId("right-name").focus();
  });
}

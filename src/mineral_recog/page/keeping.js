// Keeps the specimen of this tab in the browser, so that reloading the page or going back loses nothing.

import { enteredFields, fillFields } from "./evidence.js";
import { state } from "./state.js";
import { byId } from "./status.js";
import { list, load, remove, save } from "./store.js";

const ID_KEY = "mineral-recog.specimen";
const PAUSE = 300; // milliseconds after a change until it is saved
const KEPT_DAYS = 7; // of specimens whose tab was closed
let timer = 0;
let opened = false; // whether what was kept has been taken up; nothing is saved before
let unfilled = null; // kept results of tests whose fields have no choices yet

// The id of the specimen of this tab, which survives a reload.
function specimenId() {
  const id = sessionStorage.getItem(ID_KEY) ?? crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`;
  sessionStorage.setItem(ID_KEY, id);
  return id;
}

// Save the specimen soon.
export function keep() {
  clearTimeout(timer);
  timer = setTimeout(keepNow, PAUSE);
}

// Save the specimen, or forget it if it has no photos.
export async function keepNow() {
  clearTimeout(timer);
  if (!opened) return;
  const { photos, chosen, answer, showAll } = state;
  try {
    const sendable = photos.filter((photo) => photo.body !== null);
    if (sendable.length === 0) {
      await remove(specimenId());
      return;
    }
    const kept = sendable.map(({ url, looking, ...photo }) => photo); // what can be stored
    const fields = unfilled ?? enteredFields(byId("form"));
    await save({ id: specimenId(), time: Date.now(), photos: kept, chosen: sendable.indexOf(chosen), answer, showAll, fields });
    byId("unkept").hidden = true;
  } catch {
    byId("unkept").hidden = photos.length === 0; // storage is forbidden or full
  }
}

// Take up the specimen of this tab; return whether there was one.
export async function restore() {
  try {
    const old = Date.now() - 1000 * 60 * 60 * 24 * KEPT_DAYS;
    for (const { id, time } of await list()) if (time < old) await remove(id);
    const kept = await load(specimenId());
    if (kept === undefined || state.photos.length > 0) return false;
    state.photos = kept.photos.map((photo) => ({ ...photo, url: photo.width ? URL.createObjectURL(photo.body) : null }));
    state.chosen = state.photos[kept.chosen] ?? state.photos.at(-1);
    state.answer = kept.answer;
    state.showAll = kept.showAll;
    unfilled = kept.fields;
    return true;
  } catch {
    return false;
  } finally {
    opened = true;
  }
}

// Enter the kept results of tests, once the form has its choices.
export function restoreFields() {
  if (unfilled === null || state.modelInfo === null) return;
  fillFields(byId("form"), unfilled);
  unfilled = null;
}

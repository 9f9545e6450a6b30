// Keeps the specimen of this tab in the browser, so that reloading the page or going back loses nothing. A specimen
// of the field book is kept until it is deleted there.

import { contentOf } from "./entries.js";
import { enteredFields, fillFields } from "./evidence.js";
import { state } from "./state.js";
import { byId } from "./status.js";
import { list, load, remove, save, saveIf } from "./store.js";

const ID_KEY = "mineral-recog.specimen";
const PAUSE = 300; // milliseconds after a change until it is saved
const KEPT_DAYS = 7; // of specimens that are not in the field book and whose tab was closed
let timer = 0;
let changed = false; // since the specimen was saved
let opened = false; // whether what was kept has been taken up; nothing is saved before
let unfilled = null; // kept results of tests whose fields have no choices yet
let ours = new Set(); // times of the versions of the specimen that this tab has read or saved
let whenKept = () => {};

// Set what is done after saving; it is called with whether that was possible.
export const onKept = (handler) => (whenKept = handler);

export const newId = () => crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`; // some need https for the first

// The id of the specimen of this tab, which survives a reload.
export function specimenId() {
  const id = sessionStorage.getItem(ID_KEY) ?? newId();
  sessionStorage.setItem(ID_KEY, id);
  return id;
}

// Save the specimen soon.
export function keep() {
  changed = true;
  clearTimeout(timer);
  timer = setTimeout(() => keepNow(), PAUSE);
}

// Save the specimen, or forget it if it has no photos and is not in the field book. Return whether that was possible.
// A page that is being left has no time to look for changes by another tab first.
export async function keepNow({ leaving = false } = {}) {
  clearTimeout(timer);
  if (!opened || !changed) return true;
  changed = false;
  let kept = true;
  try {
    const specimen = describe();
    ours.add(specimen.time);
    if (specimen.photos.length > 0 || specimen.book !== null) await (leaving ? save(specimen) : saveApart(specimen));
    else await remove(specimen.id);
  } catch {
    changed = true; // storage is forbidden or full
    kept = state.photos.length === 0;
  }
  byId("unkept").hidden = kept;
  whenKept(kept);
  return kept;
}

// The specimen as it is stored.
function describe() {
  const { photos, chosen, answer, showAll, book } = state;
  const sendable = photos.filter((photo) => photo.body !== null);
  const kept = sendable.map(({ url, looking, ...photo }) => photo); // what can be stored
  const fields = unfilled ?? enteredFields(byId("form"));
  return { id: specimenId(), time: Date.now(), photos: kept, chosen: sendable.indexOf(chosen), answer, showAll, fields, book };
}

// Save a specimen; as one of its own if another tab has changed the one that both had opened.
async function saveApart(specimen) {
  const versions = ours;
  const mayReplace = (stored) => versions.has(stored.time) || contentOf(stored) === contentOf(specimen);
  if (await saveIf(specimen, mayReplace)) return;
  const id = newId();
  if (specimenId() === specimen.id) sessionStorage.setItem(ID_KEY, id);
  await save({ ...specimen, id });
}

// Let go of the specimen: one of the field book stays there, another is forgotten.
export function leave() {
  const left = state.book === null ? remove(specimenId()).catch(() => {}) : keepNow();
  abandon();
  return left;
}

// Let go of the specimen without saving or removing it.
export function abandon() {
  clearTimeout(timer);
  changed = false;
  sessionStorage.removeItem(ID_KEY);
  ours = new Set();
  unfilled = null;
}

// Take up a specimen of the field book, after `leave`.
export function takeUp(id) {
  sessionStorage.setItem(ID_KEY, id);
  return restore();
}

// Take up the specimen of this tab; return whether there was one.
export async function restore() {
  try {
    await forgetOld();
    const kept = await load(specimenId());
    if (kept === undefined || state.photos.length > 0) return false;
    ours.add(kept.time);
    state.photos = kept.photos.map((photo) => ({ ...photo, url: photo.width ? URL.createObjectURL(photo.body) : null }));
    state.chosen = state.photos[kept.chosen] ?? state.photos.at(-1);
    state.answer = kept.answer;
    state.showAll = kept.showAll;
    state.book = kept.book ?? null;
    unfilled = kept.fields;
    return true;
  } catch {
    return false;
  } finally {
    opened = true;
  }
}

async function forgetOld() {
  const old = Date.now() - 1000 * 60 * 60 * 24 * KEPT_DAYS;
  for (const { id, time, book } of await list()) if (time < old && !book) await remove(id);
}

// Enter the kept results of tests, once the form has its choices.
export function restoreFields() {
  if (unfilled === null || state.modelInfo === null) return;
  fillFields(byId("form"), unfilled);
  unfilled = null;
}

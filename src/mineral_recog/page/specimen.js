// The photos of the specimen: adding, sending, framing and removing them. What could not be sent is kept
// and sent later.

import { update } from "./answering.js";
import { refreshHeat } from "./heat.js";
import { keep } from "./keeping.js";
import { preparePhoto } from "./photos.js";
import { showStatus } from "./results.js";
import { getMinerals, identifyPhoto } from "./server.js";
import { showPhotos } from "./stage.js";
import { modelOf, state, text } from "./state.js";
import { hideErrors, setStale, setStatus, setWorking, showError } from "./status.js";

const MAX_PHOTOS = 16;
let lookingAgain = false; // with another model than before
let retrying = false;
let retryOnce = false; // more, since the network may have come back during an attempt

export async function addPhotos(files) {
  const room = MAX_PHOTOS - state.photos.length;
  const images = [...files].slice(0, room);
  if (files.length === 0) return;
  hideErrors();
  const errors = files.length > room ? [new Error(text().tooMany(MAX_PHOTOS, files.length - Math.max(0, room)))] : [];
  const added = images.map((file) => [newPhoto(file), file]);
  state.photos.push(...added.map(([photo]) => photo));
  showPhotos();
  if (added.length) setWorking(text().working(added.length));
  for (const [photo, file] of added) {
    const error = await addPhoto(photo, file);
    if (error) errors.push(error);
  }
  await update();
  showError(...errors);
}

const newPhoto = (file) => ({
  name: file.name, url: null, width: 0, height: 0, body: null, crop: null, proposed: null, answer: null, heat: null, unsent: false,
});

// Prepare and send a photo; return an error if it is refused or cannot be sent.
async function addPhoto(photo, file) {
  if (file.size === 0) {
    removePhoto(photo);
    return Object.assign(new Error(text().emptyFile), { about: file.name });
  }
  const prepared = await preparePhoto(file);
  if (!state.photos.includes(photo)) return null; // removed in the meantime
  Object.assign(photo, prepared);
  state.chosen = photo;
  showPhotos();
  return tryToLook(photo);
}

// Let the server analyse a photo; return an error, or null. A photo that the server refuses is removed; one
// that it could not be asked about is kept and sent later.
async function tryToLook(photo) {
  try {
    await look(photo);
    return null;
  } catch (error) {
    if (!state.photos.includes(photo) || error.name === "AbortError") return null;
    if (!error.refused) return error;
    removePhoto(photo);
    return Object.assign(error, { about: photo.name });
  }
}

// Let the server analyse a photo; the list of minerals changes with the model that answers.
async function look(photo) {
  photo.looking?.abort();
  const controller = new AbortController();
  photo.looking = controller;
  photo.heat = null;
  photo.unsent = false;
  try {
    const answer = await identifyPhoto(photo.body, state.language, null, () => setStatus(text().busy), { crop: photo.crop, signal: controller.signal });
    if (photo.crop === null) photo.proposed = answer.sightings[0].crop;
    photo.answer = answer;
  } catch (error) {
    photo.unsent = photo.looking === controller;
    throw error;
  } finally {
    keep();
    showPhotos();
  }
  if (state.modelInfo?.model !== modelOf(photo.answer)) await readModel();
}

let whenModelIsRead = () => {};
export const onModel = (handler) => (whenModelIsRead = handler);

export async function readModel() {
  state.modelInfo = await getMinerals(state.language);
  whenModelIsRead();
}

// Look at a photo again whose square has changed.
export async function lookAtSquare(photo) {
  if (!state.photos.includes(photo)) return;
  setStale(true);
  const error = await tryToLook(photo);
  await update();
  if (error) showError(error);
}

// Another model answers now: what the page holds about its photos is worthless.
export async function lookAgain() {
  if (lookingAgain) return; // it updates at its end
  lookingAgain = true;
  const known = state.photos.filter((photo) => photo.answer !== null);
  setWorking(text().otherModel(known.length));
  try {
    for (const photo of known) if (state.photos.includes(photo)) await look(photo);
  } catch (error) {
    stopWorking();
    showError(error);
    return;
  } finally {
    lookingAgain = false;
  }
  await update(false);
}

// Show the last answer again, or nothing.
function stopWorking() {
  setWorking("");
  if (state.answer === null) setStatus("");
  else showStatus();
}

// Send what could not be sent, and ask again for an answer that is out of date.
export async function retry() {
  retryOnce = retrying;
  if (retrying) return;
  retrying = true;
  const unsent = state.photos.filter((photo) => photo.unsent);
  try {
    if (state.modelInfo === null) await readModel();
    if (unsent.length) setWorking(text().working(unsent.length));
    const errors = [];
    for (const photo of unsent) if (state.photos.includes(photo)) errors.push(await tryToLook(photo));
    await update();
    showError(...errors.filter((error) => error !== null));
  } catch (error) {
    stopWorking();
    if (error.name !== "AbortError") showError(error);
  } finally {
    retrying = false;
  }
  if (retryOnce) await retry();
}

export function removePhoto(photo) {
  state.photos = state.photos.filter((other) => other !== photo);
  photo.looking?.abort();
  if (photo.url !== null) URL.revokeObjectURL(photo.url);
  if (state.chosen === photo) state.chosen = state.photos.at(-1) ?? null;
  showPhotos();
  keep();
}

export function choosePhoto(photo) {
  state.chosen = photo;
  showPhotos();
  refreshHeat();
  keep();
}

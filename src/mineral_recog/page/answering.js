// Requests the answer about the specimen from what the server found in each photo and from the evidence.

import { blamedPart, enteredEvidence, markBad } from "./evidence.js";
import { refreshHeat } from "./heat.js";
import { keep } from "./keeping.js";
import { FIRST_CANDIDATES, show, showStatus } from "./results.js";
import { identifySpecimen } from "./server.js";
import { state, text } from "./state.js";
import { byId, hideErrors, setStale, setStatus, setWorking, showError } from "./status.js";

let pending = null; // AbortController of the current request
let whenModelChanged = () => {};

// Set what is done when another model answers than the one that looked at the photos.
export const onOtherModel = (handler) => (whenModelChanged = handler);

// `mayLookAgain` is false where another model has just looked at the photos again.
export async function update(mayLookAgain = true) {
  pending?.abort();
  pending = null; // the answer of an earlier request is no longer needed
  keep();
  const seen = state.photos.filter((photo) => photo.answer !== null);
  if (seen.length === 0) {
    showWithoutAnswer();
    return;
  }
  const controller = new AbortController();
  pending = controller;
  setStale(state.answer !== null);
  try {
    const { answer, bad } = await ask(seen.flatMap((photo) => photo.answer.sightings), controller.signal);
    if (pending !== controller) return;
    take(answer, bad);
  } catch (error) {
    if (error.name === "AbortError" || pending !== controller) return;
    if (error.otherModel && mayLookAgain) {
      await whenModelChanged();
      return;
    }
    setWorking("");
    if (state.answer !== null) showStatus();
    showError(error);
  }
}

function showWithoutAnswer() {
  if (state.photos.every((photo) => photo.unsent)) {
    setWorking("");
    setStatus("");
  }
  state.answer = null;
  setStale(false);
  show();
}

// Ask for an answer, and leave out evidence that is not understood. Return {answer, bad}: `bad` has the
// message of each part of the form that was left out.
async function ask(sightings, signal) {
  const bad = new Map();
  const top = state.showAll ? state.modelInfo?.classes.length ?? FIRST_CANDIDATES : FIRST_CANDIDATES;
  for (;;) {
    const evidence = enteredEvidence(byId("form"), state.language, bad);
    try {
      return { answer: await identifySpecimen({ sightings, evidence, top }, state.language, signal, () => setStatus(text().busy)), bad };
    } catch (error) {
      const part = error.field ? blamedPart(byId("form"), state.language, error.field, bad) : null;
      if (part === null) throw error;
      bad.set(part, error.message);
    }
  }
}

function take(answer, bad) {
  state.answer = answer;
  const complete = state.photos.every((photo) => photo.answer !== null || photo.unsent);
  if (complete) setWorking("");
  hideErrors();
  setStale(state.photos.some((photo) => photo.unsent && photo.answer !== null));
  show();
  markBad(byId("form"), bad);
  byId("form-alert").hidden = bad.size === 0;
  byId("form-alert").textContent = bad.size === 0 ? "" : `${[...bad.values()].join(" ")} ${text().leftOut(bad.size)}`;
  if (complete) showStatus();
  keep();
  refreshHeat();
}

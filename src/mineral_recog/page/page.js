// The page. It holds the server's answer about each photo, and requests a new answer about the
// specimen after every change of photos or evidence. The server stores nothing.

import * as draw from "./answer.js";
import { element } from "./elements.js";
import { clearOtherDensity, enteredEvidence, fillForm, markHarmful, showWeighed } from "./evidence.js";
import { drawHeat, preparePhoto } from "./photos.js";
import { getMinerals, identifyPhoto, identifySpecimen } from "./server.js";
import { byId, hideErrors, setStatus, setWorking, showError } from "./status.js";
import { firstLanguage, rememberLanguage, texts, unbroken } from "./texts.js";

const MAX_PHOTOS = 16;
const FIRST_CANDIDATES = 5; // candidates shown at first
const TYPING_PAUSE = 500; // milliseconds without typing after which the evidence is sent

let language = firstLanguage();
let modelInfo = null; // classes of the model and words of evidence
let photos = []; // of the specimen: {url, width, height, body, answer: {sightings, similar, heat_map?} or null}
let chosen = null; // the photo shown large
let answer = null;
let showAll = false; // whether all candidates are shown
let pending = null; // AbortController of the current request
let lookingAgain = false; // with another model than before
let typingTimer = 0;

const text = () => texts[language];

// ---- Photos

async function add(files) {
  const images = [...files];
  if (images.length === 0) return;
  hideErrors();
  if (photos.length + images.length > MAX_PHOTOS) {
    showError(new Error(text().tooMany(MAX_PHOTOS)), text());
    return;
  }
  const added = [];
  for (const file of images) {
    const photo = { url: null, width: 0, height: 0, body: null, answer: null };
    photos.push(photo);
    added.push([photo, file]);
  }
  showPhotos();
  setWorking(images.length === 1 ? text().working : text().workingMany(images.length));
  for (const [photo, file] of added) {
    const { body, ...image } = await preparePhoto(file);
    if (!photos.includes(photo)) continue; // removed in the meantime
    Object.assign(photo, image);
    chosen = photo;
    showPhotos();
    try {
      photo.body = body;
      await look(photo);
      showPhotos();
    } catch (error) {
      remove(photo);
      error.message = file.name ? `${file.name}: ${error.message}` : error.message;
      showError(error, text());
    }
  }
  await update();
  for (const [photo] of added) await addHeat(photo);
}

// Let the server analyse a photo; the list of minerals changes with the model that answers.
async function look(photo) {
  photo.answer = await identifyPhoto(photo.body, language, false, () => setStatus(text().busy));
  if (modelInfo?.model !== modelOf(photo.answer)) await readModel();
}

const modelOf = (photoAnswer) => photoAnswer.sightings[0].model;

// The server was started with another model: what the page holds about its photos is worthless.
async function lookAgain() {
  lookingAgain = true;
  const known = photos.filter((photo) => photo.answer !== null);
  setWorking(text().otherModel(known.length));
  try {
    for (const photo of known) {
      if (photos.includes(photo)) await look(photo);
    }
  } catch (error) {
    setWorking("");
    showError(error, text());
    return;
  } finally {
    lookingAgain = false;
  }
  await update(false);
  for (const photo of known) await addHeat(photo);
}

// The heat map takes much longer than the answer, so it is requested afterwards.
async function addHeat(photo) {
  if (photo.answer === null || !photos.includes(photo)) return;
  try {
    const withHeatMap = await identifyPhoto(photo.body, language, true, () => {});
    if (modelOf(withHeatMap) !== modelOf(photo.answer)) return;
    photo.answer.heat_map = withHeatMap.heat_map;
    showStage();
  } catch {} // the answer is complete without it
}

function remove(photo) {
  photos = photos.filter((other) => other !== photo);
  if (photo.url !== null) URL.revokeObjectURL(photo.url);
  if (chosen === photo) chosen = photos.at(-1) ?? null;
  showPhotos();
}

// Clear the evidence too: it does not apply to another specimen.
function startNewSpecimen() {
  photos.slice().forEach(remove);
  byId("form").reset();
  showAll = false;
  hideErrors();
  byId("choose").focus();
}

function showPhotos() {
  document.body.classList.toggle("begun", photos.length > 0);
  byId("stage").hidden = chosen === null;
  byId("invitation").hidden = photos.length > 0;
  byId("anew").hidden = photos.length === 0;
  document.querySelector("label[for=take]").textContent = photos.length ? text().takeMore : text().take;
  document.querySelector("label[for=choose]").textContent = photos.length ? text().chooseMore : text().choose;
  showStage();
  byId("thumbnails").hidden = photos.length === 0;
  byId("thumbnails").replaceChildren(...photos.map(thumbnail));
}

function thumbnail(photo, index) {
  const selectButton = element("button", { type: "button", class: "pick", "aria-pressed": String(photo === chosen) });
  selectButton.setAttribute("aria-label", text().photo(index + 1));
  if (photo.url !== null) selectButton.append(element("img", { src: photo.url, alt: "" }));
  else selectButton.append(String(index + 1));
  selectButton.addEventListener("click", () => {
    chosen = photo;
    showPhotos();
    byId("thumbnails").children[index].firstChild.focus();
    showRelated();
  });
  const removeButton = element("button", { type: "button", class: "remove", "aria-label": text().remove(index + 1) }, "×");
  removeButton.addEventListener("click", () => {
    if (photos.length === 1) {
      startNewSpecimen();
      return;
    }
    remove(photo);
    hideErrors();
    byId("thumbnails").lastChild.lastChild.focus();
    update();
  });
  return element("li", { class: photo.answer === null ? "waiting" : "" }, selectButton, removeButton);
}

function showStage() {
  const visible = chosen !== null && chosen.url !== null;
  byId("frame").hidden = !visible;
  byId("photo").alt = chosen === null ? "" : text().photo(photos.indexOf(chosen) + 1);
  if (visible && byId("photo").getAttribute("src") !== chosen.url) byId("photo").src = chosen.url;
  const heat = chosen?.answer?.heat_map;
  const hasHeat = visible && heat !== undefined && heat.values.flat().some((value) => value > 0);
  byId("show-heat").parentElement.hidden = !hasHeat;
  byId("heat").hidden = !hasHeat || !byId("show-heat").checked;
  if (!hasHeat) return;
  const name = nameInText(heat.class);
  byId("heat-label").textContent = text().showHeat(name);
  byId("heat").setAttribute("aria-label", text().heat(name));
  drawHeat(byId("heat"), heat.values, heat.crop);
}

function names(label) {
  return modelInfo?.classes.find((entry) => entry.class === label)?.names ?? { en: label, zh: label };
}

// The name of a class as it stands in a sentence; classes that are no minerals of the table keep their capitals.
function nameInText(label) {
  const name = names(label)[language];
  const isMineral = modelInfo?.classes.find((entry) => entry.class === label)?.mineral != null;
  return isMineral ? name.charAt(0).toLowerCase() + name.slice(1) : name;
}

// ---- The answer

async function update(mayLookAgain = true) {
  clearTimeout(typingTimer);
  pending?.abort();
  pending = null; // the answer of an earlier request is no longer needed
  const sightings = photos.filter((photo) => photo.answer !== null).flatMap((photo) => photo.answer.sightings);
  if (sightings.length === 0) {
    if (photos.length === 0) {
      answer = null;
      setWorking("");
      setStatus("");
    }
    show();
    return;
  }
  if (lookingAgain) return; // it updates at its end
  const controller = new AbortController();
  pending = controller;
  const top = showAll ? modelInfo?.classes.length ?? FIRST_CANDIDATES : FIRST_CANDIDATES;
  try {
    const newAnswer = await identifySpecimen({ sightings, evidence: enteredEvidence(byId("form"), language), top }, language, controller.signal, () => setStatus(text().busy));
    if (pending !== controller) return;
    answer = newAnswer;
    show();
    byId("form-alert").hidden = true;
    if (photos.every((photo) => photo.answer !== null)) {
      setWorking("");
      showStatus();
    }
  } catch (error) {
    if (error.name === "AbortError" || pending !== controller) return;
    if (error.otherModel && mayLookAgain) {
      await lookAgain();
      return;
    }
    setWorking("");
    if (error.key || error.busy || answer === null) showError(error, text());
    else showEvidenceError(error);
  }
}

// Errors in the evidence are shown next to the form, and the last answer stays.
function showEvidenceError(error) {
  byId("form-alert").textContent = error.message;
  byId("form-alert").hidden = false;
  showStatus();
}

function showStatus() {
  setStatus((answer.none_of_these.text ?? answer.rolled_up.text)[language]);
}

function show() {
  byId("result").hidden = answer === null;
  byId("nothing").hidden = photos.length > 0;
  byId("evidence").hidden = answer === null;
  showStage();
  showRelated();
  if (answer === null) return;
  const count = modelInfo?.classes.length ?? answer.candidates.length;
  const marked = answer.set.classes;
  const none = answer.none_of_these.is;
  byId("none").hidden = !none;
  byId("retake").hidden = answer.warnings.length > 0; // which say what to do
  byId("answer").classList.toggle("doubtful", none);
  byId("warnings").replaceChildren(...answer.warnings.map((warning) => element("p", {}, unbroken(warning[language]))));
  byId("hazards").hidden = answer.hazards.length === 0;
  byId("hazards").querySelector("ul").replaceChildren(...draw.hazards(answer, language));
  const shown = new Set(answer.candidates.map((candidate) => candidate.class));
  const alsoMarked = marked.filter((label) => !shown.has(label)).map(nameInText);
  byId("set").hidden = none;
  byId("set-told").textContent =
    text().set(marked.length, answer.set.coverage, count) +
    (alsoMarked.length ? ` ${text().alsoMarked(alsoMarked.join(text().and))}` : "");
  const opened = new Set([...document.querySelectorAll("#ranking details[open]")].map((details) => details.parentElement.dataset.class));
  byId("ranking").replaceChildren(...draw.ranking(answer, language, text(), opened));
  byId("more").hidden = count <= FIRST_CANDIDATES;
  byId("more").textContent = showAll ? text().fewer : text().moreOf(count);
  byId("unknown").hidden = answer.unknown_to_table.length === 0;
  byId("unknown").textContent = text().unknown(answer.unknown_to_table.map((label) => names(label)[language]).join(text().and));
  byId("cautions").replaceChildren(...draw.cautions(answer, language, text()));
  markHarmful(byId("form"), answer.cautions);
  showWeighed(byId("form"), language, answer.evidence.density);
  const evidence = answer.evidence_text;
  byId("understood").hidden = evidence === null;
  byId("understood").textContent = evidence === null ? "" : text().understood(evidence[language]);
  const nextTests = none ? [] : draw.tests(answer, language, text()); // they are about the first candidates
  const leftOut = none ? null : answer.tests_left_out;
  byId("next").hidden = nextTests.length === 0 && leftOut === null;
  byId("left-out").textContent = leftOut?.text[language] ?? "";
  byId("tests").replaceChildren(...nextTests);
}

function showRelated() {
  const similar = chosen?.answer?.similar ?? [];
  byId("similar").hidden = answer === null || similar.length === 0;
  byId("alike").replaceChildren(...draw.similar(similar, language));
  const lookalikes = answer === null || answer.none_of_these.is ? [] : draw.lookalikes(answer, language, text());
  byId("lookalikes").hidden = lookalikes.length === 0;
  byId("mistaken").replaceChildren(...lookalikes);
}

// ---- Language

function translate() {
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  document.title = text().title;
  for (const node of document.querySelectorAll("[data-text]")) node.textContent = text()[node.dataset.text];
  byId("language").textContent = text().otherLanguage;
  byId("language").lang = language === "zh" ? "en" : "zh-CN";
  showModel();
  fillForm(byId("form"), modelInfo?.words, language);
  showPhotos();
}

function showModel() {
  byId("knows").textContent = modelInfo === null ? "" : text().knows(modelInfo.classes.length);
  byId("all-known").textContent = modelInfo?.classes.map((entry) => entry.names[language]).join(text().and) ?? "";
}

async function readModel() {
  modelInfo = await getMinerals(language);
  showModel();
}

function switchLanguage() {
  language = language === "zh" ? "en" : "zh";
  rememberLanguage(language);
  hideErrors();
  translate();
  show();
  if (answer !== null) update(); // also translates an error in the evidence
}

// ---- Events

for (const id of ["choose", "take"]) {
  byId(id).addEventListener("change", () => {
    const files = [...byId(id).files];
    byId(id).value = ""; // so that the same photo can be chosen again
    add(files);
  });
}
byId("drop").addEventListener("dragenter", () => byId("drop").classList.add("over"));
byId("drop").addEventListener("dragleave", (event) => {
  if (!byId("drop").contains(event.relatedTarget)) byId("drop").classList.remove("over");
});
document.addEventListener("dragover", (event) => event.preventDefault());
document.addEventListener("drop", (event) => {
  event.preventDefault(); // also accept a photo dropped outside the field
  byId("drop").classList.remove("over");
  add(event.dataTransfer.files);
});
document.addEventListener("paste", (event) => add(event.clipboardData.files));
byId("anew").addEventListener("click", startNewSpecimen);
byId("show-heat").addEventListener("change", showStage);
byId("language").addEventListener("click", switchLanguage);
byId("more").addEventListener("click", () => {
  showAll = !showAll;
  update();
});
byId("form").addEventListener("submit", (event) => event.preventDefault());
byId("form").addEventListener("change", () => update());
byId("form").addEventListener("reset", () => setTimeout(update)); // after the fields are empty
byId("form").addEventListener("input", (event) => {
  if (event.target.type !== "text") return; // other fields send a change event
  clearOtherDensity(byId("form"), event.target.name);
  clearTimeout(typingTimer);
  typingTimer = setTimeout(update, TYPING_PAUSE);
});
byId("tests").addEventListener("click", (event) => {
  const field = event.target.dataset.field;
  if (field === undefined) return;
  const place = field === "hardness" ? byId("scratches") : byId(`field-${field}`);
  const target = place.querySelector("input:checked") ?? place.querySelector("input") ?? place;
  const fold = target.closest("details");
  if (fold) fold.open = true;
  target.focus();
  target.scrollIntoView({ block: "center" });
});

translate();
readModel()
  .then(translate)
  .catch((error) => showError(error, text()));

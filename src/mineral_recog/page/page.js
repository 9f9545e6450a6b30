// The page: its language, its events, and what happens when it opens. The server stores nothing.

import { onOtherModel, update } from "./answering.js";
import { showBook, startBook } from "./book.js";
import { record, say, showEntry, showKept, showNames, startEntry } from "./entry.js";
import { clearOtherDensity, fillForm } from "./evidence.js";
import { startFraming } from "./framing.js";
import { showHeat } from "./heat.js";
import { abandon, keep, keepNow, leave, onKept, restore, restoreFields, specimenId, takeUp } from "./keeping.js";
import { show, showStatus } from "./results.js";
import { addPhotos, choosePhoto, lookAgain, lookAtSquare, onModel, readModel, removePhoto, retry } from "./specimen.js";
import { showPhotos } from "./stage.js";
import { state, text } from "./state.js";
import { byId, hideErrors, isStale, setStale, showError } from "./status.js";
import { rememberLanguage } from "./texts.js";
import { startViewer } from "./viewer.js";

const TYPING_PAUSE = 500; // milliseconds without typing after which the evidence is sent
const RETRY_PAUSE = 15_000; // milliseconds between attempts to send what could not be sent
let typingTimer = 0;

// ---- Language

function translate() {
  document.documentElement.lang = state.language === "zh" ? "zh-CN" : "en";
  document.title = text().title;
  for (const node of document.querySelectorAll("[data-text]")) node.textContent = text()[node.dataset.text];
  for (const node of document.querySelectorAll("[data-label]")) node.setAttribute("aria-label", text()[node.dataset.label]);
  byId("language").textContent = text().otherLanguage;
  byId("language").lang = state.language === "zh" ? "en" : "zh-CN";
  showModel();
  showPhotos();
  showEntry();
  showBook();
}

// Show which minerals the model knows, and fill in the words for evidence.
function showModel() {
  byId("knows").textContent = state.modelInfo === null ? "" : text().knows(state.modelInfo.classes.length);
  byId("all-known").textContent = state.modelInfo?.classes.map((entry) => entry.names[state.language]).join(text().and) ?? "";
  fillForm(byId("form"), state.modelInfo?.words, state.language);
  restoreFields();
  showNames();
}

function switchLanguage() {
  state.language = state.language === "zh" ? "en" : "zh";
  rememberLanguage(state.language);
  hideErrors();
  translate();
  show();
  if (state.answer === null) return;
  showStatus();
  update(); // also translates an error in the evidence
}

// ---- Photos

function startNewSpecimen() {
  leave();
  clearSpecimen();
  byId("choose").focus();
}

// Clear the evidence too: it does not apply to another specimen.
function clearSpecimen() {
  state.book = null;
  state.photos.slice().forEach(removePhoto);
  byId("form").reset();
  state.showAll = false;
  hideErrors();
  say("");
  showEntry();
}

// ---- The field book

// Open an entry of the field book. The specimen on the page is saved there first.
async function openEntry(id) {
  if (id === specimenId()) return;
  const isNew = state.photos.length > 0 && state.book === null;
  const kept = isNew ? await record() : await keepNow();
  if (!kept) return; // it would be lost, and the page says that it is not saved
  leave();
  clearSpecimen();
  if (await takeUp(id)) await showRestored();
  if (isNew) say(text().alsoSaved, false);
}

// Before an entry is deleted: if it is on the page, the page is cleared.
async function closeEntry(id) {
  if (id !== specimenId()) return;
  await keepNow();
  abandon();
  clearSpecimen();
}

function removeOrStartAnew(photo) {
  if (state.photos.length === 1) {
    startNewSpecimen();
    return;
  }
  removePhoto(photo);
  hideErrors();
  byId("thumbnails").lastChild.querySelector(".remove").focus();
  update();
}

for (const id of ["choose", "take"]) {
  byId(id).addEventListener("change", () => {
    const files = [...byId(id).files];
    byId(id).value = ""; // so that the same photo can be chosen again
    addPhotos(files);
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
  addPhotos(event.dataTransfer.files);
});
document.addEventListener("paste", (event) => addPhotos(event.clipboardData.files));
byId("thumbnails").addEventListener("click", (event) => {
  const { select, remove } = event.target.closest("button")?.dataset ?? {};
  if (select !== undefined) choosePhoto(state.photos[select]);
  if (remove !== undefined) removeOrStartAnew(state.photos[remove]);
});
byId("anew").addEventListener("click", startNewSpecimen);
byId("show-heat").addEventListener("change", showHeat);
startFraming(lookAtSquare);

// ---- The answer and the evidence

byId("language").addEventListener("click", switchLanguage);
byId("more").addEventListener("click", () => {
  state.showAll = !state.showAll;
  update();
});
byId("form").addEventListener("submit", (event) => event.preventDefault());
byId("form").addEventListener("change", sendEvidence);
byId("form").addEventListener("reset", () => setTimeout(sendEvidence)); // after the fields are empty
byId("form").addEventListener("input", (event) => {
  if (event.target.type !== "text") return; // other fields send a change event
  keep();
  clearOtherDensity(byId("form"), event.target.name);
  setStale(true);
  clearTimeout(typingTimer);
  typingTimer = setTimeout(sendEvidence, TYPING_PAUSE);
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
byId("headline").addEventListener("click", () => byId("answer").scrollIntoView({ block: "start" }));
// The line with the answer stays in sight while the evidence is entered, wherever the answer itself is.
new IntersectionObserver(([status]) => byId("headline").classList.toggle("needed", !status.isIntersecting)).observe(byId("status"));

function sendEvidence() {
  clearTimeout(typingTimer);
  update();
}

// ---- The network

const isWaiting = () => state.modelInfo === null || isStale() || state.photos.some((photo) => photo.unsent);
const retryIfWaiting = () => isWaiting() && retry();
byId("retry").addEventListener("click", retry);
window.addEventListener("online", retryIfWaiting);
document.addEventListener("visibilitychange", () => (document.hidden ? keepNow() : retryIfWaiting()));
window.addEventListener("pagehide", () => keepNow({ leaving: true }));
window.addEventListener("pageshow", (event) => event.persisted && retryIfWaiting()); // leaving broke requests off
setInterval(() => document.hidden || document.body.classList.contains("working") || retryIfWaiting(), RETRY_PAUSE);

// ---- Opening

// Show a specimen that was taken up, and complete it.
async function showRestored() {
  restoreFields();
  showPhotos();
  try {
    show();
    if (state.answer !== null) showStatus();
  } catch {
    state.answer = null; // saved by another version of the page
  }
  showEntry();
  await (state.photos.some((photo) => photo.answer === null) ? retry() : update());
}

onOtherModel(lookAgain);
onModel(showModel);
onKept(showKept);
startViewer();
startEntry();
startBook({ onOpen: openEntry, onDelete: closeEntry });
translate();
const [restored] = await Promise.all([restore(), readModel().catch(showError)]);
showModel();
if (restored) await showRestored();

// The page: photos come in, what the model saw of each is kept here, and every change of photos or
// evidence asks the server for the answer anew. The server keeps nothing.

import * as draw from "./answer.js";
import { fillForm, found } from "./evidence.js";
import { drawHeat, prepared } from "./photos.js";
import { combine, look, minerals } from "./server.js";
import { texts } from "./texts.js";

const MOST_PHOTOS = 16;
const FIRST = 5; // candidates shown before `show all`
const TYPING = 500; // milliseconds of rest before evidence that is being typed is sent
const KEPT_LANGUAGE = "mineral-recog.language";

const at = (id) => document.getElementById(id);

let language = firstLanguage();
let known = null; // what the model knows: classes and words
let photos = []; // of the specimen: {url, width, height, body, seen: {sightings, similar, heat_map?} or null}
let chosen = null; // the photo on the stage
let answer = null;
let all = false; // whether all candidates are shown
let asking = null; // what stops the question under way
let timer = 0;

const text = () => texts[language];

function firstLanguage() {
  let kept = null;
  try {
    kept = localStorage.getItem(KEPT_LANGUAGE);
  } catch {} // storage may be forbidden
  if (kept in texts) return kept;
  return navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en";
}

// ---- What the page says

function say(words) {
  if (at("status").textContent !== words) at("status").textContent = words;
}

function complain(error) {
  at("alert").textContent = error.key ? text()[error.key] : error.message;
  at("alert").hidden = false;
  at("alert").scrollIntoView({ block: "nearest" });
  say("");
}

// What is wrong with the evidence stands beside it, and the last answer stays.
function complainOfEvidence(error) {
  at("form-alert").textContent = error.message;
  at("form-alert").hidden = false;
  report();
}

function calm() {
  for (const id of ["alert", "form-alert"]) {
    at(id).hidden = true;
    at(id).textContent = "";
  }
}

function working(words) {
  at("answer").setAttribute("aria-busy", words ? "true" : "false");
  document.body.classList.toggle("working", Boolean(words));
  if (!words) return;
  at("status").classList.remove("hidden");
  say(words);
}

// ---- Photos

async function add(files) {
  const images = [...files];
  if (images.length === 0) return;
  calm();
  if (photos.length + images.length > MOST_PHOTOS) {
    complain(new Error(text().tooMany(MOST_PHOTOS)));
    return;
  }
  const added = [];
  for (const file of images) {
    const photo = { url: null, width: 0, height: 0, body: null, seen: null };
    photos.push(photo);
    added.push([photo, file]);
  }
  showPhotos();
  working(images.length === 1 ? text().working : text().workingMany(images.length));
  for (const [photo, file] of added) {
    const { body, ...shown } = await prepared(file);
    if (!photos.includes(photo)) continue; // removed meanwhile
    Object.assign(photo, shown);
    chosen = photo;
    showPhotos();
    try {
      photo.seen = await look(body, language, false, () => say(text().busy));
      photo.body = body;
      showPhotos();
    } catch (error) {
      remove(photo);
      error.message = file.name ? `${file.name}: ${error.message}` : error.message;
      complain(error);
    }
  }
  await update();
  for (const [photo] of added) await addHeat(photo);
}

// Where the answer comes from takes much longer than the answer, and so comes after it.
async function addHeat(photo) {
  if (photo.seen === null || !photos.includes(photo)) return;
  try {
    const found = await look(photo.body, language, true, () => {});
    photo.seen.heat_map = found.heat_map;
    showStage();
  } catch {} // the answer stands without it
}

function remove(photo) {
  photos = photos.filter((one) => one !== photo);
  if (photo.url !== null) URL.revokeObjectURL(photo.url);
  if (chosen === photo) chosen = photos.at(-1) ?? null;
  showPhotos();
}

// Another specimen: evidence of the last one would mislead.
function startAnew() {
  photos.slice().forEach(remove);
  at("form").reset();
  all = false;
  calm();
  at("choose").focus();
}

function showPhotos() {
  document.body.classList.toggle("begun", photos.length > 0);
  at("stage").hidden = chosen === null;
  at("invitation").hidden = photos.length > 0;
  at("anew").hidden = photos.length === 0;
  document.querySelector("label[for=take]").textContent = photos.length ? text().takeMore : text().take;
  document.querySelector("label[for=choose]").textContent = photos.length ? text().chooseMore : text().choose;
  showStage();
  at("thumbnails").hidden = photos.length === 0;
  at("thumbnails").replaceChildren(...photos.map(thumbnail));
}

function thumbnail(photo, place) {
  const pick = draw.element("button", { type: "button", class: "pick", "aria-pressed": String(photo === chosen) });
  pick.setAttribute("aria-label", text().photo(place + 1));
  if (photo.url !== null) pick.append(draw.element("img", { src: photo.url, alt: "" }));
  else pick.append(String(place + 1));
  pick.addEventListener("click", () => {
    chosen = photo;
    showPhotos();
    at("thumbnails").children[place].firstChild.focus();
    showBesides();
  });
  const away = draw.element("button", { type: "button", class: "remove", "aria-label": text().remove(place + 1) }, "×");
  away.addEventListener("click", () => {
    if (photos.length === 1) {
      startAnew();
      return;
    }
    remove(photo);
    calm();
    at("thumbnails").lastChild.lastChild.focus();
    update();
  });
  return draw.element("li", { class: photo.seen === null ? "waiting" : "" }, pick, away);
}

function showStage() {
  const visible = chosen !== null && chosen.url !== null;
  at("frame").hidden = !visible;
  at("photo").alt = chosen === null ? "" : text().photo(photos.indexOf(chosen) + 1);
  if (visible && at("photo").getAttribute("src") !== chosen.url) at("photo").src = chosen.url;
  const heat = chosen?.seen?.heat_map;
  const some = visible && heat !== undefined && heat.values.flat().some((value) => value > 0);
  at("show-heat").parentElement.hidden = !some;
  at("heat").hidden = !some || !at("show-heat").checked;
  if (!some) return;
  const name = names(heat.class)[language];
  at("heat-label").textContent = text().showHeat(name);
  at("heat").setAttribute("aria-label", text().heat(name));
  drawHeat(at("heat"), heat.values, chosen.width, chosen.height);
}

function names(label) {
  return known?.classes.find((one) => one.class === label)?.names ?? { en: label, zh: label };
}

// ---- The answer

async function update() {
  clearTimeout(timer);
  asking?.abort();
  asking = null; // an answer that is under way is no longer wanted
  const sightings = photos.filter((photo) => photo.seen !== null).flatMap((photo) => photo.seen.sightings);
  if (sightings.length === 0) {
    if (photos.length === 0) {
      answer = null;
      working("");
      say("");
    }
    show();
    return;
  }
  const mine = new AbortController();
  asking = mine;
  const top = all ? known?.classes.length ?? FIRST : FIRST;
  try {
    const combined = await combine({ sightings, evidence: found(at("form"), language), top }, language, mine.signal, () => say(text().busy));
    if (asking !== mine) return;
    answer = combined;
    show();
    at("form-alert").hidden = true;
    if (photos.every((photo) => photo.seen !== null)) {
      working("");
      report();
    }
  } catch (error) {
    if (error.name === "AbortError") return;
    working("");
    if (error.key || error.busy || answer === null) complain(error);
    else complainOfEvidence(error);
  }
}

function report() {
  const first = answer.candidates[0];
  const none = answer.none_of_these.is;
  at("status").classList.toggle("hidden", none); // the list has it large already
  say((none ? text().saidNone : text().first)(first.names[language], first.probability));
}

function show() {
  at("result").hidden = answer === null;
  at("nothing").hidden = photos.length > 0;
  at("evidence").hidden = answer === null;
  showStage();
  showBesides();
  if (answer === null) return;
  const count = known?.classes.length ?? answer.candidates.length;
  const marked = answer.set.classes;
  at("none").hidden = !answer.none_of_these.is;
  at("none-meaning").textContent = text().noneMeaning(count);
  at("result").classList.toggle("doubtful", answer.none_of_these.is);
  const shown = new Set(answer.candidates.map((one) => one.class));
  const beyond = marked.filter((label) => !shown.has(label)).map((label) => names(label)[language]);
  at("set").hidden = answer.none_of_these.is;
  at("set-told").textContent =
    text().set(marked.length, answer.set.coverage, count) +
    (beyond.length ? ` ${text().beyond(beyond.join(text().and))}` : "");
  const opened = new Set([...document.querySelectorAll("#ranking details[open]")].map((one) => one.parentElement.dataset.class));
  at("ranking").replaceChildren(...draw.ranking(answer, language, text(), opened));
  at("more").hidden = count <= FIRST;
  at("more").textContent = all ? text().fewer : text().moreOf(count);
  at("unknown").hidden = answer.unknown_to_table.length === 0;
  at("unknown").textContent = text().unknown(answer.unknown_to_table.join(text().and));
  const next = draw.tests(answer, language, text());
  at("next").hidden = next.length === 0;
  at("tests").replaceChildren(...next);
}

function showBesides() {
  const alike = chosen?.seen?.similar ?? [];
  at("similar").hidden = answer === null || alike.length === 0;
  at("alike").replaceChildren(...draw.similar(alike, language));
  const mistaken = answer === null ? [] : draw.lookalikes(answer, language, text());
  at("lookalikes").hidden = mistaken.length === 0;
  at("mistaken").replaceChildren(...mistaken);
}

// ---- Language

function translate() {
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  document.title = text().title;
  for (const one of document.querySelectorAll("[data-text]")) one.textContent = text()[one.dataset.text];
  at("language").textContent = text().other;
  at("language").lang = language === "zh" ? "en" : "zh-CN";
  at("knows").textContent = known === null ? "" : text().knows(known.classes.length);
  at("all-known").textContent = known?.classes.map((one) => one.names[language]).join(text().and) ?? "";
  fillForm(at("form"), known?.words, language);
  showPhotos();
}

function change() {
  language = language === "zh" ? "en" : "zh";
  try {
    localStorage.setItem(KEPT_LANGUAGE, language);
  } catch {} // then it is for this visit only
  calm();
  translate();
  show();
  if (answer !== null) update(); // also for an error in evidence to come in this language
}

// ---- Wiring

for (const id of ["choose", "take"]) {
  at(id).addEventListener("change", () => {
    const files = [...at(id).files];
    at(id).value = ""; // the same photo may be chosen again
    add(files);
  });
}
at("drop").addEventListener("dragenter", () => at("drop").classList.add("over"));
at("drop").addEventListener("dragleave", (event) => {
  if (!at("drop").contains(event.relatedTarget)) at("drop").classList.remove("over");
});
document.addEventListener("dragover", (event) => event.preventDefault());
document.addEventListener("drop", (event) => {
  event.preventDefault(); // a photo dropped beside the field is meant as well
  at("drop").classList.remove("over");
  add(event.dataTransfer.files);
});
document.addEventListener("paste", (event) => add(event.clipboardData.files));
at("anew").addEventListener("click", startAnew);
at("show-heat").addEventListener("change", showStage);
at("language").addEventListener("click", change);
at("more").addEventListener("click", () => {
  all = !all;
  update();
});
at("form").addEventListener("submit", (event) => event.preventDefault());
at("form").addEventListener("change", () => update());
at("form").addEventListener("reset", () => setTimeout(update)); // once the fields are empty
at("form").addEventListener("input", (event) => {
  if (event.target.type !== "text") return; // those tell a change at once
  clearTimeout(timer);
  timer = setTimeout(update, TYPING);
});
at("tests").addEventListener("click", (event) => {
  const field = event.target.dataset.field;
  if (field === undefined) return;
  const target = field === "hardness" ? at("scratches").querySelector("input:checked") : at(`field-${field}`);
  target.focus();
  target.scrollIntoView({ block: "center" });
});

translate();
minerals(language)
  .then((found) => {
    known = found;
    translate();
  })
  .catch(complain);

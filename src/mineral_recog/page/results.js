// Shows the answer in all its places.

import * as draw from "./answer.js";
import { element } from "./elements.js";
import { markHarmful, showWeighed } from "./evidence.js";
import { nameInText, names, state, text } from "./state.js";
import { showStage } from "./stage.js";
import { byId, setStatus } from "./status.js";
import { unbroken } from "./texts.js";

export const FIRST_CANDIDATES = 5; // candidates shown at first

export function showStatus() {
  const headline = (state.answer.none_of_these.text ?? state.answer.rolled_up.text)[state.language];
  setStatus(headline);
}

export function show() {
  const { answer, language, photos } = state;
  byId("result").hidden = answer === null;
  byId("nothing").hidden = photos.length > 0;
  byId("evidence").hidden = answer === null;
  showStage();
  showRelated();
  if (answer === null) return;
  byId("headline-text").textContent = unbroken((answer.none_of_these.text ?? answer.rolled_up.text)[language]);
  byId("answer").classList.toggle("doubtful", answer.none_of_these.is);
  byId("headline").classList.toggle("doubtful", answer.none_of_these.is);
  byId("warnings").replaceChildren(...answer.warnings.map((warning) => element("p", {}, warning[language])));
  byId("hazards").hidden = answer.hazards.length === 0;
  byId("hazards").querySelector("ul").replaceChildren(...draw.hazards(answer, language));
  showRanking();
  showEvidence();
}

function showRanking() {
  const { answer, language, modelInfo, showAll } = state;
  const count = modelInfo?.classes.length ?? answer.candidates.length;
  const none = answer.none_of_these.is;
  byId("none").hidden = !none;
  byId("retake").hidden = answer.warnings.length > 0; // which say what to do
  const shown = new Set(answer.candidates.map((candidate) => candidate.class));
  const alsoMarked = answer.set.classes.filter((label) => !shown.has(label)).map(nameInText);
  byId("set").hidden = none;
  byId("set-told").textContent =
    text().set(answer.set.classes.length, answer.set.coverage, count) +
    (alsoMarked.length ? ` ${text().alsoMarked(alsoMarked.join(text().and))}` : "");
  const opened = new Set([...document.querySelectorAll("#ranking details[open]")].map((details) => details.parentElement.dataset.class));
  byId("ranking").replaceChildren(...draw.ranking(answer, language, text(), opened));
  byId("more").hidden = count <= FIRST_CANDIDATES;
  byId("more").textContent = showAll ? text().fewer : text().moreOf(count);
  byId("unknown").hidden = answer.unknown_to_table.length === 0;
  byId("unknown").textContent = text().unknown(answer.unknown_to_table.map((label) => names(label)[language]).join(text().and));
}

function showEvidence() {
  const { answer, language } = state;
  byId("cautions").replaceChildren(...draw.cautions(answer, language, text()));
  markHarmful(byId("form"), answer.cautions);
  showWeighed(byId("form"), language, answer.evidence.density);
  const evidence = answer.evidence_text;
  byId("understood").hidden = evidence === null;
  byId("understood").textContent = evidence === null ? "" : unbroken(text().understood(evidence[language]));
  const none = answer.none_of_these.is;
  const nextTests = none ? [] : draw.tests(answer, language, text()); // they are about the first candidates
  const leftOut = none ? null : answer.tests_left_out;
  byId("next").hidden = nextTests.length === 0 && leftOut === null;
  byId("left-out").textContent = unbroken(leftOut?.text[language] ?? "");
  byId("tests").replaceChildren(...nextTests);
}

// What belongs to the photo shown large, and the minerals that the answer can be confused with.
export function showRelated() {
  const { answer, chosen, language } = state;
  const similar = chosen?.answer?.similar ?? [];
  byId("similar").hidden = answer === null || similar.length === 0;
  byId("alike").replaceChildren(...draw.similar(similar, language));
  const lookalikes = answer === null || answer.none_of_these.is ? [] : draw.lookalikes(answer, language, text());
  byId("lookalikes").hidden = lookalikes.length === 0;
  byId("mistaken").replaceChildren(...lookalikes);
}

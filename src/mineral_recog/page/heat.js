// The heat map of the photo shown large: which parts of it support the first mineral of the answer.

import { identifyPhoto } from "./server.js";
import { modelOf, nameInText, state, text } from "./state.js";
import { byId } from "./status.js";

let pending = null; // AbortController of the current request

// Show the heat map of the answer's first mineral, and request it where it is missing. It takes much
// longer than the answer, so it is requested afterwards.
export async function refreshHeat() {
  pending?.abort();
  pending = null;
  showHeat();
  const photo = state.chosen;
  const label = heatClass();
  if (label === null || !photo?.answer || photo.unsent || photo.heat?.class === label) return;
  const controller = new AbortController();
  pending = controller;
  try {
    const withHeatMap = await identifyPhoto(photo.body, state.language, label, () => {}, { crop: photo.crop, signal: controller.signal });
    if (pending !== controller || modelOf(withHeatMap) !== modelOf(photo.answer)) return;
    photo.heat = withHeatMap.heat_map;
    showHeat();
  } catch {} // the answer is complete without it
}

// The class of the heat map; null without an answer, and for a specimen that is none of the classes.
const heatClass = () => (state.answer === null || state.answer.none_of_these.is ? null : state.answer.candidates[0].class);

export function showHeat() {
  const photo = state.chosen;
  const heat = photo?.heat;
  const visible = photo?.url != null && !photo.unsent && heat != null && heat.class === heatClass() && heat.values.flat().some((value) => value > 0);
  byId("show-heat").parentElement.hidden = !visible;
  byId("heat").hidden = !visible || !byId("show-heat").checked;
  if (!visible) return;
  const name = nameInText(heat.class);
  byId("heat-label").textContent = text().showHeat(name);
  byId("heat").setAttribute("aria-label", text().heat(name));
  drawHeat(byId("heat"), heat.values, heat.crop);
}

// Place the canvas over the part of the photo that the model looked at, whose left, top, width and
// height are fractions, and tint what supports the answer.
function drawHeat(canvas, values, [left, top, width, height]) {
  canvas.style.left = `${100 * left}%`;
  canvas.style.top = `${100 * top}%`;
  canvas.style.width = `${100 * width}%`;
  canvas.style.height = `${100 * height}%`;
  canvas.width = values[0].length;
  canvas.height = values.length;
  const pixels = new ImageData(canvas.width, canvas.height);
  values.flat().forEach((value, position) => {
    // From yellow to red; more opaque where the value is larger.
    pixels.data.set([255, 214 - 170 * value, 40, 165 * value], 4 * position);
  });
  canvas.getContext("2d").putImageData(pixels, 0, 0);
}

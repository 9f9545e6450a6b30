// The square of the photo that the model looks at: shown over the photo, and moved and zoomed by mouse,
// touch and keyboard. Fingers move it only while it has the focus, so that the page can be scrolled over the photo.

import { state } from "./state.js";
import { byId } from "./status.js";

const MARGIN = 1.1; // side of the square over the part of the photo that is sent as `crop`
const MIN_SHARE = 0.1; // smallest side over the photo's short side
const PAUSE = 500; // milliseconds without a movement after which the photo is looked at again
const STEP = 0.03; // of a movement by key, over the short side
const ZOOM = 1.15; // of a key, a button or a notch of the wheel

let square = null; // {x, y, side} in pixels of the photo
let drag = null; // {square, points, fixed}: where a movement by pointer began
const pointers = new Map(); // of pressed buttons and fingers: id -> {x, y} in pixels of the photo
let timer = 0;
let report = () => {}; // called with the photo whose square has changed

const clamp = (value, low, high) => Math.min(Math.max(value, low), Math.max(low, high));

// The square that the model looks at: the one that the user chose, else the model's own.
function squareOf(photo) {
  const short = Math.min(photo.width, photo.height);
  if (photo.crop !== null) {
    const side = MARGIN * photo.crop[2] * photo.width;
    const [left, top, width, height] = photo.crop;
    return { x: (left + width / 2) * photo.width - side / 2, y: (top + height / 2) * photo.height - side / 2, side };
  }
  const crop = photo.proposed;
  if (crop) return { x: crop[0] * photo.width, y: crop[1] * photo.height, side: crop[2] * photo.width };
  const side = short * (state.modelInfo?.center_share ?? 1);
  return { x: (photo.width - side) / 2, y: (photo.height - side) / 2, side };
}

// The part of the photo to send for a square: left, top, width and height as fractions.
function cropOf(photo, { x, y, side }) {
  const inner = side / MARGIN;
  const margin = (side - inner) / 2;
  const values = [(x + margin) / photo.width, (y + margin) / photo.height, inner / photo.width, inner / photo.height];
  return values.map((value) => Number(value.toFixed(5)));
}

// Show the square of the photo that is shown large.
export function showFrame() {
  const photo = state.chosen;
  const possible = photo !== null && photo.url !== null && photo.answer !== null;
  byId("square").hidden = !possible;
  byId("framing").hidden = !possible;
  if (!possible) return;
  if (drag === null && timer === 0) square = squareOf(photo);
  byId("framing-reset").disabled = photo.crop === null;
  byId("frame").classList.toggle("framed", photo.crop !== null);
  draw(photo);
}

function draw(photo) {
  const { style } = byId("square");
  style.left = `${(100 * square.x) / photo.width}%`;
  style.top = `${(100 * square.y) / photo.height}%`;
  style.width = `${(100 * square.side) / photo.width}%`;
  style.height = `${(100 * square.side) / photo.height}%`;
}

// Set the square, kept inside the photo, and report it when it rests.
function change({ x, y, side }) {
  const photo = state.chosen;
  const short = Math.min(photo.width, photo.height);
  const size = clamp(side, MIN_SHARE * short, short);
  square = { x: clamp(x, 0, photo.width - size), y: clamp(y, 0, photo.height - size), side: size };
  photo.crop = cropOf(photo, square);
  schedule(photo);
}

function schedule(photo) {
  clearTimeout(timer);
  timer = setTimeout(() => {
    timer = 0;
    report(photo);
  }, PAUSE);
  byId("heat").hidden = true; // it is that of another square
  showFrame();
}

function zoom(factor) {
  const side = square.side * factor;
  change({ x: square.x + (square.side - side) / 2, y: square.y + (square.side - side) / 2, side });
}

// Let the model choose the part of the photo again.
function reset() {
  const photo = state.chosen;
  if (photo.crop === null) return;
  photo.crop = null;
  square = squareOf(photo);
  schedule(photo);
}

// ---- Pointers

function position(event) {
  const box = byId("photo").getBoundingClientRect();
  const scale = state.chosen.width / box.width;
  return { x: (event.clientX - box.left) * scale, y: (event.clientY - box.top) * scale };
}

function begin(event) {
  const target = event.target.closest("#square");
  if (byId("square").hidden || event.button > 0) return;
  const focused = document.activeElement === byId("square");
  if (event.pointerType === "touch" ? !focused : target === null) return;
  if (!focused) byId("square").focus({ preventScroll: true });
  event.preventDefault(); // no selection, no dragging of the image; keeps the focus
  byId("frame").setPointerCapture(event.pointerId);
  pointers.set(event.pointerId, position(event));
  startDrag(event.target.dataset.corner);
}

// A handle at a corner, such as "left top", resizes; the opposite corner is fixed.
function startDrag(corner) {
  const [left, top] = [corner?.includes("left"), corner?.includes("top")];
  const fixed = corner === undefined ? null : { x: square.x + (left ? square.side : 0), y: square.y + (top ? square.side : 0), left, top };
  drag = { square: { ...square }, points: new Map(pointers), fixed };
}

function move(event) {
  if (drag === null || !pointers.has(event.pointerId)) return;
  pointers.set(event.pointerId, position(event));
  const now = [...pointers.values()];
  const before = [...drag.points.values()];
  if (now.length >= 2) {
    pinch(before, now);
    return;
  }
  const [dx, dy] = [now[0].x - before[0].x, now[0].y - before[0].y];
  if (drag.fixed === null) change({ ...drag.square, x: drag.square.x + dx, y: drag.square.y + dy });
  else resize(drag.fixed, dx, dy);
}

const distance = ([one, other]) => Math.max(1, Math.hypot(one.x - other.x, one.y - other.y));
const middle = ([one, other]) => ({ x: (one.x + other.x) / 2, y: (one.y + other.y) / 2 });

// Fingers that move apart enlarge the square; it keeps its place between them.
function pinch(before, now) {
  const factor = distance(now) / distance(before);
  const [from, to] = [middle(before), middle(now)];
  change({ x: to.x - (from.x - drag.square.x) * factor, y: to.y - (from.y - drag.square.y) * factor, side: drag.square.side * factor });
}

function resize({ x, y, left, top }, dx, dy) {
  const photo = state.chosen;
  const room = Math.min(left ? x : photo.width - x, top ? y : photo.height - y);
  const grown = drag.square.side + Math.max(left ? -dx : dx, top ? -dy : dy);
  const side = clamp(grown, MIN_SHARE * Math.min(photo.width, photo.height), room);
  change({ x: left ? x - side : x, y: top ? y - side : y, side });
}

function end(event) {
  if (!pointers.delete(event.pointerId)) return;
  if (pointers.size === 0) drag = null;
  else startDrag();
}

// ---- Keys and wheel

function press(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const step = STEP * Math.min(state.chosen.width, state.chosen.height) * (event.shiftKey ? 4 : 1);
  const [dx, dy] = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] }[event.key] ?? [0, 0];
  if (dx || dy) change({ ...square, x: square.x + dx, y: square.y + dy });
  else if (event.key === "+" || event.key === "=") zoom(ZOOM);
  else if (event.key === "-") zoom(1 / ZOOM);
  else if (event.key === "Escape") reset();
  else return;
  event.preventDefault(); // no scrolling
}

// The wheel zooms while the square has the focus, and with Ctrl, which touchpads send for a pinch.
function turn(event) {
  if (byId("square").hidden || (document.activeElement !== byId("square") && !event.ctrlKey)) return;
  event.preventDefault();
  zoom(event.deltaY > 0 ? 1 / ZOOM : ZOOM);
}

// Start framing; `onChange` is called with a photo when its `crop` has changed.
export function startFraming(onChange) {
  report = onChange;
  const frame = byId("frame");
  frame.addEventListener("pointerdown", begin);
  frame.addEventListener("pointermove", move);
  for (const name of ["pointerup", "pointercancel"]) frame.addEventListener(name, end);
  frame.addEventListener("wheel", turn, { passive: false });
  frame.addEventListener("click", () => byId("square").focus({ preventScroll: true }));
  byId("square").addEventListener("keydown", press);
  byId("framing-smaller").addEventListener("click", () => zoom(1 / ZOOM));
  byId("framing-larger").addEventListener("click", () => zoom(ZOOM));
  byId("framing-reset").addEventListener("click", reset);
}

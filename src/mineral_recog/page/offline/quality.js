// What is wrong with a photo: too small, dark, blurred, flat or blank. See photo_checks.py and
// photo_quality.py, which this module follows.

import { box, grey, resize, round } from "./image.js";

const SIDE = 256; // pixels of the short side for the checks
const MIN_SHORT_SIDE = 112;
const MIN_BRIGHTNESS = 40; // of 255, of the brightest hundredth
const MIN_SHARPNESS = 10; // variance of the Laplacian in the sharpest part
const MAX_FLAT_SHARE = 0.95; // of pixels within 2 grey levels of their neighbours
const MAX_BLANK_CONTRAST = 5; // standard deviation of each channel around a plane
const PARTS = 4;

// The kinds of problems of a photo, each with its figure.
export function findProblems(image, fullWidth, fullHeight, imageSize) {
  const problems = {};
  const shortSide = Math.min(fullWidth, fullHeight);
  if (shortSide < MIN_SHORT_SIDE && 2 * shortSide < imageSize) problems.small = `${fullWidth} × ${fullHeight}`;
  const small = reduced(image);
  if (isBlank(small)) return { ...problems, blank: "" };
  const levels = grey(small);
  const flat = flatShare(levels, small.width, small.height);
  const brightness = brightest(levels);
  const sharp = sharpness(levels, small.width, small.height);
  if (flat > MAX_FLAT_SHARE) problems.flat = `${round(100 * flat)}%`;
  else if (brightness < MIN_BRIGHTNESS) problems.dark = `${brightness} / 255`;
  else if (sharp < MIN_SHARPNESS) problems.blurred = sharp.toFixed(1);
  return problems;
}

function reduced(image) {
  const scale = SIDE / Math.min(image.width, image.height);
  if (scale >= 1) return image;
  return resize(image, Math.max(1, round(image.width * scale)), Math.max(1, round(image.height * scale)), box);
}

function isBlank(image) {
  const count = image.width * image.height;
  return [0, 1, 2].every((channel) => {
    const values = Float64Array.from({ length: count }, (_, i) => image.data[3 * i + channel]);
    const rest = variance(values) - ofPlane(values, image.width, image.height);
    return Math.sqrt(Math.max(rest, 0)) < MAX_BLANK_CONTRAST;
  });
}

// The part of the variance that evenly changing light explains, from left to right and from top to bottom.
function ofPlane(values, width, height) {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const explained = (count, place) => {
    const middle = (count - 1) / 2;
    const covariance = values.reduce((sum, value, i) => sum + (value - mean) * (place(i) - middle), 0) / values.length;
    return covariance ** 2 / Math.max((count ** 2 - 1) / 12, 1);
  };
  return explained(width, (i) => i % width) + explained(height, (i) => Math.floor(i / width));
}

function variance(values) {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
}

function flatShare(levels, width, height) {
  if (Math.min(width, height) < 2) return 1;
  let flat = 0;
  for (let y = 1; y < height; y += 1) {
    for (let x = 1; x < width; x += 1) {
      const level = levels[y * width + x];
      const differs = (at) => Math.abs(level - levels[at]) > 2;
      if (!differs(y * width + x - 1) && !differs((y - 1) * width + x)) flat += 1;
    }
  }
  return flat / ((width - 1) * (height - 1));
}

// The 99th percentile of the grey levels.
function brightest(levels) {
  const counts = new Array(256).fill(0);
  for (const level of levels) counts[level] += 1;
  let sum = 0;
  return counts.findIndex((count) => (sum += count) >= 0.99 * levels.length);
}

// The variance of the Laplacian in the sharpest part of the photo.
function sharpness(levels, width, height) {
  if (Math.min(width, height) < 2 + PARTS) return Infinity;
  const columns = cuts(width - 2);
  const rows = cuts(height - 2);
  let most = 0;
  for (let i = 0; i < PARTS; i += 1) {
    for (let k = 0; k < PARTS; k += 1) {
      const values = [];
      for (let y = rows[i] + 1; y <= rows[i + 1]; y += 1) {
        for (let at = y * width + columns[k] + 1; at <= y * width + columns[k + 1]; at += 1) {
          values.push(levels[at - 1] + levels[at + 1] + levels[at - width] + levels[at + width] - 4 * levels[at]);
        }
      }
      most = Math.max(most, variance(values));
    }
  }
  return most;
}

// Where a length is cut into parts, the longer ones first, as numpy's array_split does.
function cuts(length) {
  const [short, longer] = [Math.floor(length / PARTS), length % PARTS];
  return Array.from({ length: PARTS + 1 }, (_, part) => part * short + Math.min(part, longer));
}

// A warning for each problem of each photo, in both languages.
export function qualityWarnings(photos, phrases) {
  return photos.flatMap((problems, index) =>
    Object.entries(problems).map(([kind, detail]) => {
      const { problem, advice } = phrases[kind];
      const which = photos.length > 1 ? ` ${index + 1}` : "";
      return {
        en: `${which ? "Photo" : "The photo"}${which} ${problem.en.replace("{detail}", detail)}: ${advice.en}.`,
        zh: `${which ? `第${which} 张照片` : "照片"}${problem.zh.replace("{detail}", detail)}：${advice.zh}。`,
      };
    }),
  );
}

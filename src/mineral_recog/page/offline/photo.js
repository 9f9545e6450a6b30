// Photos: decoded by the browser, upright and on white, and reduced to what the networks need.

import { reduce } from "./image.js";

// Decode a photo; returns {image, isJpeg}. Raises an error if the browser cannot decode it.
export async function decodePhoto(blob) {
  const start = new Uint8Array(await blob.slice(0, 3).arrayBuffer());
  const isJpeg = start[0] === 0xff && start[1] === 0xd8 && start[2] === 0xff;
  const bitmap = await createImageBitmap(blob, { imageOrientation: "from-image", colorSpaceConversion: "none" });
  const { width, height } = bitmap;
  const context = new OffscreenCanvas(width, height).getContext("2d", { alpha: false });
  context.fillStyle = "white"; // behind transparent parts
  context.fillRect(0, 0, width, height);
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return { image: withoutAlpha(context.getImageData(0, 0, width, height)), isJpeg };
}

function withoutAlpha({ width, height, data }) {
  const colours = new Uint8Array(3 * width * height);
  for (let i = 0; i < width * height; i += 1) {
    colours[3 * i] = data[4 * i];
    colours[3 * i + 1] = data[4 * i + 1];
    colours[3 * i + 2] = data[4 * i + 2];
  }
  return { width, height, data: colours };
}

// A photo at a resolution whose short side has a number of pixels at least. The command decodes large JPEGs at
// a fraction of their size; averaging the pixels gives nearly the same.
export function atResolution({ image, isJpeg }, shortSide) {
  const fits = Math.floor(Math.min(image.width, image.height) / shortSide);
  return isJpeg ? reduce(image, [8, 4, 2, 1].find((scale) => scale <= Math.max(1, fits))) : image;
}

// Removes what a camera writes into photos, such as place and time (EXIF).

import { redraw } from "./photos.js";

const START_OF_SCAN = 0xda;
const END = 0xd9;
const APP2 = 0xe2; // colour profiles, but also other content
const PLAIN = [0xe0, 0xdb, 0xc4, 0xdd, 0xc0, 0xc1, 0xc2]; // JFIF, tables, restarts and the size

// Return a photo without metadata: itself, or drawn again as a JPEG. Null if the browser cannot decode it.
export async function withoutMetadata(photo) {
  return isPlainJpeg(new Uint8Array(await photo.arrayBuffer())) ? photo : redraw(photo);
}

// Whether bytes are a JPEG of one image with nothing else in it, as browsers write them.
function isPlainJpeg(bytes) {
  if (bytes[0] !== 0xff || bytes[1] !== 0xd8) return false;
  let position = 2;
  while (bytes[position] === 0xff && bytes[position + 1] !== START_OF_SCAN) {
    const isProfile = bytes[position + 1] === APP2 && String.fromCharCode(...bytes.slice(position + 4, position + 15)) === "ICC_PROFILE";
    if (!isProfile && !PLAIN.includes(bytes[position + 1])) return false;
    position += 2 + 256 * bytes[position + 2] + bytes[position + 3];
  }
  if (bytes[position] !== 0xff || bytes[position + 1] !== START_OF_SCAN) return false;
  position += 2;
  // In the scan 0xff is followed by 0 or the number of a restart; anything else ends it.
  while (position < bytes.length && (bytes[position] !== 0xff || bytes[position + 1] === 0 || (bytes[position + 1] & 0xf8) === 0xd0)) position += 1;
  return bytes[position + 1] === END && position + 2 === bytes.length;
}

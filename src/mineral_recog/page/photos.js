// Prepare photos for sending.

const MAX_SIDE = 1024; // pixels; more would only take longer to send
const SENT_UNCHANGED = ["image/jpeg", "image/png", "image/webp"]; // every server reads these

// Shrink a photo for sending; return {body, url, width, height}. The browser turns it upright. Formats
// that not every server reads are sent as JPEG. A photo that the browser cannot decode is sent unchanged,
// without a size; the server may decode it.
export async function preparePhoto(file) {
  const image = await decode(file);
  if (image === null) return { body: file, url: null, width: 0, height: 0 };
  const scale = Math.min(1, MAX_SIDE / Math.max(image.width, image.height));
  const width = Math.max(1, Math.round(image.width * scale));
  const height = Math.max(1, Math.round(image.height * scale));
  let body = file;
  if (scale < 1 || !SENT_UNCHANGED.includes(await contentType(file))) body = (await draw(image.source, width, height)) ?? file;
  image.source.close?.();
  return { body, url: URL.createObjectURL(body), width, height };
}

// Draw a photo again as a JPEG, upright and without metadata; null if the browser cannot decode it.
export async function redraw(photo) {
  const image = await decode(photo);
  if (image === null) return null;
  const drawn = await draw(image.source, image.width, image.height);
  image.source.close?.();
  return drawn;
}

// The image in a file and its size; null if the browser cannot decode it.
async function decode(file) {
  try {
    const bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
    return { source: bitmap, width: bitmap.width, height: bitmap.height };
  } catch {
    return decodeElement(file);
  }
}

// Image elements show some formats that createImageBitmap refuses, such as SVG.
async function decodeElement(file) {
  const image = new Image();
  image.src = URL.createObjectURL(file);
  try {
    await image.decode();
    return { source: image, width: image.naturalWidth || MAX_SIDE, height: image.naturalHeight || MAX_SIDE };
  } catch {
    return null;
  } finally {
    URL.revokeObjectURL(image.src);
  }
}

async function draw(source, width, height) {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d");
  context.fillStyle = "white"; // behind transparent parts, as on the server
  context.fillRect(0, 0, width, height);
  context.imageSmoothingQuality = "high";
  context.drawImage(source, 0, 0, width, height);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.92));
}

// The media type by the first bytes, since names of files can be wrong; "" for others than SENT_UNCHANGED.
async function contentType(file) {
  const start = new Uint8Array(await file.slice(0, 12).arrayBuffer());
  const characters = String.fromCharCode(...start);
  if (characters.startsWith("\xff\xd8\xff")) return "image/jpeg";
  if (characters.startsWith("\x89PNG")) return "image/png";
  return characters.startsWith("RIFF") && characters.endsWith("WEBP") ? "image/webp" : "";
}

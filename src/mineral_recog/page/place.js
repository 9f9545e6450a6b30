// Where the device is. The browser asks the user; nothing is asked for before.

const SECONDS = 30;
const KEYS = { 1: "placeForbidden", 2: "placeUnknown", 3: "placeTooSlow" }; // codes of GeolocationPositionError

// Return {latitude, longitude, accuracy, time}; accuracy is in metres. Throws an error whose `key` names its text.
export function readPlace() {
  return new Promise((resolve, reject) => {
    const refuse = (key) => reject(Object.assign(new Error(key), { key }));
    if (!window.isSecureContext || !navigator.geolocation) {
      refuse("placeInsecure");
      return;
    }
    navigator.geolocation.getCurrentPosition(
      ({ coords, timestamp }) =>
        resolve({
          latitude: Number(coords.latitude.toFixed(6)), longitude: Number(coords.longitude.toFixed(6)), accuracy: Math.round(coords.accuracy), time: timestamp,
        }),
      ({ code }) => refuse(KEYS[code] ?? "placeUnknown"),
      { enableHighAccuracy: true, timeout: 1000 * SECONDS, maximumAge: 0 },
    );
  });
}

// @ts-check
/**
 * Receives the stream of a camera beside the page's own thread, and decodes its pictures.
 *
 * In: `{open: address}`, then `{painted: true}` after each picture. Out: pictures, `{closed: code}`.
 */
import { readMessage } from "./live_message.js";

/** From which on the painting of a picture counts as slow. */
const SLOW_MILLISECONDS = 80;
/** @type {WebSocket} */
let socket;
/** @type {ArrayBuffer | null} the newest message that was not handed over */
let newest = null;
/** Messages that were received and not yet asked for again. */
let owed = 0;
let isBusy = false;
let handedOverAt = 0;

/** Hand the newest picture over; of those that came while one was painted it is the only one. */
async function handOver() {
  if (isBusy || !newest) return;
  isBusy = true;
  const content = newest;
  newest = null;
  const picture = await readMessage(content).catch(() => null);
  handedOverAt = performance.now();
  if (picture) postMessage(picture, { transfer: [picture.bitmap] });
  else askForMore();
}

/** Ask for the next picture once one is painted; to a slow page one is under way, and none waits. */
function askForMore() {
  const isSlow = performance.now() - handedOverAt > SLOW_MILLISECONDS;
  const kept = isSlow ? (newest ? 2 : 1) : 0;
  for (; owed > kept && socket.readyState === WebSocket.OPEN; owed--) socket.send("next");
  isBusy = false;
  handOver();
}

addEventListener("message", ({ data }) => {
  if (!data.open) return askForMore();
  socket = new WebSocket(data.open);
  socket.binaryType = "arraybuffer";
  socket.addEventListener("message", (event) => {
    newest = event.data;
    owed++;
    handOver();
  });
  socket.addEventListener("close", ({ code }) => postMessage({ closed: code }));
});

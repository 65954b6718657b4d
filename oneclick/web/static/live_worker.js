// @ts-check
/**
 * Receives the stream of a camera beside the page's own thread, and decodes its pictures.
 *
 * In: `{open: address}`, then `{painted: true}` after each picture. Out: pictures, `{closed: code}`.
 */
import { readMessage } from "./live_message.js";

/** From which on the painting of a picture counts as slow. */
const SLOW_MILLISECONDS = 80;
/** Median time of painting above which pictures are asked for reduced, and below which in full. */
const [REDUCE_MILLISECONDS, RESTORE_MILLISECONDS] = [100, 50];
/** From which on a pause in which pictures were left out says that the network is slow. */
const PAUSE_MILLISECONDS = 150;
const [REDUCE_AFTER, LONGEST_TRIAL] = [7, 240];
/** @type {number[]} milliseconds that the last pictures took to be painted; Infinity of late ones */
let times = [];
let isReduced = false;
/** Pictures that must come in time before they are asked for in full again: more each time. */
let restoreAfter = 30;
/** Whether pictures were left out in a pause before the one that was handed over. */
let isLate = false;
let lastSeq = Infinity;

/** Choose the size of the next picture by how the last ones came and were painted. */
function chooseSize() {
  const due = isReduced ? restoreAfter : REDUCE_AFTER;
  times.push(isLate ? Infinity : performance.now() - handedOverAt);
  if (times.length < due) return;
  times = times.slice(-due);
  const median = times.toSorted((a, b) => a - b)[due >> 1];
  if (isReduced ? median > RESTORE_MILLISECONDS : median < REDUCE_MILLISECONDS) return;
  if (isReduced) restoreAfter = Math.min(2 * restoreAfter, LONGEST_TRIAL);
  isReduced = !isReduced;
  times = [];
}

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
  const now = performance.now();
  if (picture) {
    isLate = picture.head.seq > lastSeq + 1 && now - handedOverAt > PAUSE_MILLISECONDS;
    lastSeq = picture.head.seq;
  }
  handedOverAt = now;
  if (picture) postMessage(picture, { transfer: [picture.bitmap] });
  else askForMore();
}

/** Ask for the next picture once one is painted; to a slow page one is under way, and none waits. */
function askForMore() {
  const isSlow = performance.now() - handedOverAt > SLOW_MILLISECONDS;
  const kept = isSlow ? (newest ? 2 : 1) : 0;
  for (; owed > kept && socket.readyState === WebSocket.OPEN; owed--) socket.send(isReduced ? "less" : "next");
  isBusy = false;
  handOver();
}

addEventListener("message", ({ data }) => {
  if (data.painted) {
    chooseSize();
    return askForMore();
  }
  socket = new WebSocket(data.open);
  socket.binaryType = "arraybuffer";
  socket.addEventListener("message", (event) => {
    newest = event.data;
    owed++;
    handOver();
  });
  socket.addEventListener("close", ({ code }) => postMessage({ closed: code }));
});

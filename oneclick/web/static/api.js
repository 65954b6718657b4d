// @ts-check
/** Requests to the server: JSON in and out, refusals as errors with their status. */

/** A request that the server refused, or that did not reach it (status 0). */
export class Refusal extends Error {
  /**
   * @param {number} status
   * @param {any} body
   */
  constructor(status, body) {
    super(body?.error ?? (status ? `status ${status}` : "offline"));
    this.status = status;
    this.body = body ?? {};
  }
}

/**
 * Send a request and return the answer.
 * @param {string} path
 * @param {any} [body] sent by POST; undefined: GET
 * @param {{keepalive?: boolean, signal?: AbortSignal}} [options]
 * @returns {Promise<any>}
 */
export async function call(path, body, options = {}) {
  /** @type {RequestInit} */
  const init = { credentials: "same-origin", ...options };
  if (body !== undefined) {
    init.method = "POST";
    init.headers = { "Content-Type": "application/json" };
    init.body = JSON.stringify(body);
  }
  let response;
  try {
    response = await fetch(path, init);
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new Refusal(0, null);
  }
  const answer = await response.json().catch(() => null);
  if (response.ok) return answer;
  if (response.status === 401 && !location.pathname.startsWith("/login") && !location.pathname.startsWith("/enter"))
    location.assign(`/login?next=${encodeURIComponent(location.pathname)}`);
  throw new Refusal(response.status, answer);
}

/** @param {string} clip @param {string} [action] */
export const clipPath = (clip, action) =>
  `/api/clips/${encodeURIComponent(clip)}${action ? `/${action}` : ""}`;

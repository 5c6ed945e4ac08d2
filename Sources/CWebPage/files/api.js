// Talking to the service: requests with the key, errors, and server-sent events.

import { untilClosed } from './storage.js';

const keyName = 'gpt2.key';

/** The key lives as long as the tab and is never written to disk. */
export const apiKey = {
  get: () => untilClosed.get(keyName) ?? '',
  set: (value) => untilClosed.set(keyName, value || null),
};

/** What the service, or the way to it, said no with. `status` is 0 when there was no answer. */
export class ServiceError extends Error {
  constructor(message, { status = 0, code = '', param = null, retryAfter = null, body = null } = {}) {
    super(message);
    Object.assign(this, { status, code, param, retryAfter, body });
  }

  /** From the `error` object of a body or an event. */
  static of(error, answer = {}) {
    return new ServiceError(String(error?.message ?? 'an error without a message'), {
      ...answer, code: error?.code ?? '', param: error?.param ?? null,
    });
  }
}

/**
 * JSON, but seeds beyond what a JavaScript number can hold stay exact, as texts. Inside a JSON text a quotation mark
 * has a backslash before it, so the pattern matches only where a field begins.
 */
export function parse(text) {
  return JSON.parse(text.replace(/([{,]\s*"seed"\s*:\s*)(-?\d{16,})(?=\s*[,}])/g, '$1"$2"'));
}

/** The response of a request that went well; anything else is thrown as a `ServiceError`. */
export async function send(path, { method = 'GET', body, headers: more = {}, signal, timeout } = {}) {
  const headers = { ...more };
  if (body !== undefined) headers['content-type'] = 'application/json';
  if (apiKey.get()) headers['x-api-key'] = apiKey.get();
  const signals = [signal, timeout && AbortSignal.timeout(timeout)].filter(Boolean);
  let response;
  try {
    response = await fetch(path, {
      method, body, headers, cache: 'no-store', signal: signals.length ? AbortSignal.any(signals) : undefined,
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ServiceError('The service can’t be reached.');
  }
  if (response.ok) return response;
  if (response.status === 401) document.dispatchEvent(new CustomEvent('keyrefused'));
  const retryAfter = Number(response.headers.get('retry-after')) || null;
  const content = await response.text().catch(() => '');
  let answer = null;
  try {
    answer = parse(content);
  } catch {
    // A proxy in between may answer with something else than JSON.
  }
  const error = answer?.error ?? { message: `HTTP ${response.status} ${response.statusText}` };
  throw ServiceError.of(error, { status: response.status, retryAfter, body: answer });
}

export async function getJSON(path, options) {
  return parse(await (await send(path, { timeout: 8000, ...options })).text());
}

export async function postJSON(path, body, options) {
  return parse(await (await send(path, { method: 'POST', body, ...options })).text());
}

/** The data of each server-sent event of a response. */
export async function* eventsOf(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let buffer = '';
  try {
    for (;;) {
      const { done, value } = await reader.read();
      buffer += done ? '\n\n' : value;
      const blocks = buffer.split(/\r?\n\r?\n/);
      buffer = blocks.pop();
      for (const block of blocks) {
        const lines = block.split(/\r?\n/).filter((line) => line.startsWith('data:'));
        if (lines.length) yield lines.map((line) => line.slice(5).replace(/^ /, '')).join('\n');
      }
      if (done) return;
    }
  } finally {
    // Leaving early closes the connection, and with it the job.
    reader.cancel().catch(() => {});
  }
}

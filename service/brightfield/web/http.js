/**
 * The one module that speaks HTTP. Errors become `Problem`, a service that is away is waited for,
 * and a reply is asked for once however it is used.
 */

/** @typedef {{type?: string, title?: string, status?: number, detail?: string, code?: string, request_id?: string, retryable?: boolean, errors?: {location?: string}[]}} ProblemDocument */
/** @typedef {Record<string, string | number | boolean | null | undefined>} Query */
/** @typedef {{method?: string, query?: Query, body?: BodyInit | null, headers?: Record<string, string>, signal?: AbortSignal | null}} Ask */
/** @typedef {{id: string, endpoint: string, state: string, progress: {done: number, total: number}, problem?: ProblemDocument}} Job */
/** @typedef {{signal?: AbortSignal | null, onprogress?: (done: number, total: number) => void, onpartial?: (data: any) => void, onjob?: (id: string) => void}} Watch */

/** Where the service is: the page's own address, also below a path. */
export const ROOT = new URL('.', document.baseURI);

/** What the service refused, in its own words. */
export class Problem extends Error {
  /** @param {ProblemDocument} document @param {number | null} [retryAfter] seconds */
  constructor(document, retryAfter = null) {
    super(document.detail || document.title || 'The service gave no reason.');
    this.title = document.title || 'Refused';
    this.status = document.status ?? 0;
    this.detail = document.detail || '';
    this.code = document.code || 'unknown';
    this.retryable = document.retryable ?? false;
    this.retryAfter = retryAfter;
    this.requestId = document.request_id || '';
    this.locations = (document.errors || []).map((each) => each.location || '');
  }
}

/** Tells when the service goes away (`away`), is back (`back`), or wants a key (`key`). */
export const service = new EventTarget();

const KEY = 'brightfield-key';
/** @type {Promise<void> | null} */
let outage = null;

/** Use this API key from now on, as long as the tab is open. @param {string} key */
export function useKey(key) {
  if (key) sessionStorage.setItem(KEY, key);
  else sessionStorage.removeItem(KEY);
}

/** Whether a key is used. */
export const hasKey = () => sessionStorage.getItem(KEY) !== null;

/** The address of a path, with those parameters that have a value. @param {string} path @param {Query} [query] */
export function address(path, query = {}) {
  const url = new URL(path.replace(/^\//, ''), ROOT);
  for (const [name, value] of Object.entries(query)) {
    if (value !== null && value !== undefined && value !== '') url.searchParams.set(name, String(value));
  }
  return url;
}

/** The reply, if it is a success. Throws `Problem`, or AbortError. @param {string} path @param {Ask} [ask] */
export async function reply(path, ask = {}) {
  for (;;) {
    try {
      const answer = await fetch(address(path, ask.query), options(ask));
      if (answer.ok) return answer;
      throw await problemOf(answer);
    } catch (fault) {
      const away = fault instanceof TypeError || (fault instanceof Problem && fault.code === 'service_stopping');
      if (!away) throw fault;
      await back(ask.signal);
    }
  }
}

/** The reply as JSON. @param {string} path @param {Ask} [ask] @returns {Promise<any>} */
export const json = async (path, ask) => (await reply(path, ask)).json();

/** The reply's bytes. @param {string} path @param {Ask} [ask] */
export const blob = async (path, ask) => (await reply(path, ask)).blob();

/** POST and the reply as JSON. @param {string} path @param {Query} query @param {AbortSignal | null} [signal] */
export const post = (path, query, signal) => json(path, { method: 'POST', query, signal });

/** Keep an image; its facts with the `id` that stands for it. @param {Blob} file @param {AbortSignal | null} [signal] */
export const keep = (file, signal) => json('images', { method: 'PUT', body: file, signal });

/**
 * Ask for something that takes long, as a job: its result as JSON. A signal that aborts cancels the job.
 * @param {string} path @param {Query} query @param {Watch} [watch] @param {BodyInit | null} [body] @param {Record<string, string>} [headers]
 */
export async function job(path, query, watch = {}, body = null, headers = {}) {
  return (await jobReply(path, query, watch, body, headers)).json();
}

/**
 * As `job`, in whatever format was asked for.
 * @param {string} path @param {Query} query @param {Watch} [watch] @param {BodyInit | null} [body] @param {Record<string, string>} [headers]
 */
export async function jobReply(path, query, watch = {}, body = null, headers = {}) {
  const begun = await json(path, { method: 'POST', query, body, headers: { Prefer: 'respond-async', ...headers }, signal: watch.signal });
  watch.onjob?.(begun.id);
  return followed(begun.id, watch);
}

/** The result of a job that runs already, as after a reload. @param {string} id @param {Watch} [watch] @returns {Promise<any>} */
export const follow = async (id, watch) => (await followed(id, watch)).json();

/** @param {string} id @param {Watch} [watch] */
async function followed(id, watch = {}) {
  const cancel = () => void fetch(address(`jobs/${id}`), options({ method: 'DELETE' })).catch(() => {});
  watch.signal?.addEventListener('abort', cancel, { once: true });
  try {
    let last = 0;
    for (let ended = false; !ended; ) {
      const stream = await reply(`jobs/${id}/events`, { headers: last ? { 'Last-Event-ID': String(last) } : {}, signal: watch.signal });
      for await (const event of events(stream, watch.signal)) {
        last = event.id || last;
        if (event.name === 'progress') watch.onprogress?.(event.data.done, event.data.total);
        else if (event.name === 'partial') watch.onpartial?.(event.data);
        else if (event.name === 'end') ended = true;
      }
    }
    return await reply(`jobs/${id}/result`, { signal: watch.signal });
  } finally {
    watch.signal?.removeEventListener('abort', cancel);
  }
}

/**
 * Server-sent events until the stream ends or breaks.
 * @param {Response} stream @param {AbortSignal | null} [signal]
 * @returns {AsyncGenerator<{id: number, name: string, data: any}>}
 */
async function* events(stream, signal) {
  const reader = /** @type {ReadableStream<Uint8Array>} */ (stream.body).getReader();
  const decoder = new TextDecoder();
  let text = '';
  for (;;) {
    const piece = await reader.read().catch((fault) => {
      if (signal?.aborted) throw fault;
      return { done: true, value: undefined };
    });
    if (piece.done) return;
    text += decoder.decode(piece.value, { stream: true });
    const blocks = text.split(/\r?\n\r?\n/);
    text = blocks.pop() || '';
    for (const block of blocks) {
      const event = parsed(block);
      if (event) yield event;
    }
  }
}

/** @param {string} block */
function parsed(block) {
  let id = 0;
  let name = 'message';
  const data = [];
  for (const line of block.split(/\r?\n/)) {
    const [, field, value] = /^(\w*): ?(.*)$/.exec(line) || [];
    if (field === 'id') id = Number(value);
    else if (field === 'event') name = value;
    else if (field === 'data') data.push(value);
  }
  return data.length ? { id, name, data: JSON.parse(data.join('\n')) } : null;
}

/** @param {Ask} ask @returns {RequestInit} */
function options(ask) {
  const key = sessionStorage.getItem(KEY);
  const headers = { ...(key ? { Authorization: `Bearer ${key}` } : {}), ...ask.headers };
  return { method: ask.method || 'GET', body: ask.body ?? null, headers, signal: ask.signal ?? null };
}

/** @param {Response} answer */
async function problemOf(answer) {
  const document = await answer.json().catch(() => ({ title: answer.statusText, status: answer.status }));
  const problem = new Problem({ status: answer.status, ...document }, Number(answer.headers.get('Retry-After')) || null);
  if (problem.status === 401) service.dispatchEvent(new Event('key'));
  return problem;
}

/** Resolves when the service answers again. @param {AbortSignal | null} [signal] */
async function back(signal) {
  outage ??= waitForService().finally(() => { outage = null; });
  await outage;
  signal?.throwIfAborted();
}

async function waitForService() {
  service.dispatchEvent(new Event('away'));
  for (;;) {
    await new Promise((resolve) => { setTimeout(resolve, 700); });
    const answer = await fetch(address('livez')).catch(() => null);
    if (answer?.ok) break;
  }
  service.dispatchEvent(new Event('back'));
}

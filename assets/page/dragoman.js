/**
 * Client of a Dragoman caption feed: one ES module without dependencies, for browsers, Node (22 or
 * newer) and Deno.
 *
 *   const feed = new CaptionFeed("wss://example.org:8765/captions", { langs: ["de"] });
 *   feed.addEventListener("caption", ({ detail }) => console.log(detail.target.committed));
 *   feed.open();
 *
 * It connects again by itself and resumes where it was: every final arrives once, in order. The
 * form of the messages is described in docs/feed.md.
 */

const FORMAT_VERSION = 1;
const MAX_RESUMED_SESSIONS = 20;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 8000;

/**
 * Events: "caption" (detail: the caption), "lost" (detail: sessions of which some finals are no
 * longer kept) and "state" (detail: "connecting", "open", "waiting" or "closed").
 */
export class CaptionFeed extends EventTarget {
  #url;
  #lastSeq = new Map(); // session → the last seq that arrived; the newest session comes last
  #socket = null;
  #timer = null;
  #pauseMs = FIRST_PAUSE_MS;
  #closed = false;

  /**
   * @param {string | URL} url of the feed; its path is /captions
   * @param {object} [options]
   * @param {string} [options.token] what the server asks for
   * @param {string} [options.session] captions of this session only
   * @param {string[]} [options.langs] captions from or into these languages only
   * @param {"live" | "reading"} [options.mode] reading: no word is ever taken back
   */
  constructor(url, { token, session, langs = [], mode } = {}) {
    super();
    this.#url = new URL(url);
    const query = this.#url.searchParams;
    if (token) query.set("token", token);
    if (session) query.set("session", session);
    if (langs.length) query.set("lang", langs.join(","));
    if (mode) query.set("mode", mode);
  }

  /** Connect, and stay connected until `close`. */
  open() {
    this.#closed = false;
    this.#tell("state", "connecting");
    const url = new URL(this.#url);
    for (const [session, seq] of [...this.#lastSeq].slice(-MAX_RESUMED_SESSIONS)) {
      url.searchParams.append("after", `${session}:${seq}`);
    }
    const socket = new WebSocket(url);
    this.#socket = socket;
    socket.onmessage = ({ data }) => this.#receive(JSON.parse(data));
    socket.onclose = () => this.#retry();
  }

  /** Leave. */
  close() {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#socket?.close();
    this.#tell("state", "closed");
  }

  #receive(message) {
    if (message.type && message.type !== "snapshot") return; // of a later version
    if (message.v !== FORMAT_VERSION) {
      throw new RangeError(`caption format ${message.v} is not ${FORMAT_VERSION}`);
    }
    if (!message.type) {
      this.#accept(message);
      return;
    }
    this.#pauseMs = FIRST_PAUSE_MS;
    this.#tell("state", "open");
    if (message.lost?.length) this.#tell("lost", message.lost);
    message.captions.forEach((caption) => this.#accept(caption));
  }

  #accept(caption) {
    const { session, seq } = caption;
    if (seq <= (this.#lastSeq.get(session) ?? -1)) return;
    this.#lastSeq.delete(session);
    this.#lastSeq.set(session, seq);
    if (this.#lastSeq.size > MAX_RESUMED_SESSIONS) {
      this.#lastSeq.delete(this.#lastSeq.keys().next().value);
    }
    this.#tell("caption", caption);
  }

  #retry() {
    if (this.#closed) return;
    this.#tell("state", "waiting");
    const jitter = 0.75 + Math.random() / 2; // so that a hall of phones does not come back at once
    this.#timer = setTimeout(() => this.open(), this.#pauseMs * jitter);
    this.#pauseMs = Math.min(2 * this.#pauseMs, LONGEST_PAUSE_MS);
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

/** Committed and tentative text as one string. */
export function fullText({ committed, tentative }) {
  return [committed, tentative].filter(Boolean).join(" ");
}

/** The caption page: what the URL asks for, and a paragraph for each segment. */

import { CaptionFeed, fullText } from "./dragoman.js";

const MAX_SEGMENTS = 200; // older ones leave the page
const MAX_SPOKEN = 20; // sentences kept for a screen reader
const READING_PAUSE_MS = 1200; // in reading mode the page changes at most so often
const SCALES = [0.25, 0.5, 0.75, 1, 1.3, 1.7, 2.2, 2.7]; // of the size of the style, or of the URL
const AT_END_PX = 80; // so near to its end the page goes on to show the newest caption
const LONG_WORD = /(\S{8,})([^\s\p{P}]{2}\p{P}+)(?=\s|$)/u; // and its end: two letters, a full stop
const REFUSALS = {
  401: "This address lacks the right token; ask for the whole address",
  503: "Too many viewers; trying again …",
};

const asked = new URLSearchParams(location.search);
const root = document.documentElement;
const page = document.getElementById("captions");
const spoken = document.getElementById("spoken");
const buttons = Object.fromEntries(
  [...document.querySelectorAll("button")].map((button) => [button.id, button]),
);
const segments = new Map(); // session and segment → { caption, paragraph }
const changed = new Set();
const state = document.getElementById("state");
let scale = SCALES.indexOf(1);
let following = true; // until somebody scrolls back
let feed = null;
let connected = false;
let painting = false;
let paintedAt = -Infinity;

/** The languages shown for a caption, in order; without `lang` the translation. */
function shownTexts({ source, target }) {
  const wanted = (asked.get("lang") ?? "").split(",").filter(Boolean);
  if (pressed(buttons.both)) return [source, target];
  const found = wanted.map((lang) => [target, source].find((text) => text.lang === lang));
  const texts = found.filter(Boolean);
  return texts.length ? texts : [target];
}

/** Words for an element. One longer than a line is broken, but not right before its full stop. */
function breakable(words) {
  return words.split(LONG_WORD).map((part, at) => {
    if (at % 3 !== 2) return part;
    const end = document.createElement("span");
    end.className = "end";
    end.textContent = part;
    return end;
  });
}

function line(text, isSource) {
  const element = document.createElement("div");
  element.lang = text.lang;
  element.dir = "auto"; // the text itself says whether it runs from right to left
  element.className = isSource ? "source" : "target";
  for (const [kind, words] of [["committed", text.committed], ["tentative", text.tentative]]) {
    if (!words) continue;
    const span = document.createElement("span");
    span.className = kind;
    span.append(...breakable(words));
    if (element.childNodes.length) element.append(" ");
    element.append(span);
  }
  return element;
}

function accept({ detail: caption }) {
  const key = `${caption.session}/${caption.segment}`;
  const segment = segments.get(key) ?? { caption: null, paragraph: null };
  const spokenBefore = segment.caption?.final; // another connection brings finals again
  segment.caption = caption;
  segments.set(key, segment);
  changed.add(key);
  if (caption.final && !spokenBefore) speak(caption);
  tell("");
  schedule();
}

function speak(caption) {
  for (const text of shownTexts(caption)) {
    const sentence = document.createElement("p");
    sentence.lang = text.lang;
    sentence.textContent = fullText(text);
    spoken.append(sentence);
  }
  while (spoken.childElementCount > MAX_SPOKEN) spoken.firstElementChild.remove();
}

/** Paint with the next frame; in reading mode not before what is shown could be read. */
function schedule() {
  if (painting) return;
  painting = true;
  const dwellMs = pressed(buttons.steady) ? READING_PAUSE_MS : 0;
  const waitMs = Math.max(paintedAt + dwellMs - performance.now(), 0);
  setTimeout(() => requestAnimationFrame(paint), waitMs);
}

function paint() {
  painting = false;
  paintedAt = performance.now();
  for (const key of changed) {
    const segment = segments.get(key);
    if (!segment) continue;
    if (!segment.paragraph) {
      segment.paragraph = document.createElement("p");
      page.append(segment.paragraph);
    }
    const { caption, paragraph } = segment;
    paragraph.replaceChildren(
      ...shownTexts(caption).map((text) => line(text, text === caption.source)),
    );
  }
  changed.clear();
  while (segments.size > MAX_SEGMENTS) {
    const [oldest, { paragraph }] = segments.entries().next().value;
    paragraph?.remove();
    segments.delete(oldest);
  }
  follow();
}

/** Keep the newest caption in sight, unless somebody reads further up. */
function follow() {
  if (following || !page.matches(":focus, :hover")) page.scrollTop = page.scrollHeight;
}

function pressed(button) {
  return button.getAttribute("aria-pressed") === "true";
}

function press(button, state = !pressed(button)) {
  button.setAttribute("aria-pressed", String(state));
}

function resize(step) {
  scale = Math.min(Math.max(scale + step, 0), SCALES.length - 1);
  root.style.setProperty("--scale", SCALES[scale]);
  follow();
}

function repaint() {
  for (const key of segments.keys()) changed.add(key);
  schedule();
}

/** Say how things stand; nothing that was said already, or a screen reader says it at each try. */
function tell(words) {
  if (state.textContent !== words) state.textContent = words;
}

function tellState({ detail }) {
  connected = detail === "open";
  if (detail === "connecting" && !state.textContent) tell("Connecting …");
  if (connected) tell(segments.size ? "" : "No captions yet");
  if (detail === "waiting") tellWhy();
}

/** Ask over HTTP, too: a WebSocket that is refused does not say why. */
async function tellWhy() {
  const url = new URL("captions", location.href);
  if (asked.has("token")) url.searchParams.set("token", asked.get("token"));
  const answer = await fetch(url).catch(() => null); // nobody answers
  if (!connected) tell(REFUSALS[answer?.status] ?? "Not connected; trying again …");
}

function connect() {
  feed?.close();
  const url = new URL("captions", location.href);
  url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  feed = new CaptionFeed(url, {
    token: asked.get("token"),
    session: asked.get("session"),
    langs: (asked.get("lang") ?? "").split(",").filter(Boolean),
    mode: pressed(buttons.steady) ? "reading" : "live",
  });
  feed.addEventListener("caption", accept);
  feed.addEventListener("state", tellState);
  feed.open();
}

/** Set a custom property from the URL, if it is a value that the style understands. */
function style(parameter, property, kind) {
  const value = asked.get(parameter);
  if (value && CSS.supports(kind, value)) root.style.setProperty(property, value);
}

function obey() {
  style("size", "--size", "font-size");
  style("color", "--color", "color");
  style("background", "--background", "background-color");
  style("outline", "--outline", "color");
  const lines = Number(asked.get("lines"));
  if (lines >= 1) {
    root.classList.add("lines");
    root.style.setProperty("--lines", String(Math.min(Math.round(lines), 10)));
  }
  root.classList.toggle("bare", asked.has("bare") || asked.get("background") === "transparent");
  root.classList.toggle("centre", asked.get("align") === "centre");
  press(buttons.both, asked.get("show") === "both");
  press(buttons.steady, asked.get("mode") === "reading");
}

page.addEventListener("scroll", () => {
  following = page.scrollHeight - page.scrollTop - page.clientHeight < AT_END_PX;
});
new ResizeObserver(follow).observe(page); // a phone that is turned round
buttons.smaller.onclick = () => resize(-1);
buttons.larger.onclick = () => resize(+1);
buttons.both.onclick = () => {
  press(buttons.both);
  repaint();
};
buttons.steady.onclick = () => {
  press(buttons.steady);
  connect();
};
const KEYS = { "+": "larger", "-": "smaller", o: "both", r: "steady" };
document.addEventListener("keydown", (event) => {
  const id = KEYS[event.key];
  if (id && !event.ctrlKey && !event.metaKey && !event.altKey) buttons[id].click();
});

obey();
connect();

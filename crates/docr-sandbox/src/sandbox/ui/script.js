// Keeps an open page as the sandbox is: whenever that has something new, the page is fetched again, and what has
// changed of it takes the place of what is shown. Without this script pages stay as they were when they were opened.
"use strict";

const PAUSE = 300;
const status = document.getElementById("status");
let source = null;
let busy = false;
let wanted = false;
let shown = null;
let timer = 0;

const live = () => document.getElementById("live");

function say(text) {
  if (status.textContent !== text) status.textContent = text;
}

// Someone marks text in order to copy it.
function marking() {
  const selection = document.getSelection();
  return selection && !selection.isCollapsed && live().contains(selection.anchorNode);
}

async function refresh() {
  wanted = true;
  if (busy || document.hidden || marking()) return;
  busy = true;
  wanted = false;
  const began = performance.now();
  try {
    const response = await fetch(location.href, { cache: "no-store" });
    show(new DOMParser().parseFromString(await response.text(), "text/html"));
  } catch {
    // The sandbox is gone; the stream comes back with it.
  }
  // A page that takes long is fetched the less often.
  const took = performance.now() - began;
  setTimeout(() => {
    busy = false;
    if (wanted) refresh();
  }, Math.max(PAUSE, 4 * took));
}

function show(page) {
  const next = page.getElementById("live");
  if (!next) return;
  document.title = page.title;
  document.querySelector("h1").textContent = page.querySelector("h1").textContent;
  document.getElementById("as-of").replaceWith(page.getElementById("as-of"));
  const html = next.outerHTML;
  if (html !== shown) {
    swap(next);
    shown = html;
  }
  plan();
}

function swap(next) {
  const old = live();
  for (const details of old.querySelectorAll("details[id]")) {
    const same = next.querySelector(`#${CSS.escape(details.id)}`);
    if (same) same.open = details.open;
  }
  const focused = old.contains(document.activeElement) ? selector(document.activeElement) : null;
  const { scrollX, scrollY } = window;
  old.replaceWith(next);
  if (focused) next.querySelector(focused)?.focus({ preventScroll: true });
  window.scrollTo(scrollX, scrollY);
}

// How an element is found again.
function selector(element) {
  if (element.localName === "summary") return `#${CSS.escape(element.parentElement.id)} > summary`;
  const address = element.getAttribute("href");
  return address === null ? null : `a[href="${CSS.escape(address)}"]`;
}

// What changes by itself is looked at again after a while.
function plan() {
  clearTimeout(timer);
  const after = Number(live().dataset.after);
  if (after) timer = setTimeout(refresh, after);
}

function listen() {
  let lost = false;
  source = new EventSource("/_docr/ui/events");
  source.onopen = () => {
    say("Live");
    if (lost || wanted) refresh();
    lost = false;
  };
  source.onmessage = ({ data }) => {
    const on = live().dataset.on.split(" ");
    if (data.split(" ").some((what) => on.includes(what))) refresh();
  };
  source.onerror = () => {
    lost = true;
    say("The sandbox does not respond");
    if (source.readyState === EventSource.CLOSED) setTimeout(wake, 2000);
  };
}

function sleep() {
  source?.close();
  source = null;
}

// A page in the background costs neither the sandbox nor the browser anything.
function wake() {
  sleep();
  if (document.hidden) return;
  wanted = true;
  listen();
}

document.addEventListener("visibilitychange", () => (document.hidden ? sleep() : wake()));
document.addEventListener("selectionchange", () => {
  if (wanted && !marking()) refresh();
});
addEventListener("pagehide", sleep);
addEventListener("pageshow", ({ persisted }) => persisted && wake());
wake();
plan();

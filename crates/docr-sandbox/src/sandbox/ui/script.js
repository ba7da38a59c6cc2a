// Keeps an open page up to date: whenever the sandbox reports a change, the page is fetched again and its live part
// replaced. Without this script pages don't change once they are open.
"use strict";

const PAUSE = 300;
const status = document.getElementById("status");
let source = null;
let busy = false;
let wanted = false;
let pressed = false;
let timer = 0;

const live = () => document.getElementById("live");
let shown = live().outerHTML;

function say(text) {
  if (status.textContent !== text) status.textContent = text;
}

// Text is being selected, or a click is in progress: nothing must move below the pointer.
function handled() {
  const selection = document.getSelection();
  const marks = selection && !selection.isCollapsed && live().contains(selection.anchorNode);
  return pressed || marks;
}

async function refresh() {
  wanted = true;
  if (busy || document.hidden || handled()) return;
  busy = true;
  wanted = false;
  const began = performance.now();
  try {
    const response = await fetch(location.href, { cache: "no-store" });
    show(new DOMParser().parseFromString(await response.text(), "text/html"));
  } catch {
    // The sandbox has stopped; the stream reconnects when it is back.
  }
  // A slow page is fetched less often.
  const took = performance.now() - began;
  setTimeout(() => {
    busy = false;
    if (wanted) refresh();
  }, Math.max(PAUSE, 4 * took));
}

function show(page) {
  const next = page.getElementById("live");
  if (!next) return;
  if (handled()) {
    wanted = true;
    return;
  }
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

// A selector that finds an element again.
function selector(element) {
  if (element.localName === "summary") return `#${CSS.escape(element.parentElement.id)} > summary`;
  const address = element.getAttribute("href");
  return address === null ? null : `a[href="${CSS.escape(address)}"]`;
}

// A page that changes by itself is refreshed after a while.
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

// A page in the background uses no resources.
function wake() {
  sleep();
  if (document.hidden) return;
  wanted = true;
  listen();
}

document.addEventListener("visibilitychange", () => (document.hidden ? sleep() : wake()));
document.addEventListener("pointerdown", ({ button }) => (pressed = button === 0));
for (const end of ["pointerup", "pointercancel", "selectionchange", "dragend"]) {
  document.addEventListener(end, () => {
    if (end !== "selectionchange") pressed = false;
    // A click event follows right after the pointer is up.
    if (wanted) setTimeout(refresh);
  });
}
addEventListener("pagehide", sleep);
addEventListener("pageshow", ({ persisted }) => persisted && wake());
wake();
plan();

"use strict";
// Live updates, keys, local time. Every page works without it.

const parser = new DOMParser();
const served = new Map(); // what the server sent last, by id: what is shown differs by local times

function two(n) { return String(n).padStart(2, "0"); }

function localTimes(within) {
  for (const time of within.querySelectorAll("time[datetime]")) {
    const at = new Date(time.dateTime);
    if (Number.isNaN(at.getTime())) continue;
    const clock = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
    const date = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
    time.textContent = "clock" in time.dataset ? clock : `${date} ${clock}`;
  }
}

const WORKING = "input:checked, details[open], :is(input:not([type=checkbox]), textarea, select, button):focus";

// Puts a fresh part in the place of an old one, only where it differs, and who reads there stays where
// they are. Says whether it could: somebody may work there.
function swap(fresh) {
  const old = document.getElementById(fresh.id);
  if (!old || served.get(fresh.id) === fresh.innerHTML) return true;
  if (old.querySelector(WORKING)) return false;
  const known = new Set(Array.from(old.querySelectorAll("tr[id]"), (row) => row.id));
  const on = old.querySelector("tr[id] :focus")?.closest("tr").id;
  const places = Array.from(old.querySelectorAll(".scroll"), (part) => [part.scrollLeft, part.scrollTop]);
  served.set(fresh.id, fresh.innerHTML);
  localTimes(fresh);
  old.replaceChildren(...fresh.childNodes);
  if (known.size > 0) {
    for (const row of old.querySelectorAll("tr[id]")) {
      if (!known.has(row.id)) row.classList.add("fresh");
    }
  }
  old.querySelectorAll(".scroll").forEach((part, index) => { part.scrollTo(...places[index] ?? [0, 0]); });
  if (on) keep(document.getElementById(on));
  return true;
}

async function page(path) {
  const answer = await fetch(path, { credentials: "same-origin" });
  if (answer.redirected && new URL(answer.url).pathname === "/login") {
    location.reload();
    return null;
  }
  return answer.ok ? parser.parseFromString(await answer.text(), "text/html") : null;
}

// What the appliance had told when the page was made: more since then, and the page is stale.
let told = document.querySelector("main")?.dataset.told;
let stale = false; // something is newer than what is shown
let busy = false;
let held = false; // a part waits for whoever works in it

async function refresh() {
  stale = true;
  if (busy || !document.querySelector("[data-live][id]")) return;
  busy = true;
  try {
    while (stale && !document.hidden) {
      stale = false;
      const fresh = await page(location.pathname + location.search);
      if (fresh) told = fresh.querySelector("main")?.dataset.told;
      for (const part of fresh ? fresh.querySelectorAll("[data-live][id]") : []) held = !swap(part) || held;
      await new Promise((done) => { setTimeout(done, 400); }); // alerts come in groups
    }
  } catch { stale = true; /* the strip says when the appliance is away, and when it is back */ } finally { busy = false; }
}

function release() {
  if (held) { held = false; refresh(); }
}

function unknown() {
  for (const cell of document.querySelectorAll("#strip > div")) {
    cell.className = "unknown";
    const value = cell.querySelector("dd");
    if (value) value.textContent = "? no answer";
  }
  served.delete("strip");
}

// Also says whether anything was told that did not come here: before this page listened, or while it could not.
async function strip() {
  if (document.hidden) return;
  try {
    const fresh = await page("/strip");
    const part = fresh && fresh.getElementById("strip");
    if (!part) { unknown(); return; }
    swap(part);
    if (stale || part.dataset.told !== told) { told = part.dataset.told; refresh(); }
  } catch { unknown(); }
}

// Nobody looks at a hidden page: it leaves its place to others.
let events = null;
function live() {
  events?.close();
  events = document.hidden ? null : new EventSource("/api/v1/events");
  events?.addEventListener("open", strip);
  for (const name of ["alert", "incident", "health", "missed"]) events?.addEventListener(name, refresh);
}

// The row that the keys are on.
let at = -1;
function rows() { return Array.from(document.querySelectorAll("tr[data-href]")); }
function keep(row) {
  const all = rows();
  at = all.indexOf(row);
  all.forEach((one) => { one.classList.toggle("on", one === row); });
  row?.querySelector("a")?.focus({ preventScroll: true });
}
function move(by) {
  const all = rows();
  if (all.length === 0) return;
  keep(all[Math.min(Math.max(at + by, 0), all.length - 1)]);
  all[at].scrollIntoView({ block: "nearest" });
}

function acknowledge() {
  const button = document.querySelector("[data-key='a']");
  if (button) { button.click(); return; }
  const row = rows()[at];
  const box = row && row.querySelector("input[type=checkbox]");
  if (!box || !box.form) return;
  for (const other of box.form.querySelectorAll("input[name=id]:checked")) other.checked = false;
  box.checked = true;
  box.form.requestSubmit();
}

const keys = {
  "/": () => { const field = document.getElementById("search"); if (field) field.focus(); else location.assign("/alerts"); },
  j: () => { move(1); },
  k: () => { move(-1); },
  Enter: () => { const row = rows()[at]; if (row) location.assign(row.dataset.href); },
  a: acknowledge,
  "?": () => { document.getElementById("keys")?.showModal(); },
};

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input:not([type=checkbox]), textarea, select");
  if (event.ctrlKey || event.metaKey || event.altKey || typing || document.querySelector("dialog[open]")) return;
  if (event.key === "Enter" && event.target.closest("a, button, summary")) return;
  if (!Object.hasOwn(keys, event.key)) return;
  event.preventDefault();
  keys[event.key]();
});

document.addEventListener("click", async (event) => {
  const chip = event.target.closest("[data-copy]");
  if (!chip || event.target.closest("a")) return;
  await navigator.clipboard?.writeText(chip.dataset.copy);
  chip.classList.add("copied");
});

for (const part of document.querySelectorAll("[data-live][id], #strip")) served.set(part.id, part.innerHTML);
localTimes(document);
if (window.matchMedia("(max-width: 60rem)").matches) {
  for (const side of document.querySelectorAll("details.sides")) side.removeAttribute("open");
}
if (document.getElementById("strip")) {
  live();
  setInterval(strip, 2000);
  document.addEventListener("visibilitychange", () => { live(); strip(); });
  for (const done of ["focusout", "change", "toggle"]) document.addEventListener(done, release, true);
  if (document.getElementById("pulse")) setInterval(refresh, 15000);
}

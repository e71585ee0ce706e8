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

// Puts a fresh part in the place of an old one, only where it differs.
function swap(fresh) {
  const old = document.getElementById(fresh.id);
  if (!old || served.get(fresh.id) === fresh.innerHTML) return;
  if (old.querySelector("input:checked, details[open], :focus")) return; // somebody works there
  const known = new Set(Array.from(old.querySelectorAll("tr[id]"), (row) => row.id));
  served.set(fresh.id, fresh.innerHTML);
  localTimes(fresh);
  old.replaceChildren(...fresh.childNodes);
  if (known.size > 0) {
    for (const row of old.querySelectorAll("tr[id]")) {
      if (!known.has(row.id)) row.classList.add("fresh");
    }
  }
}

async function page(path) {
  const answer = await fetch(path, { credentials: "same-origin" });
  if (answer.redirected && new URL(answer.url).pathname === "/login") {
    location.reload();
    return null;
  }
  return answer.ok ? parser.parseFromString(await answer.text(), "text/html") : null;
}

let waiting = false;
async function refresh() {
  if (waiting || document.hidden) return;
  waiting = true;
  try {
    await new Promise((done) => { setTimeout(done, 250); });
    const fresh = await page(location.pathname + location.search);
    for (const part of fresh ? fresh.querySelectorAll("[data-live][id]") : []) swap(part);
  } catch { /* the strip says when the appliance is away */ } finally { waiting = false; }
}

function unknown() {
  for (const cell of document.querySelectorAll("#strip > div")) {
    cell.className = "unknown";
    const value = cell.querySelector("dd");
    if (value) value.textContent = "? no answer";
  }
  served.delete("strip");
}

async function strip() {
  if (document.hidden) return;
  try {
    const fresh = await page("/strip");
    const part = fresh && fresh.getElementById("strip");
    if (part) swap(part); else unknown();
  } catch { unknown(); }
}

function live() {
  const events = new EventSource("/api/v1/events");
  for (const name of ["alert", "incident", "health", "missed"]) events.addEventListener(name, refresh);
}

// The row that the keys are on.
let at = -1;
function rows() { return Array.from(document.querySelectorAll("tr[data-href]")); }
function move(by) {
  const all = rows();
  if (all.length === 0) return;
  at = Math.min(Math.max(at + by, 0), all.length - 1);
  all.forEach((row, index) => { row.classList.toggle("on", index === at); });
  const link = all[at].querySelector("a");
  if (link) link.focus({ preventScroll: true });
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
  if (document.getElementById("pulse")) setInterval(refresh, 15000);
}

// Uploads of the panel: files that are dropped, pasted or chosen go to the server, two at a time. What people see comes from
// there: this moves bytes, and puts the `article.upload` of each answer into the tray.
"use strict";
const [tray, cards, veil] = ["tray", "cards", "drop"].map((id) => document.getElementById(id));
const language = document.documentElement.lang;
// What is open in the panel, which is where a file is meant to go.
const place = /\b(prd|var|rel)_[a-z0-9]+|$/.exec(`${location.pathname} ${new URLSearchParams(location.search).get("to")}`)[0];
const uploads = new Map(); // a card → the upload that is on its way to the server
const queue = [];
let running = 0;

function take(files) {
  for (const file of files) {
    const card = document.getElementById("card").content.firstElementChild.cloneNode(true);
    card.querySelector("[data-name]").textContent = file.name;
    uploads.set(card, { file, card, key: crypto.getRandomValues(new Uint32Array(4)).join("-"), marks: [] });
    cards.append(card);
    wait(uploads.get(card));
  }
}
function wait(upload) {
  enter(upload, "waiting");
  queue.push(upload);
  next();
}
async function next() {
  if (running === 2 || !queue.length) return;
  const upload = queue.shift();
  running += 1;
  try {
    const { name, size } = upload.file;
    const query = new URLSearchParams({ name, size, key: upload.key }); // all of it may have arrived before a connection broke
    if (!settle(upload, await load(`/admin/upload?${query}`))) settle(upload, await send(upload));
  } catch {
    if (uploads.has(upload.card)) fail(upload.card, "lost");
  }
  running -= 1;
  next();
}
const parsed = (text, status, url) => ({ made: new DOMParser().parseFromString(text, "text/html"), status, url: new URL(url) });
async function load(url, options) {
  const answer = await fetch(url, options);
  return parsed(await answer.text(), answer.status, answer.url);
}
function send(upload) {
  const body = new FormData();
  body.append("to", place);
  body.append("app_file", upload.file);
  const request = (upload.request = new XMLHttpRequest()); // fetch does not tell how much is sent
  enter(upload, "sending");
  return new Promise((resolve, reject) => {
    request.upload.onprogress = (event) => draw(upload, event.loaded, event.total);
    request.upload.onload = () => enter(upload, "reading");
    request.onload = () => resolve(parsed(request.responseText, request.status, request.responseURL));
    request.onerror = request.onabort = reject;
    request.open("POST", "/admin/upload");
    request.setRequestHeader("idempotency-key", upload.key);
    request.send(body);
  });
}
// Whether the answer ends the matter: with the server's own card, or with a reason why not.
function settle({ card }, { made, status, url }) {
  const fresh = made.querySelector("article.upload[id]");
  if (fresh) put(card, fresh);
  else if (url.pathname === "/admin/login") fail(card, "locked");
  else if (status >= 400) fail(card, "odd", made.querySelector("main > [role=alert]"));
  return !uploads.has(card) || status >= 400 || url.pathname === "/admin/login";
}

function enter({ card, marks }, state) {
  for (const part of query("[data-when]", card)) part.hidden = !part.dataset.when.split(" ").includes(state);
  if (state === "waiting") marks.length = 0;
  count();
}
function fail(card, reason, told) {
  const shown = told || document.querySelector("#reasons").content.querySelector(`[data-reason=${reason}]`).cloneNode(true);
  for (const problem of query("[data-problem]", card)) problem.replaceChildren(shown);
  if (uploads.has(card)) enter(uploads.get(card), "failed");
  say(card);
}
// How much is sent, how fast it went in the last five seconds, and the time that is left at that speed.
function draw({ card, marks }, sent, size) {
  marks.push([performance.now(), sent]);
  while (marks[0][0] < performance.now() - 5000) marks.shift();
  card.querySelector("progress").value = (100 * sent) / size;
  const seconds = (marks.at(-1)[0] - marks[0][0]) / 1000, rate = (sent - marks[0][1]) / seconds, left = (size - sent) / rate;
  if (seconds < 0.5) return;
  const mega = (number, unit = "megabyte") => amount(number / 2 ** 20, unit, 1);
  const values = { sent: mega(sent), size: mega(size), rate: mega(rate, "megabyte-per-second") };
  values.left = left < 90 ? amount(left, "second") : amount(left / 60, "minute");
  const line = card.querySelector("[data-progress]");
  line.textContent = line.dataset.progress.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}
function amount(number, unit, digits = 0) {
  return new Intl.NumberFormat(language, { style: "unit", unit, maximumFractionDigits: digits }).format(number);
}

function put(card, fresh) {
  uploads.delete(card);
  card.replaceWith(...(fresh ? [fresh] : []));
  if (fresh) say(fresh);
  count();
}
function count() {
  tray.hidden = !cards.childElementCount;
  document.getElementById("tray-count").textContent = cards.childElementCount;
  sessionStorage.uploads = query("[data-open]", cards).map((card) => card.id); // they are there on the next page again
}
function say(card) {
  const texts = [card.dataset.said || card.querySelector("h2").textContent, ...query(".note", card).map((note) => note.textContent)];
  document.getElementById("tray-said").textContent = texts.join(" ");
}
cards.addEventListener("click", (event) => {
  const card = event.target.closest(".upload"), upload = uploads.get(card);
  if (event.target.closest("[data-retry]")) wait(upload);
  if (!event.target.closest("[data-remove]")) return;
  if (queue.includes(upload)) queue.splice(queue.indexOf(upload), 1);
  put(card);
  upload?.request?.abort();
});
cards.addEventListener("input", (event) => (event.target.closest(".upload").dataset.touched = ""));
cards.addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target, others = query("[data-open]:not([data-touched])", cards).filter((card) => !card.contains(form));
  await renew(form.closest(".upload"), form.action, { method: "POST", body: new URLSearchParams(new FormData(form)) });
  for (const other of others) renew(other, `/admin/uploads/${other.id}`); // what was made just now may be where it belongs
});
async function renew(card, url, options) {
  card.inert = true;
  try {
    const fresh = (await load(url, options)).made.querySelector("article.upload[id]");
    if (options && fresh) fresh.dataset.touched = "";
    put(card, fresh);
  } catch {
    fail(card, "lost");
  }
  card.inert = false;
}

const hasFiles = (event) => [...(event.dataTransfer || event.clipboardData).types].includes("Files");
const isOurs = (event) => hasFiles(event) && !event.target.closest?.("input, textarea");
addEventListener("dragover", (event) => {
  veil.hidden = !isOurs(event);
  if (isOurs(event)) event.preventDefault();
});
addEventListener("dragleave", (event) => (veil.hidden ||= !event.relatedTarget));
addEventListener("drop", (event) => {
  veil.hidden = true;
  if (!isOurs(event)) return;
  event.preventDefault();
  take(event.dataTransfer.files);
});
addEventListener("paste", (event) => isOurs(event) && take(event.clipboardData.files));
addEventListener("beforeunload", (event) => (running || queue.length) && event.preventDefault());
for (const chooser of query("[data-upload] input[type=file]")) {
  chooser.multiple = true;
  for (const part of query("[data-scripted]", chooser.form)) part.hidden = !part.hidden;
  chooser.addEventListener("change", () => {
    take(chooser.files);
    chooser.value = "";
  });
}
for (const id of (sessionStorage.uploads || "").split(",").filter((id) => id && !document.getElementById(id)))
  load(`/admin/uploads/${id}`).then(({ made }) => {
    const fresh = made.querySelector("article.upload[data-open]");
    if (fresh) cards.append(fresh);
    count();
  });

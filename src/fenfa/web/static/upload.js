// Uploads of the panel: files that are dropped, pasted or chosen go to the server, two at a time. What people see comes from
// there: this moves bytes, and puts the `article.upload` of each answer into the tray, in place of the card that waited for it.
"use strict";
const [tray, cards, veil] = ["tray", "cards", "drop"].map((id) => document.getElementById(id));
const language = document.documentElement.lang;
// What is open in the panel, which is where a file is meant to go.
const place = /\b(prd|var|rel)_[a-z0-9]+|$/.exec(`${location.pathname} ${new URLSearchParams(location.search).get("to")}`)[0];
const queue = []; // cards whose files wait
let running = 0;

function take(files) {
  for (const file of files) {
    const card = document.getElementById("card").content.firstElementChild.cloneNode(true);
    card.querySelector("[data-name]").textContent = file.name;
    card.upload = { file, key: crypto.getRandomValues(new Uint32Array(4)).join("-") };
    cards.append(card);
    wait(card);
  }
}
function wait(card) {
  enter(card, "waiting");
  queue.push(card);
  next();
}
async function next() {
  if (running === 2 || !queue.length) return;
  const card = queue.shift(), { file, key } = card.upload;
  running += 1;
  try {
    const query = new URLSearchParams({ name: file.name, size: file.size, key }); // all of it may have arrived at an earlier try
    if (!settle(card, await load(`/admin/upload?${query}`))) settle(card, await send(card));
  } catch {
    if (card.isConnected) fail(card, "lost");
  }
  running -= 1;
  next();
}
async function load(url, options) {
  const answer = await fetch(url, options);
  return { made: parsed(await answer.text()), status: answer.status, url: answer.url };
}
function send(card) {
  const body = new FormData(), request = new XMLHttpRequest(); // fetch does not tell how much is sent
  body.append("to", place);
  body.append("app_file", card.upload.file);
  Object.assign(card.upload, { request, marks: [] });
  enter(card, "sending");
  return new Promise((resolve, reject) => {
    request.upload.onprogress = (event) => draw(card, event.loaded, event.total);
    request.upload.onload = () => enter(card, "reading");
    request.onload = () => resolve({ made: parsed(request.responseText), status: request.status, url: request.responseURL });
    request.onerror = request.onabort = reject;
    request.open("POST", "/admin/upload");
    request.setRequestHeader("idempotency-key", card.upload.key);
    request.send(body);
  });
}
const parsed = (text) => new DOMParser().parseFromString(text, "text/html");
// Whether the answer ends the matter: with the server's own card, or with a reason why not.
function settle(card, { made, status, url }) {
  const fresh = made.querySelector("article.upload[id]");
  if (fresh) put(card, fresh);
  else if (new URL(url).pathname === "/admin/login") fail(card, "locked");
  else if (status >= 400) fail(card, "odd", made.querySelector("main > [role=alert]"));
  else return false;
  return true;
}

function enter(card, state) {
  for (const part of query("[data-when]", card)) part.hidden = !part.dataset.when.split(" ").includes(state);
  count();
}
function fail(card, reason, told) {
  const shown = told || document.getElementById("reasons").content.querySelector(`[data-reason=${reason}]`).cloneNode(true);
  for (const problem of query("[data-problem]", card)) problem.replaceChildren(shown);
  enter(card, "failed");
  say(card);
}
// How much is sent, how fast it went in the last five seconds, and the time that is left at that speed.
function draw(card, sent, size) {
  const { marks } = card.upload;
  marks.push([performance.now(), sent]);
  while (marks[0][0] < performance.now() - 5000) marks.shift();
  card.querySelector("progress").value = (100 * sent) / size;
  const seconds = (marks.at(-1)[0] - marks[0][0]) / 1000, rate = (sent - marks[0][1]) / seconds, left = (size - sent) / rate;
  if (seconds < 0.5) return;
  const values = { sent: amount(sent, "megabyte"), size: amount(size, "megabyte"), rate: amount(rate, "megabyte-per-second") };
  values.left = left < 90 ? amount(left, "second") : amount(left / 60, "minute");
  const line = card.querySelector("[data-progress]");
  line.textContent = line.dataset.progress.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}
function amount(number, unit) {
  const [scale, digits] = unit.startsWith("mega") ? [2 ** 20, 1] : [1, 0];
  return new Intl.NumberFormat(language, { style: "unit", unit, maximumFractionDigits: digits }).format(number / scale);
}

function put(card, fresh) {
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
  const card = event.target.closest(".upload");
  if (event.target.closest("[data-retry]")) wait(card);
  if (!event.target.closest("[data-remove]")) return;
  if (queue.includes(card)) queue.splice(queue.indexOf(card), 1);
  put(card);
  card.upload?.request?.abort();
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
    if (card.firstChild) fail(card, "lost");
    else put(card);
  }
  card.inert = false;
}

const isOurs = (event, { types }) => [...types].includes("Files") && !event.target.closest?.("input, textarea");
addEventListener("dragover", (event) => {
  veil.hidden = !isOurs(event, event.dataTransfer);
  if (!veil.hidden) event.preventDefault();
});
addEventListener("dragleave", (event) => (veil.hidden ||= !event.relatedTarget));
addEventListener("drop", (event) => {
  veil.hidden = true;
  if (!isOurs(event, event.dataTransfer)) return;
  event.preventDefault();
  take(event.dataTransfer.files);
});
addEventListener("paste", (event) => isOurs(event, event.clipboardData) && take(event.clipboardData.files));
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
  renew(cards.appendChild(document.createElement("article")), `/admin/uploads/${id}`);

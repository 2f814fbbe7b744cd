// Small helps for pages that work without: fragments swapped in place, copying, keys, and what the server cannot see.
"use strict";
const query = (selector, from = document) => [...from.querySelectorAll(selector)];

// Fetches a page of ours and swaps the parts that `selector` names. A redirect to another page is followed.
async function swap(selector, url, options = {}) {
  const answer = await fetch(url, options);
  if (answer.redirected && new URL(answer.url).pathname !== location.pathname) return location.assign(answer.url);
  const made = new DOMParser().parseFromString(await answer.text(), "text/html");
  const focused = document.activeElement && document.activeElement.id;
  for (const old of query(selector)) {
    const fresh = old.id && made.getElementById(old.id);
    if (!fresh) return location.assign(answer.url);
    if (fresh.outerHTML !== old.outerHTML) old.replaceWith(fresh);
  }
  if (focused && document.activeElement.id !== focused) document.getElementById(focused)?.focus();
}

// <form data-live="#list">: filters as you type, saves in place.
let typing;
document.addEventListener("input", (event) => {
  const form = event.target.form;
  if (!form?.dataset.live || form.method !== "get") return;
  clearTimeout(typing);
  typing = setTimeout(() => filter(form), 200);
});
function filter(form) {
  const url = `${form.action.split("?")[0]}?${new URLSearchParams(new FormData(form))}`;
  history.replaceState(null, "", url);
  return swap(form.dataset.live, url);
}
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.dataset.live || event.defaultPrevented) return;
  event.preventDefault();
  if (form.method === "get") return filter(form);
  const sent = new FormData(form, event.submitter);
  const body = form.enctype === "multipart/form-data" ? sent : new URLSearchParams(sent);
  swap(form.dataset.live, event.submitter?.getAttribute("formaction") || form.action, { method: "POST", body });
});

// <section id data-poll="2">: asked again every two seconds while somebody looks.
setInterval(() => {
  const second = Math.round(performance.now() / 1000);
  for (const part of query("[data-poll]")) {
    const idle = document.hidden || part.contains(document.activeElement);
    if (!idle && second % Number(part.dataset.poll) === 0) swap(`#${part.id}`, part.dataset.from || location.href);
  }
}, 1000);

// Visits and clicks, unless the visitor's browser asks not to be followed.
const isQuiet = navigator.globalPrivacyControl || navigator.doNotTrack === "1";
const report = (event) => isQuiet || navigator.sendBeacon("/events", JSON.stringify(event));

// An iPad says that it is a Mac; with a cookie, the server knows better the next time.
const { visit } = document.body.dataset;
const isTold = () => /fenfa_touch/.test(document.cookie);
const isIPad = /Mac/.test(navigator.platform) && navigator.maxTouchPoints > 1;
if (visit && isIPad && !isTold()) {
  document.cookie = "fenfa_touch=1; path=/; max-age=31536000; samesite=lax";
  if (isTold()) location.reload();
} else if (visit) report(JSON.parse(visit));

document.addEventListener("click", async (event) => {
  const on = (name) => event.target.closest(`[data-${name}]`);
  const pressed = on("click");
  if (pressed) report({ type: "click", release_id: pressed.dataset.click, extra: { button: pressed.protocol === "itms-services:" ? "install" : "download" } });
  document.getElementById(on("reveal")?.dataset.reveal)?.removeAttribute("hidden");
  document.getElementById(on("open")?.dataset.open)?.showModal();
  const copied = on("copy");
  if (!copied) return;
  await copy(copied.dataset.copy);
  copied.classList.add("copied");
  setTimeout(() => copied.classList.remove("copied"), 1500);
});
async function copy(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const field = document.body.appendChild(document.createElement("textarea")); // plain http has no clipboard
  field.className = "unseen";
  field.value = text;
  field.select();
  document.execCommand("copy");
  field.remove();
}

// Keys of the panel: <a data-key="p">, / to search, ? for the list of keys.
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select, dialog")) return;
  const wanted = event.key === "/" ? "[data-search]" : event.key === "?" ? "[data-open=shortcuts]" : `[data-key="${CSS.escape(event.key)}"]`;
  const found = document.querySelector(wanted);
  if (!found) return;
  event.preventDefault();
  if (event.key === "/") found.focus();
  else found.click();
});

// J and K move over what can be opened; the list is fresh every half minute
"use strict";
const opens = [...document.querySelectorAll("[data-open]")];
document.addEventListener("keydown", (event) => {
  if (event.target.matches("input, textarea") || event.ctrlKey || event.metaKey || event.altKey) return;
  const step = { j: 1, k: -1 }[event.key.toLowerCase()];
  if (!step || !opens.length) return;
  event.preventDefault();
  const at = opens.indexOf(document.activeElement);
  opens[at < 0 ? 0 : Math.min(opens.length - 1, Math.max(0, at + step))].focus();
});
setInterval(() => {
  const busy = document.querySelector("details[open]") || document.activeElement.matches("input");
  if (!busy && !document.hidden) location.reload();
}, 30000);

// Pairs by keyboard: j and k move, y, x and l choose a button, Enter presses it.
(() => {
  "use strict";
  const pairs = () => [...document.querySelectorAll("[data-pair]")];
  const here = () => document.activeElement?.closest("[data-pair]");

  const move = step => {
    const all = pairs();
    const at = all.indexOf(here());
    const next = all[Math.max(0, Math.min(all.length - 1, at < 0 ? 0 : at + step))];
    if (next) next.focus();
  };

  document.addEventListener("keydown", event => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input, textarea, select, dialog[open]")) return;
    if (event.key === "j" || event.key === "k") {
      move(event.key === "j" ? 1 : -1);
      event.preventDefault();
      return;
    }
    const card = here() || (pairs().length === 1 ? pairs()[0] : null);
    const button = card?.querySelector(`[data-choice="${CSS.escape(event.key)}"]`);
    if (!button) return;
    event.preventDefault();
    const reason = card.querySelector("[name=reason][required]");
    // what was linked is parted with a reason: the hand goes there first
    (reason && !reason.value ? reason : button).focus();
  });

  // after a decision the next pair is at hand
  document.addEventListener("htmx:afterSwap", event => {
    if (event.target.id === "body" && pairs().length) pairs()[0].focus();
  });
})();

// Keys that every page has: ? shows them, / searches, g and a letter goes to a place.
(() => {
  "use strict";
  const dialog = document.getElementById("keys");
  const typing = target => target.closest("input, textarea, select, [contenteditable]");
  let goUntil = 0;

  const go = letter => {
    const link = document.querySelector(`.rail a[data-go="${CSS.escape(letter)}"]`);
    if (link) link.click();
    return Boolean(link);
  };

  document.addEventListener("keydown", event => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") {
      document.querySelectorAll("details.menu[open]").forEach(menu => {
        menu.open = false;
        menu.querySelector("summary").focus();
      });
      return;
    }
    if (typing(event.target) || (dialog && dialog.open)) return;
    if (event.timeStamp < goUntil) {
      goUntil = 0;
      // the second key belongs to `g`, whatever the page does with that letter alone
      if (go(event.key)) event.stopImmediatePropagation();
    } else if (event.key === "g") {
      goUntil = event.timeStamp + 1200;
    } else if (event.key === "?" && dialog) {
      event.preventDefault();
      dialog.showModal();
    } else if (event.key === "/") {
      const search = document.querySelector("[data-search]");
      if (search) {
        event.preventDefault();
        search.focus();
        search.select();
      }
    }
  }, true);

  document.addEventListener("click", event => {
    if (event.target.closest("[data-keys]") && dialog) dialog.showModal();
    document.querySelectorAll("details.menu[open]").forEach(menu => {
      if (!menu.contains(event.target)) menu.open = false;
    });
  });

  // an answer that succeeds clears the notice of one that did not
  document.addEventListener("htmx:afterRequest", event => {
    if (event.detail.successful) document.getElementById("notices").replaceChildren();
  });
})();

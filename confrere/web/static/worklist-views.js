// Saved views: a list, a search, filters and an order under a name, for the person alone.
// `window.worklist` is the page's own state (worklist.js).
(() => {
  "use strict";
  const bar = document.getElementById("views");
  const json = { Accept: "application/json", "Content-Type": "application/json" };
  const chips = () => [...bar.querySelectorAll("[data-view]")];

  const mark = name => chips().forEach(chip => {
    chip.setAttribute("aria-pressed", String(JSON.parse(chip.dataset.view).name === name));
  });
  const choose = chip => {
    const view = JSON.parse(chip.dataset.view);
    const pressed = chip.getAttribute("aria-pressed") === "true";
    window.worklist.show(pressed ? { list: "all", search: "", modality: "", site_name: "", sort: "order" } : view);
    mark(pressed ? "" : view.name);
  };
  const chip = view => {
    const made = document.createElement("button");
    made.type = "button";
    made.className = "chip";
    made.dataset.view = JSON.stringify(view);
    made.textContent = view.name;
    return made;
  };

  bar.addEventListener("click", event => {
    const chosen = event.target.closest("[data-view]");
    if (chosen) choose(chosen);
  });
  bar.addEventListener("submit", async event => {
    event.preventDefault();
    const name = event.target.elements.name.value.trim();
    const view = { name, ...window.worklist.now() };
    const asked = { name, list: view.list, search: view.search, modality: view.modality, site: view.site_name, order: view.sort };
    const answer = await fetch("/worklist/views", { method: "POST", headers: json, body: JSON.stringify(asked) });
    if (!answer.ok) {
      const said = await answer.json().catch(() => ({}));
      window.worklist.problem(said.error || "The view was not saved; try again.");
      return;
    }
    chips().find(one => JSON.parse(one.dataset.view).name === name)?.remove();
    bar.insertBefore(chip(view), bar.querySelector("details"));
    mark(name);
    event.target.reset();
    bar.querySelector("details").open = false;
  });
  bar.querySelector("[data-remove]").addEventListener("click", async () => {
    const chosen = chips().find(one => one.getAttribute("aria-pressed") === "true");
    if (!chosen) { window.worklist.problem("Choose the view to remove first."); return; }
    const { name } = JSON.parse(chosen.dataset.view);
    const answer = await fetch(`/worklist/views/${encodeURIComponent(name)}`, { method: "DELETE", headers: json });
    if (answer.ok) chosen.remove();
    bar.querySelector("details").open = false;
  });
  document.addEventListener("keydown", event => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea, dialog")) return;
    if (event.key !== "v") return;
    const all = chips();
    if (all.length === 0) return;
    const at = all.findIndex(one => one.getAttribute("aria-pressed") === "true");
    choose(at + 1 < all.length ? all[at + 1] : all[at]); // after the last one: none
    event.preventDefault();
  });
})();

// Lists that refresh by themselves, times that count down, rows that a search box narrows.
(() => {
  "use strict";
  const light = document.querySelector("[data-poll-state]");
  const busy = () => document.querySelector(
    "#body details[open].pop, #body dialog[open], #body :is(input,select,textarea,button):focus");

  document.addEventListener("htmx:beforeRequest", event => {
    // never under the hands of a person who is filling in a form
    if (event.target.matches("[data-poll]") && busy()) event.preventDefault();
  });
  document.addEventListener("htmx:afterRequest", event => {
    if (light && event.target.matches("[data-poll]")) {
      light.dataset.state = event.detail.successful ? "on" : "off";
    }
  });

  const words = seconds => {
    if (seconds <= 0) return "now";
    if (seconds < 60) return `in ${seconds} s`;
    return seconds < 3600 ? `in ${Math.ceil(seconds / 60)} min` : `in ${Math.ceil(seconds / 3600)} h`;
  };
  const tick = () => {
    document.querySelectorAll("[data-until]").forEach(one => {
      one.textContent = words(Math.round(Number(one.dataset.until) - Date.now() / 1000));
    });
  };
  tick();
  setInterval(tick, 1000);
  document.addEventListener("htmx:afterSwap", tick);

  const narrow = () => {
    const box = document.querySelector("[data-narrow]");
    if (!box) return;
    const wanted = box.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    document.querySelectorAll("[data-q]").forEach(row => {
      row.hidden = !wanted.every(word => row.dataset.q.includes(word));
      shown += row.hidden ? 0 : 1;
    });
    const none = document.getElementById("none");
    if (none) none.hidden = shown > 0;
  };
  document.addEventListener("input", event => {
    if (event.target.matches("[data-narrow]")) narrow();
  });
  document.addEventListener("htmx:afterSwap", narrow);

  // one small form at a time, closed by Escape or a click elsewhere
  document.addEventListener("click", event => {
    document.querySelectorAll("details.pop[open]").forEach(one => {
      if (!one.contains(event.target)) one.open = false;
    });
    const copy = event.target.closest("[data-copy]");
    if (copy) navigator.clipboard?.writeText(document.getElementById(copy.dataset.copy).textContent);
    if (event.target.closest("[data-print]")) window.print();
  });
  document.addEventListener("keydown", event => {
    if (event.key !== "Escape") return;
    document.querySelectorAll("details.pop[open]").forEach(one => {
      one.open = false;
      one.querySelector("summary").focus();
    });
  });
  document.addEventListener("toggle", event => {
    if (event.target.matches?.("details.pop[open]")) event.target.querySelector("input,textarea,select")?.focus();
  }, true);
})();

// a series' box chooses all of its images
document.addEventListener("change", (event) => {
  const series = event.target.dataset && event.target.dataset.all;
  if (!series) return;
  for (const one of document.querySelectorAll(`[data-of="${series}"]:not(:disabled)`)) {
    one.checked = event.target.checked;
  }
});

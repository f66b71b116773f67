// The board's keys, filters and countdowns. Rows come from the server, also after a change;
// what is chosen here (list, filters, exam) survives the swap, and so does a half-filled form.
(() => {
  "use strict";
  const bd = document.getElementById("bd");
  const search = document.getElementById("q");
  const panel = document.getElementById("panel");
  const count = document.getElementById("count");
  const state = { tab: "all", ring: "", slack: "", site: "", subspecialty: "", level: "", id: "" };
  const NAMES = ["site", "subspecialty", "level"];
  const rows = () => [...bd.querySelectorAll("tbody tr[data-id]")];
  const shown = () => rows().filter(row => !row.hidden);
  const current = () => bd.querySelector('tr[aria-selected="true"]');

  const fits = row => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    return row.dataset.lists.split(" ").includes(state.tab)
      && (!state.slack || (row.dataset.ring === state.ring && row.dataset.slack === state.slack))
      && NAMES.every(name => !state[name] || row.dataset[name] === state[name])
      && words.every(word => row.dataset.q.includes(word));
  };

  const apply = () => {
    rows().forEach(row => { row.hidden = !fits(row); });
    bd.querySelectorAll("[data-tab]").forEach(tab => {
      tab.setAttribute("aria-selected", String(tab.dataset.tab === state.tab));
    });
    bd.querySelectorAll("[data-filter]").forEach(one => { one.value = state[one.dataset.filter]; });
    let chosen = "";
    bd.querySelectorAll("button.cell").forEach(cell => {
      const on = cell.dataset.slack === state.slack && cell.dataset.ring === state.ring;
      cell.setAttribute("aria-pressed", String(on));
      if (on) chosen = cell.getAttribute("aria-label").split(":")[0];
    });
    const chip = document.getElementById("cell");
    chip.hidden = !state.slack;
    chip.textContent = `${chosen || "An empty cell"} ×`;
    const number = shown().length;
    count.textContent = `${number} exam${number === 1 ? "" : "s"}`;
    document.getElementById("none").hidden = number > 0 || rows().length === 0;
  };

  const load = id => window.htmx.ajax("GET", `/board/${id}`, { target: panel, swap: "innerHTML" });
  const pick = (row, scroll = true) => {
    current()?.setAttribute("aria-selected", "false");
    if (!row) return null;
    row.setAttribute("aria-selected", "true");
    if (scroll) row.scrollIntoView({ block: "nearest" });
    if (state.id === row.dataset.id) return null;
    state.id = row.dataset.id;
    return load(state.id);
  };
  const move = step => {
    const list = shown();
    if (list.length === 0) return;
    const at = list.indexOf(current());
    pick(list[at < 0 ? 0 : Math.max(0, Math.min(list.length - 1, at + step))]);
  };
  const give = async () => {
    if (!current()) return;
    await load(state.id);
    panel.querySelector("input[type=radio]")?.focus();
  };

  const write = seconds => {
    const a = Math.abs(seconds);
    const h = Math.floor(a / 3600), m = Math.floor(a % 3600 / 60), s = Math.floor(a % 60);
    const text = h > 48 ? `${Math.floor(h / 24)} d` : h ? `${h}:${String(m).padStart(2, "0")} h` : `${m}:${String(s).padStart(2, "0")}`;
    return (seconds < 0 ? "+" : "") + text;
  };
  const tick = () => {
    const now = Date.now() / 1000;
    rows().forEach(row => {
      if (!row.dataset.due) return;
      const due = Number(row.dataset.due), start = Number(row.dataset.clock) || due - 3600;
      const left = due - now, whole = Math.max(1, due - start);
      const box = row.querySelector(".sla");
      const tone = { overdue: "over", "at risk": "warn" }[row.dataset.slack] || "ok";
      box.className = `sla ${left < 0 ? "over" : tone}`;
      box.firstElementChild.textContent = write(left);
      box.querySelector("meter").value = left < 0 ? 100 : Math.max(2, 100 - 100 * left / whole);
    });
    panel.querySelectorAll("[data-take-back]").forEach(form => {
      form.dataset.ends ||= String(now + Number(form.dataset.takeBack));
      if (now > Number(form.dataset.ends)) form.remove();
    });
  };

  const clear = () => {
    Object.assign(state, { tab: "all", ring: "", slack: "", site: "", subspecialty: "", level: "" });
    search.value = "";
    apply();
  };

  document.addEventListener("keydown", event => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target === search) {
      if (event.key === "Escape" || event.key === "Enter") search.blur();
      return;
    }
    if (event.key === "Escape" && panel.contains(event.target)) {
      document.getElementById("tw").focus();
      return;
    }
    if (event.target.closest("textarea, select, dialog, input:not([type=radio])")) return;
    const key = event.key.toLowerCase();
    const inRadios = event.target.closest("input[type=radio]");
    if (key === "j" || (event.key === "ArrowDown" && !inRadios)) move(1);
    else if (key === "k" || (event.key === "ArrowUp" && !inRadios)) move(-1);
    else if (key === "m") give();
    else if (key === "u") panel.querySelector("[data-take-back] button")?.click();
    else if (event.key === "Enter" && current() && !event.target.closest("a, button, input, summary")) {
      window.location = `/items/${current().dataset.id}`;
    } else if (event.key === "0") clear();
    else if (/^[1-5]$/.test(event.key)) bd.querySelectorAll("[data-tab]")[Number(event.key) - 1]?.click();
    else return;
    event.preventDefault();
  });
  document.addEventListener("click", event => {
    const tab = event.target.closest("[data-tab]");
    const cell = event.target.closest("button.cell");
    const row = event.target.closest("#bd tbody tr[data-id]");
    if (tab) { state.tab = tab.dataset.tab; apply(); }
    if (cell) {
      const again = cell.getAttribute("aria-pressed") === "true";
      state.ring = again ? "" : cell.dataset.ring;
      state.slack = again ? "" : cell.dataset.slack;
      apply();
    }
    if (event.target.closest("#cell")) { state.ring = state.slack = ""; apply(); }
    if (row) pick(row, false);
  });
  document.addEventListener("dblclick", event => {
    const row = event.target.closest("#bd tbody tr[data-id]");
    if (row) window.location = `/items/${row.dataset.id}`;
  });
  bd.addEventListener("change", event => {
    const name = event.target.dataset.filter;
    if (!name) return;
    state[name] = event.target.value;
    apply();
  });
  search.addEventListener("input", apply);

  // a choice from a filter's list is not taken out of a person's hands
  document.body.addEventListener("htmx:beforeRequest", event => {
    if (event.target === bd && bd.querySelector("select:focus")) event.preventDefault();
  });
  document.body.addEventListener("htmx:beforeSwap", event => {
    if (event.detail.target !== bd) return;
    state.scroll = [bd.querySelector(".readers").scrollLeft, document.getElementById("tw").scrollTop];
  });
  document.body.addEventListener("htmx:afterSwap", event => {
    if (event.detail.target !== bd) return;
    apply();
    tick();
    [bd.querySelector(".readers").scrollLeft, document.getElementById("tw").scrollTop] = state.scroll;
    if (!state.id) return;
    const row = document.getElementById(`i-${state.id}`);
    if (row) row.setAttribute("aria-selected", "true");
  });

  window.setInterval(tick, 1000);
  apply();
  tick();
})();

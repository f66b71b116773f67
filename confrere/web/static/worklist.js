// The worklist's keys, filters and countdowns. The rows come from the server, also after a
// change; what is chosen here (list, search, filters, selected exam) survives the swap.
(() => {
  "use strict";
  const wl = document.getElementById("wl");
  const search = document.getElementById("q");
  const preview = document.getElementById("preview");
  const count = document.getElementById("count");
  const state = { tab: "all", mod: "", site: "", id: "", order: localStorage.getItem("worklist-order") || "order" };
  const MOST_AT_ONCE = 50; // more changes than these: the whole list is asked for again
  const rows = () => [...wl.querySelectorAll("tbody tr")];
  const shown = () => rows().filter(row => !row.hidden);
  const current = () => wl.querySelector('tr[aria-selected="true"]');

  const fits = row => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    return row.dataset.lists.split(" ").includes(state.tab)
      && (!state.mod || row.dataset.mod === state.mod)
      && (!state.site || row.dataset.site === state.site)
      && words.every(word => row.dataset.q.includes(word));
  };

  const apply = () => {
    rows().forEach(row => { row.hidden = !fits(row); });
    wl.querySelectorAll("[data-tab]").forEach(tab => {
      tab.setAttribute("aria-selected", String(tab.dataset.tab === state.tab));
    });
    const number = shown().length;
    count.textContent = `${number} exam${number === 1 ? "" : "s"}`;
    const none = document.getElementById("none");
    if (none) none.hidden = number > 0 || rows().length === 0;
  };

  // next best: the highest first; due: the earliest first, what has no clock last
  const before = (a, b) => state.order === "due"
    ? (Number(a.dataset.due) || Infinity) < (Number(b.dataset.due) || Infinity)
    : Number(a.dataset.order) > Number(b.dataset.order);

  const sort = () => {
    const body = wl.querySelector("tbody");
    if (!body) return;
    const all = rows();
    const sorted = [...all].sort((a, b) => (before(a, b) ? -1 : before(b, a) ? 1 : 0));
    if (sorted.some((row, at) => row !== all[at])) body.append(...sorted);
  };

  const figures = () => {
    const all = rows();
    const lists = row => row.dataset.lists.split(" ");
    wl.querySelectorAll("[data-tab] b").forEach(box => {
      const name = box.parentElement.dataset.tab;
      box.textContent = all.filter(row => lists(row).includes(name)).length;
    });
    const seen = all.filter(row => row.dataset.open && !lists(row).includes("shadow"));
    const write = (name, number) => {
      const box = wl.querySelector(`[data-count="${name}"]`);
      if (box) box.textContent = number;
    };
    write("unread", seen.length);
    write("mine", all.filter(row => lists(row).includes("mine")).length);
    write("urgent", seen.filter(row => row.dataset.rank === "STAT").length);
  };

  // what changed is asked for by itself; the page is not drawn again
  const changed = new Set();
  let asking = 0;
  const ask = () => {
    asking = 0;
    const ids = [...changed];
    changed.clear();
    if (ids.includes("all") || ids.length > MOST_AT_ONCE) {
      window.htmx.trigger(document.body, "worklist-all");
      return;
    }
    const query = ids.map(id => `item=${encodeURIComponent(id)}`).join("&");
    fetch(`/worklist/lines?${query}`, { headers: { "HX-Request": "true", "Confrere-Background": "yes" } })
      .then(answer => (answer.ok ? answer.text() : Promise.reject(new Error(answer.status))))
      .then(html => put(ids, html))
      .catch(() => window.htmx.trigger(document.body, "worklist-all"));
  };
  const put = (ids, html) => {
    const body = wl.querySelector("tbody");
    const fresh = new DOMParser().parseFromString(html, "text/html").querySelectorAll("tr");
    const chosen = state.id;
    let mine = false;
    ids.forEach(id => {
      const row = document.getElementById(`i-${id}`);
      mine = mine || (row && row.dataset.lists.split(" ").includes("mine"));
      row?.remove();
    });
    fresh.forEach(row => {
      const next = rows().find(one => before(row, one));
      body.insertBefore(document.adoptNode(row), next || null);
    });
    document.querySelector("#tw > .empty:not(#none)")?.toggleAttribute("hidden", rows().length > 0);
    settle(chosen);
    if (mine && fresh.length < ids.length) window.htmx.trigger(document.body, "worklist-all"); // what was signed today
  };
  const settle = chosen => {
    figures();
    apply();
    tick();
    if (!chosen) return;
    const row = document.getElementById(`i-${chosen}`);
    if (row) row.setAttribute("aria-selected", "true");
    else { state.id = ""; preview.innerHTML = '<p class="empty">That exam has left your lists.</p>'; }
  };
  const AT_ONCE = 60, SOON = 600; // ms: one's own exams, others
  let askedBy = Infinity;
  const note = wait => event => {
    changed.add(event.detail?.item || "all");
    const by = Date.now() + wait;
    if (asking && askedBy <= by) return;
    window.clearTimeout(asking);
    asking = window.setTimeout(ask, wait);
    askedBy = by;
  };
  document.body.addEventListener("worklist", note(AT_ONCE));
  document.body.addEventListener("worklist-around", note(SOON));

  const pick = (row, scroll = true) => {
    const before = current();
    if (before) before.setAttribute("aria-selected", "false");
    if (!row) return;
    row.setAttribute("aria-selected", "true");
    if (scroll) row.scrollIntoView({ block: "nearest" });
    if (state.id !== row.dataset.id) {
      state.id = row.dataset.id;
      window.htmx.ajax("GET", `/worklist/${row.dataset.id}/preview`, { target: preview, swap: "innerHTML" });
    }
  };

  const move = step => {
    const list = shown();
    if (list.length === 0) return;
    const at = list.indexOf(current());
    pick(list[at < 0 ? 0 : Math.max(0, Math.min(list.length - 1, at + step))]);
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
      box.className = `sla ${left < 0 ? "over" : left < Math.min(1800, whole * 0.25) ? "warn" : "ok"}`;
      box.firstElementChild.textContent = write(left);
      box.querySelector("meter").value = left < 0 ? 100 : Math.max(2, 100 - 100 * left / whole);
    });
  };

  const problem = text => {
    const notices = document.getElementById("notices");
    const box = document.createElement("div");
    box.className = "notice bad";
    box.setAttribute("role", "alert");
    box.textContent = text;
    notices.replaceChildren(box);
  };

  const claim = async id => {
    const answer = await fetch(`/api/items/${id}/claim`, { method: "POST", headers: { Accept: "application/json" } });
    if (answer.ok) {
      window.location = `/items/${id}`;
      return;
    }
    const said = await answer.json().catch(() => ({}));
    problem(said.error || "The exam could not be claimed; reload the page and try again.");
    window.htmx.trigger(document.body, "worklist");
  };

  const decline = async form => {
    const answer = await fetch(`/api/items/${form.dataset.decline}/decline`, {
      method: "POST",
      headers: { Accept: "application/json", "Content-Type": "application/json" },
      body: JSON.stringify(Object.fromEntries(new FormData(form))),
    });
    const said = await answer.json().catch(() => ({}));
    if (answer.ok) form.closest("details").outerHTML = '<p role="status">Declined. Another reader is asked.</p>';
    else problem(said.error || "The exam could not be declined; reload the page and try again.");
    window.htmx.trigger(document.body, "worklist");
  };

  const next = async () => {
    const answer = await fetch("/api/next", { method: "POST", headers: { Accept: "application/json" } });
    const said = await answer.json().catch(() => ({}));
    if (said.url) window.location = said.url;
    else problem(said.error || "Nothing waits for you just now.");
  };

  document.addEventListener("keydown", event => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target === search) {
      if (event.key === "Escape" || event.key === "Enter") search.blur();
      return;
    }
    if (event.target.closest("input, select, textarea, dialog")) return;
    const key = event.key.toLowerCase();
    if (key === "j" || event.key === "ArrowDown") move(1);
    else if (key === "k" || event.key === "ArrowUp") move(-1);
    else if (event.key === "Enter" && current() && !event.target.closest("a, button")) {
      if (current().dataset.open) window.location = `/items/${current().dataset.id}`;
      else problem("You may not read this exam; the panel beside says why.");
    } else if (key === "c" && current()) {
      if (current().dataset.claim) claim(current().dataset.id);
      else problem("You can't claim this exam; the panel beside says why.");
    } else if (key === "x" && document.getElementById("decline")) {
      const box = document.getElementById("decline");
      box.open = true;
      box.querySelector("select").focus();
    } else if (key === "n") next();
    else if (/^[1-5]$/.test(event.key)) wl.querySelectorAll("[data-tab]")[Number(event.key) - 1]?.click();
    else return;
    event.preventDefault();
  });

  document.addEventListener("click", event => {
    const tab = event.target.closest("[data-tab]");
    const row = event.target.closest("#wl tbody tr");
    const now = event.target.closest("[data-claim-now]");
    if (tab) { state.tab = tab.dataset.tab; apply(); }
    if (row) pick(row, false);
    if (now) claim(now.dataset.claimNow);
  });
  document.addEventListener("submit", event => {
    if (!event.target.dataset.decline) return;
    event.preventDefault();
    decline(event.target);
  });
  document.addEventListener("dblclick", event => {
    const row = event.target.closest("#wl tbody tr");
    if (row && row.dataset.open) window.location = `/items/${row.dataset.id}`;
  });
  wl.addEventListener("change", event => {
    if (event.target.id === "f-mod") state.mod = event.target.value;
    if (event.target.id === "f-site") state.site = event.target.value;
    if (event.target.id === "f-order") {
      state.order = event.target.value;
      localStorage.setItem("worklist-order", state.order);
      sort();
    }
    apply();
  });
  search.addEventListener("input", apply);

  document.body.addEventListener("htmx:afterSwap", event => {
    if (event.detail.target !== wl) return;
    filters();
    sort();
    settle(state.id);
  });

  // for saved views
  const filters = () => ["mod", "site", "order"].forEach(name => {
    const box = document.getElementById(`f-${name}`);
    if (box) box.value = state[name];
  });
  window.worklist = {
    problem,
    now: () => ({ list: state.tab, search: search.value.trim(), modality: state.mod, site_name: state.site, sort: state.order }),
    show: view => {
      state.tab = wl.querySelector(`[data-tab="${CSS.escape(view.list)}"]`) ? view.list : "all";
      search.value = view.search;
      state.mod = view.modality;
      state.site = view.site_name;
      state.order = view.sort === "due" ? "due" : "order";
      filters();
      sort();
      apply();
    },
  };

  window.setInterval(tick, 1000);
  document.getElementById("f-order").value = state.order;
  sort();
  apply();
  tick();
  window.addEventListener("load", () => move(0));
})();

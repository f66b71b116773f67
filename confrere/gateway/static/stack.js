// A stack of pictures that the gateway makes: scroll, window, zoom. By mouse, touch and keys.
"use strict";
const viewer = document.querySelector(".viewer");
const stage = viewer.querySelector(".stage");
if (stage) {
  const img = stage.querySelector("img"), where = stage.querySelector(".where");
  const told = stage.querySelector(".window"), broken = stage.querySelector(".broken");
  const series = [...viewer.querySelectorAll(".series button")];
  let shown = 0, at = 0, asked = null, zoom = 1;
  const one = () => series[shown];
  const first = () => +one().dataset.first, count = () => +one().dataset.count;
  const stored = () => one().dataset.centre === undefined ? null
    : { c: +one().dataset.centre, w: +one().dataset.width };
  const url = (n) => `${viewer.dataset.exam}/frames/${n}`
    + (asked ? `?c=${asked.c.toFixed(1)}&w=${asked.w.toFixed(1)}` : "");
  const kept = new Map();
  const load = (n) => {
    const name = url(n);
    if (!kept.has(name)) {
      const made = new Image();
      made.src = name;
      kept.set(name, made);
      if (kept.size > 120) kept.delete(kept.keys().next().value);
    }
    return kept.get(name);
  };
  const ahead = () => {
    for (let step = 1; step <= 6; step++) {
      for (const next of [at + step, at - step]) {
        if (next >= 0 && next < count()) load(first() + next);
      }
    }
  };
  const show = () => {
    const made = load(first() + at), name = url(first() + at);
    where.textContent = `${at + 1} / ${count()}`;
    const now = asked || stored();
    told.textContent = now ? `C ${Math.round(now.c)}  W ${Math.round(now.w)}` : "colour";
    img.style.transform = `scale(${zoom})`;
    made.decode().then(() => {
      if (url(first() + at) !== name) return; // the reader is elsewhere by now
      broken.hidden = true; img.hidden = false; img.src = name; ahead();
    }, () => { if (url(first() + at) === name) { broken.hidden = false; img.hidden = true; kept.delete(name); } });
  };
  const go = (to) => { at = Math.min(count() - 1, Math.max(0, to)); show(); };
  const choose = (n) => {
    shown = Math.min(series.length - 1, Math.max(0, n)); at = 0; asked = null;
    series.forEach((each, i) => each.setAttribute("aria-pressed", String(i === shown)));
    one().scrollIntoView({ block: "nearest" }); show();
  };
  const window_ = (c, w) => { asked = { c, w: Math.max(1, w) }; show(); };
  const shift = (dc, dw) => {
    const now = asked || stored();
    if (now) window_(now.c + dc, now.w + dw);
  };
  const size = (by) => { zoom = Math.min(6, Math.max(1, zoom * by)); show(); };
  series.forEach((each, n) => each.addEventListener("click", () => choose(n)));
  viewer.querySelectorAll("[data-preset]").forEach((each) => each.addEventListener("click", () => {
    if (!each.dataset.preset) { asked = null; show(); return; }
    const [c, w] = each.dataset.preset.split(",").map(Number); window_(c, w);
  }));
  stage.addEventListener("wheel", (event) => { event.preventDefault(); go(at + Math.sign(event.deltaY)); }, { passive: false });
  let from = null, wait = 0;
  stage.addEventListener("pointerdown", (event) => {
    stage.setPointerCapture(event.pointerId); stage.focus();
    from = { x: event.clientX, y: event.clientY, now: asked || stored() };
  });
  stage.addEventListener("pointermove", (event) => {
    if (!from || !from.now) return;
    const step = Math.max(1, from.now.w / 300);
    const c = from.now.c + (event.clientY - from.y) * step, w = from.now.w + (event.clientX - from.x) * step;
    clearTimeout(wait); wait = setTimeout(() => window_(c, w), 40);
  });
  for (const name of ["pointerup", "pointercancel"]) stage.addEventListener(name, () => { from = null; });
  document.addEventListener("keydown", (event) => {
    if (event.target.matches("input, textarea") || event.ctrlKey || event.metaKey || event.altKey) return;
    const step = Math.max(1, ((asked || stored() || { w: 100 }).w) / 20);
    const presets = [...viewer.querySelectorAll(".tools [data-preset]")];
    const acts = {
      ArrowDown: () => event.shiftKey ? shift(step, 0) : go(at + 1),
      ArrowUp: () => event.shiftKey ? shift(-step, 0) : go(at - 1),
      ArrowRight: () => event.shiftKey ? shift(0, step) : go(at + 1),
      ArrowLeft: () => event.shiftKey ? shift(0, -step) : go(at - 1),
      PageDown: () => go(at + 10), PageUp: () => go(at - 10), Home: () => go(0), End: () => go(count() - 1),
      "[": () => choose(shown - 1), "]": () => choose(shown + 1),
      i: () => stage.classList.toggle("invert"), "+": () => size(1.25), "-": () => size(0.8),
    };
    const act = acts[event.key] || (/^[0-4]$/.test(event.key) && presets[+event.key] && (() => presets[+event.key].click()));
    if (act) { event.preventDefault(); act(); }
  });
  choose(0);
}

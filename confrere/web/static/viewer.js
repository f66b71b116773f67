// The page's side of the viewer: what comes from this frame and this origin, nothing else.
// confrereViewer(frame, {measurements, shown, activity, sign}) calls back with what the viewer
// tells: its measurements, the study UIDs on its viewports, that somebody works in it, Ctrl+Enter.
window.confrereViewer = (frame, told) => {
  "use strict";
  const lists = new Set(["measurements", "shown"]);
  window.addEventListener("message", event => {
    if (event.origin !== location.origin || event.source !== frame.contentWindow) return;
    const [ours, what] = String(event.data?.type).split(":");
    if (ours !== "confrere" || !Object.hasOwn(told, what)) return;
    if (!lists.has(what)) told[what]();
    else if (Array.isArray(event.data.items)) told[what](event.data.items);
  });
};

// The reader's choice of how frames come: as the line was measured, as stored, or smaller. It is
// this workstation's and kept in its browser; the viewer opens anew with it.
window.confrereLine = (select, frame) => {
  "use strict";
  if (!select) return;
  const names = { fast: "as stored", slow: "smaller frames" };
  const seen = names[localStorage.getItem("confrere-line-seen")];
  if (seen) select.querySelector('[value=""]').textContent = `automatic (now ${seen})`;
  select.value = localStorage.getItem("confrere-line") ?? "";
  select.addEventListener("change", () => {
    if (select.value) localStorage.setItem("confrere-line", select.value);
    else localStorage.removeItem("confrere-line");
    frame.contentWindow.location.reload();
  });
};

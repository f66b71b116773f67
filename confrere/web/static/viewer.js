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

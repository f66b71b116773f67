// The page's side of the viewer: measurements come in, nothing else is believed.
// confrereViewer(frame, items => ...) calls back with the viewer's measurements.
window.confrereViewer = (frame, receive) => {
  "use strict";
  window.addEventListener("message", event => {
    if (event.origin !== location.origin || event.source !== frame.contentWindow) return;
    const { type, items } = event.data || {};
    if (type === "confrere:measurements" && Array.isArray(items)) receive(items);
  });
};

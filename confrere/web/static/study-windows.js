// The viewer and the report as two windows of one exam: they say which exam is open, hand
// measurements over, and go on together. window.confrereWindows(item, role, hear) gives `say`.
window.confrereWindows = (item, role, hear) => {
  "use strict";
  const channel = new BroadcastChannel("confrere-reading");
  channel.addEventListener("message", event => {
    const said = event.data;
    if (said && said.role !== role && Object.hasOwn(hear, said.what)) hear[said.what](said);
  });
  return {
    say: (what, more = {}) => channel.postMessage({ what, role, item, ...more }),
    open: () => {
      const viewer = window.open(`/items/${item}/viewer`, "confrere-viewer", "popup,width=1400,height=1000");
      if (viewer) location.assign(`/items/${item}/report`);
      return Boolean(viewer);
    },
  };
};

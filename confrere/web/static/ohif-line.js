// How fast is the line? On a network as stored is quickest; over a line frames come smaller,
// without loss (HTJ2K), and what can't be made so comes as it is stored. The reader chooses in
// the page around the viewer: localStorage "confrere-line" is "fast" or "slow"; without a choice
// it goes by what was measured in the background at the last opening, "confrere-line-seen".
(() => {
  "use strict";
  const PROBE_BYTES = 131072;
  const PROBES = 3;
  const FAST_MBIT = 80;
  const MEASURE_AFTER = 15000;  // ms: the images first
  const remembered = key => { try { return localStorage.getItem(key); } catch { return null; } };
  const chosen = remembered("confrere-line") ?? remembered("confrere-line-seen");
  const timed = async () => {
    const url = new URL(`/ohif/line-probe?at=${Math.random()}`, location.href).href;
    await (await fetch(url)).arrayBuffer();
    const seen = performance.getEntriesByName(url)[0];
    // the bytes' own time: how long the server thought is not the line's
    return seen ? (seen.responseEnd - seen.responseStart) / 1000 : Infinity;
  };
  const measure = async () => {
    // the browser keeps 250 entries by default: a study's frames have used them up
    const known = performance.getEntriesByType("resource").length;
    performance.setResourceTimingBufferSize(known + 2 * PROBES);
    let best = Infinity;
    for (let n = 0; n < PROBES; n += 1) best = Math.min(best, await timed());
    if (best === Infinity) return;
    const slow = (PROBE_BYTES * 8) / best / 1e6 < FAST_MBIT;
    localStorage.setItem("confrere-line-seen", slow ? "slow" : "fast");
  };
  setTimeout(() => measure().catch(() => {}), MEASURE_AFTER);
  const AS_STORED = "multipart/related; type=application/octet-stream; transfer-syntax=*";
  const SMALLER = "multipart/related; type=image/jphc; transfer-syntax=1.2.840.10008.1.2.4.201";
  const slow = chosen === "slow";
  const accepted = slow ? `${SMALLER}, ${AS_STORED}; q=0.5` : AS_STORED;
  Object.assign(window.confrere, { slow, accepted });
})();

// What a reader waits for: the first picture on a canvas, each frame fetched, each decoded.
(() => {
  if (window.watched) return;
  const seen = window.watched = { first: 0, fetched: 0, last: 0, decoded: 0, lastDecoded: 0, bytes: 0, other: 0, requests: 0, firstFrame: 0, slow: null };
  performance.setResourceTimingBufferSize(20000);
  new PerformanceObserver(list => {
    for (const one of list.getEntries()) {
      if (one.name.endsWith("/metadata")) seen.metadata = one.responseEnd;
      if (one.name.includes("app-config.js")) seen.config = one.responseEnd;
      seen.requests++;
      if (!one.name.includes("/frames/")) {
        seen.other += one.transferSize;
        continue;
      }
      seen.firstFrame ||= one.responseEnd;
      seen.fetched++;
      seen.last = Math.max(seen.last, one.responseEnd);
      seen.bytes += one.transferSize;
    }
  }).observe({ type: "resource", buffered: true });
  let hooked = false;
  const shown = canvas => {
    if (!canvas.width) return false;
    const { data } = canvas.getContext("2d").getImageData(
      canvas.width / 2 - 60, canvas.height / 2 - 60, 120, 120);
    let low = 255;
    let high = 0;
    for (let at = 0; at < data.length; at += 16) {
      low = Math.min(low, data[at]);
      high = Math.max(high, data[at]);
    }
    return high - low > 8;
  };
  const look = () => {
    seen.slow = window.confrere?.slow ?? null;
    const target = window.cornerstone?.eventTarget;
    if (!hooked && target) {
      hooked = true;
      target.addEventListener("CORNERSTONE_IMAGE_LOADED", () => {
        seen.decoded++;
        seen.lastDecoded = performance.now();
      });
    }
    if (!seen.first && [...document.querySelectorAll("canvas.cornerstone-canvas")].some(shown)) {
      seen.first = performance.now();
    }
    setTimeout(look, seen.first ? 100 : 20);
  };
  look();
})();

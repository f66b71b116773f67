// What the page around the viewer must know: measurements, that somebody works, the wish to sign.
(() => {
  "use strict";
  // Told to the page around the viewer, of our own origin only.
  const say = (what, items) =>
    window.parent.postMessage({ type: `confrere:${what}`, items }, location.origin);
  const tellMeasurements = measurementService => {
    const tell = () => say("measurements", measurementService.getMeasurements().map(one => ({
      uid: one.uid, label: one.label, type: one.toolName, text: one.displayText,
      study: one.referenceStudyUID, series: one.referenceSeriesUID,
      sop: one.SOPInstanceUID, frame: one.frameNumber,
    })));
    const { MEASUREMENT_ADDED, MEASUREMENT_UPDATED, MEASUREMENT_REMOVED } =
      measurementService.EVENTS;
    return [MEASUREMENT_ADDED, MEASUREMENT_UPDATED, MEASUREMENT_REMOVED]
      .map(event => measurementService.subscribe(event, tell));
  };
  const tellWork = () => {
    const QUIET = 15000; // ms; the page needs to know that somebody works, not each click
    let told = 0;
    const work = event => {
      if (event.timeStamp - told < QUIET && told) return;
      told = event.timeStamp;
      say("activity");
    };
    const key = event => {
      const sign = (event.ctrlKey || event.metaKey) && !event.shiftKey && event.key === "Enter";
      if (!sign) return;
      event.preventDefault();
      event.stopPropagation();
      say("sign");
    };
    const kinds = ["pointerdown", "wheel", "keydown"];
    kinds.forEach(kind => addEventListener(kind, work, { capture: true, passive: true }));
    addEventListener("keydown", key, true);
    return {
      unsubscribe: () => {
        kinds.forEach(kind => removeEventListener(kind, work, { capture: true }));
        removeEventListener("keydown", key, true);
      },
    };
  };
  Object.assign(window.confrere, { say, tellMeasurements, tellWork });
})();

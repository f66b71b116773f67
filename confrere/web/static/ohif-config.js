// The viewer's configuration and our one extension: a current | prior layout with its names on
// the images, scroll linked by table position, and what the page around the viewer must know:
// measurements, the studies on the screen, that somebody works. `window.confrere` is set by the
// server above this line.
(() => {
  "use strict";
  // How fast is the line? On a network as stored is quickest; over a line frames come smaller,
  // without loss (HTJ2K), and what can't be made so comes as it is stored. A reader may choose:
  // localStorage "confrere-line" is "fast" or "slow"; else what was measured at the last opening.
  const PROBE_BYTES = 131072;
  const FAST_MBIT = 80;
  const remembered = key => { try { return localStorage.getItem(key); } catch { return null; } };
  const lineIsSlow = () =>
    (remembered("confrere-line") ?? remembered("confrere-line-seen")) === "slow";
  const measureLine = async () => {
    const seconds = [];
    for (let n = 0; n < 3; n += 1) {
      const url = new URL(`/ohif/line-probe?at=${Math.random()}`, location.href).href;
      await (await fetch(url)).arrayBuffer();
      const seen = performance.getEntriesByName(url)[0];
      // the bytes' own time: how long the server thought is not the line's
      if (seen) seconds.push((seen.responseEnd - seen.responseStart) / 1000);
    }
    if (!seconds.length) return;
    const slow = (PROBE_BYTES * 8) / Math.min(...seconds) / 1e6 < FAST_MBIT;
    localStorage.setItem("confrere-line-seen", slow ? "slow" : "fast");
    window.confrere.probeSeconds = Math.min(...seconds);
  };
  const MEASURE_AFTER = 15000;  // ms: the images first
  setTimeout(() => measureLine().catch(() => {}), MEASURE_AFTER);
  const AS_STORED = "multipart/related; type=application/octet-stream; transfer-syntax=*";
  const SMALLER = "multipart/related; type=image/jphc; transfer-syntax=1.2.840.10008.1.2.4.201";
  window.confrere.slow = lineIsSlow();
  const accepted = window.confrere.slow ? `${SMALLER}, ${AS_STORED}; q=0.5` : AS_STORED;

  const chooseStudy = index => ({
    studyMatchingRules: [{
      attribute: "studyInstanceUIDsIndex", from: "options", required: true,
      constraint: { equals: { value: index } },
    }],
    seriesMatchingRules: [
      { attribute: "numImageFrames", constraint: { greaterThan: { value: 0 } } },
      // a stack before a scout view
      { attribute: "numImageFrames", weight: 10, constraint: { greaterThan: { value: 3 } } },
      { attribute: "isDisplaySetFromUrl", weight: 20, constraint: { equals: true } },
    ],
  });
  const viewport = id => ({
    viewportOptions: {
      toolGroupId: "default", viewportType: "stack", allowUnmatchedView: true,
      initialImageOptions: { preset: "middle" },
      syncGroups: [
        { type: "voi", id: "confrere-voi", source: true, target: true },
        { type: "zoompan", id: "confrere-zoom", source: true, target: true },
      ],
    },
    displaySets: [{ id }],
  });
  const comparePrior = {
    id: "@confrere/comparePrior", name: "Current | Prior", locked: true, isPreset: true,
    icon: "layout-common-1x2", protocolMatchingRules: [], numberOfPriorsReferenced: 1,
    toolGroupIds: ["default"],
    displaySetSelectors: { current: chooseStudy(0), prior: chooseStudy(1) },
    stages: [{
      name: "1x2",
      viewportStructure: { layoutType: "grid", properties: { rows: 1, columns: 2 } },
      viewports: [viewport("current"), viewport("prior")],
    }],
  };

  const alone = {
    id: "@confrere/alone", name: "Current", locked: true, isPreset: true,
    icon: "layout-common-1x1", protocolMatchingRules: [], toolGroupIds: ["default"],
    displaySetSelectors: { current: chooseStudy(0) },
    stages: [{
      name: "1x1",
      viewportStructure: { layoutType: "grid", properties: { rows: 1, columns: 1 } },
      viewports: [viewport("current")],
    }],
  };

  // position of an image along its own normal, mm (PS3.3 C.7.6.2.1.1); null without a plane
  const along = imageId => {
    const plane = imageId && window.cornerstone.metaData.get("imagePlaneModule", imageId);
    if (!plane?.imagePositionPatient || !plane.imageOrientationPatient) return null;
    const [a, b, c, d, e, f] = plane.imageOrientationPatient;
    const normal = [b * f - c * e, c * d - a * f, a * e - b * d];
    return plane.imagePositionPatient.reduce((sum, mm, axis) => sum + mm * normal[axis], 0);
  };
  const nearest = (viewport, wanted) => {
    let best = -1;
    let distance = Infinity;
    viewport.getImageIds().forEach((id, index) => {
      const here = along(id);
      if (here !== null && Math.abs(here - wanted) < distance) {
        best = index;
        distance = Math.abs(here - wanted);
      }
    });
    return best;
  };

  // The viewer's own "imageslice" link does nothing between studies, whose frames of
  // reference differ. Offsets are kept per viewport: the patient lay elsewhere on the table.
  const linkScroll = ({ cornerstoneViewportService, hangingProtocolService }) => {
    const wired = new WeakSet();
    const offsets = new Map();
    let linked = true;
    let busy = false;
    const compares = () =>
      hangingProtocolService.getActiveProtocol()?.protocol?.id === comparePrior.id;
    const stacks = () => {
      const engine = cornerstoneViewportService.getRenderingEngine();
      return engine ? engine.getViewports().filter(one => one.type === "stack") : [];
    };
    const offset = one => offsets.get(one.id) ?? 0;
    const follow = source => {
      if (!linked || busy || !compares()) return;
      const here = along(source.getCurrentImageId());
      if (here === null) return;
      busy = true;
      const moves = stacks().filter(one => one.element !== source.element).map(one => {
        const index = nearest(one, here - offset(source) + offset(one));
        if (index < 0 || index === one.getCurrentImageIdIndex()) return null;
        return window.cornerstone.utilities.jumpToSlice(one.element, { imageIndex: index });
      });
      Promise.all(moves).finally(() => { busy = false; });
    };
    const wire = () => stacks().forEach(one => {
      if (wired.has(one.element)) return;
      wired.add(one.element);
      const changed = window.cornerstone.Enums.Events.STACK_NEW_IMAGE;
      one.element.addEventListener(changed, () => follow(one));
    });
    const toggle = () => {
      linked = !linked;
      const [first, ...others] = linked ? stacks() : [];
      const start = first && along(first.getCurrentImageId());
      if (typeof start === "number") {
        others.forEach(one => {
          const here = along(one.getCurrentImageId());
          if (here !== null) offsets.set(one.id, here - start + offset(first));
        });
      }
      return linked;
    };
    return { wire, toggle, compares };
  };

  const addLinkButton = link => {
    const button = document.createElement("button");
    button.type = "button";
    button.style.cssText = "position:fixed;z-index:20;bottom:10px;left:50%;"
      + "transform:translateX(-50%);padding:5px 12px;border-radius:8px;cursor:pointer;"
      + "font:500 12px system-ui,sans-serif;border:1px solid #2a394d";
    const show = linked => {
      button.textContent = linked ? "Scroll linked" : "Scroll free: link at this offset";
      button.setAttribute("aria-pressed", String(linked));
      button.style.background = linked ? "#0e2030" : "#3a2a06";
      button.style.color = linked ? "#a5def9" : "#fde68a";
      button.title = linked
        ? "Scroll the studies apart, then link them again where they show the same level"
        : "Link again with the present difference between the studies";
    };
    show(true);
    button.addEventListener("click", () => show(link.toggle()));
    document.body.append(button);
    return { button, refresh: () => { button.hidden = !link.compares(); } };
  };

  // Told to the page around the viewer, of our own origin only.
  const embedded = window.parent !== window;
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

  // Which study is on which viewport: told to the page, and written on the image.
  const requested = (new URLSearchParams(location.search).get("StudyInstanceUIDs") || "").split(",");
  const named = study => {
    const place = requested.indexOf(study);
    if (place < 0) return ["Another study", "#7f1023", "#fff"];
    return place === 0 ? ["Current", "#0b3a57", "#cdeaff"] : ["Prior", "#4a3606", "#fde68a"];
  };
  const watchStudies = services => {
    const { viewportGridService, displaySetService } = services;
    const badge = (id, study, date) => {
      const pane = document.querySelector(`[data-viewportid="${CSS.escape(id)}"]`);
      if (!pane) return;
      let mark = pane.querySelector(":scope > .confrere-study");
      if (!mark) {
        mark = document.createElement("div");
        mark.className = "confrere-study";
        mark.style.cssText = "position:absolute;z-index:5;top:6px;left:50%;pointer-events:none;"
          + "transform:translateX(-50%);margin-top:16px;padding:2px 10px;border-radius:6px;"
          + "font:600 12px system-ui,sans-serif;white-space:nowrap";
        pane.append(mark);
      }
      const [word, ground, ink] = named(study);
      mark.style.background = ground;
      mark.style.color = ink;
      mark.textContent = date ? `${word} \u00b7 ${date}` : word;
    };
    const dated = text => {
      const parts = /^(\d{4})(\d\d)(\d\d)$/.exec(text || "");
      return parts ? new Date(+parts[1], parts[2] - 1, +parts[3])
        .toLocaleDateString("en-GB", { day: "numeric", month: "short", year: "numeric" }) : "";
    };
    let before = "";
    const look = () => {
      const studies = new Set();
      viewportGridService.getState().viewports.forEach((viewport, id) => {
        const sets = (viewport.displaySetInstanceUIDs || [])
          .map(uid => displaySetService.getDisplaySetByUID(uid)).filter(Boolean);
        sets.forEach(one => studies.add(one.StudyInstanceUID));
        if (sets.length) {
          const first = sets[0];
          badge(id, first.StudyInstanceUID, dated(first.StudyDate || first.instances?.[0]?.StudyDate));
        }
      });
      const now = [...studies].sort().join();
      if (now && now !== before) say("shown", [...studies]);
      before = now;
    };
    return { look, events: [viewportGridService.EVENTS.GRID_STATE_CHANGED,
      viewportGridService.EVENTS.VIEWPORTS_READY].filter(Boolean)
      .map(event => viewportGridService.subscribe(event, look)) };
  };

  // Beside a report there is less room: the images get it, the list of series opens by a click.
  const NARROW = 1250; // CSS pixels
  const foldSeries = panelService => {
    if (!embedded || window.innerWidth >= NARROW) return;
    panelService._broadcastEvent(panelService.EVENTS.PANELS_CHANGED, {
      options: { leftPanelClosed: true },
    });
  };

  let left = [];
  const extension = {
    id: "@confrere/extension",
    getHangingProtocolModule: () =>
      [alone, comparePrior].map(protocol => ({ name: protocol.id, protocol })),
    onModeEnter: ({ servicesManager }) => {
      const { services } = servicesManager;
      const views = services.cornerstoneViewportService;
      const link = linkScroll(services);
      const { button, refresh } = addLinkButton(link);
      const studies = watchStudies(services);
      let folded = false;
      refresh();
      const changed = views.subscribe(views.EVENTS.VIEWPORT_DATA_CHANGED, () => {
        link.wire();
        refresh();
        studies.look();
        if (!folded) foldSeries(services.panelService);
        folded = true;
      });
      left = [changed, ...studies.events, { unsubscribe: () => button.remove() }];
      if (embedded) left.push(tellWork(), ...tellMeasurements(services.measurementService));
    },
    onModeExit: () => {
      left.forEach(one => one.unsubscribe());
      left = [];
    },
  };

  window.config = {
    name: "confrere", routerBasename: "/ohif", extensions: [extension], modes: [],
    customizationService: [{ "ohif.tours": { $set: [] } }],
    // beside a report the viewer shows that exam and its priors; it does not wander off
    showStudyList: !embedded, maxNumberOfWebWorkers: 3, showWarningMessageForCrossOrigin: true,
    showCPUFallbackMessage: true, showLoadingIndicator: true,
    strictZSpacingForVolumeViewport: true,
    // measurements are kept without a question over the image each time
    measurementTrackingMode: "simplified",
    // shown until the operator has recorded clearance for the intended use
    investigationalUseDialog: { option: window.confrere?.cleared ? "never" : "always" },
    maxNumRequests: { interaction: 100, thumbnail: 5, prefetch: 25 },
    showErrorDetails: "production",
    whiteLabeling: {
      createLogoComponentFn: React => React.createElement("a", {
        href: "/", target: "_parent",
        style: { color: "#7dd3fc", font: "600 15px system-ui, sans-serif" },
      }, "Confrere"),
    },
    defaultDataSourceName: "archive",
    dataSources: [{
      namespace: "@ohif/extension-default.dataSourcesModule.dicomweb", sourceName: "archive",
      configuration: {
        friendlyName: "Archive", name: "archive", wadoUriRoot: "/dicom-web",
        qidoRoot: "/dicom-web", wadoRoot: "/dicom-web", qidoSupportsIncludeField: true,
        supportsReject: false, imageRendering: "wadors", thumbnailRendering: "wadors",
        enableStudyLazyLoad: true, supportsFuzzyMatching: false, supportsWildcard: true,
        dicomUploadEnabled: false, omitQuotationForMultipartRequest: true,
        bulkDataURI: { enabled: true, relativeResolution: "studies" },
        singlepart: "bulkdata,video", acceptHeader: [accepted],
      },
    }],
    httpErrorHandler: error => {
      if (error.status === 401) window.top.location = "/login";
    },
  };
})();

// The viewer's configuration and our one extension: a current | prior layout, scroll linked by
// table position, and measurements told to the page around the viewer. `window.confrere` is
// set by the server above this line.
(() => {
  "use strict";
  const chooseStudy = index => ({
    studyMatchingRules: [{
      attribute: "studyInstanceUIDsIndex", from: "options", required: true,
      constraint: { equals: { value: index } },
    }],
    seriesMatchingRules: [
      { attribute: "numImageFrames", constraint: { greaterThan: { value: 0 } } },
      { attribute: "isDisplaySetFromUrl", weight: 20, constraint: { equals: true } },
    ],
  });
  const viewport = id => ({
    viewportOptions: {
      toolGroupId: "default", viewportType: "stack", allowUnmatchedView: true,
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

  const tellMeasurements = measurementService => {
    const tell = () => window.parent.postMessage({
      type: "confrere:measurements",
      items: measurementService.getMeasurements().map(one => ({
        uid: one.uid, label: one.label, type: one.toolName, text: one.displayText,
        study: one.referenceStudyUID, series: one.referenceSeriesUID,
        sop: one.SOPInstanceUID, frame: one.frameNumber,
      })),
    }, location.origin);
    const { MEASUREMENT_ADDED, MEASUREMENT_UPDATED, MEASUREMENT_REMOVED } =
      measurementService.EVENTS;
    return [MEASUREMENT_ADDED, MEASUREMENT_UPDATED, MEASUREMENT_REMOVED]
      .map(event => measurementService.subscribe(event, tell));
  };

  let left = [];
  const extension = {
    id: "@confrere/extension",
    getHangingProtocolModule: () => [{ name: comparePrior.id, protocol: comparePrior }],
    onModeEnter: ({ servicesManager }) => {
      const { services } = servicesManager;
      const views = services.cornerstoneViewportService;
      const link = linkScroll(services);
      const { button, refresh } = addLinkButton(link);
      refresh();
      const changed = views.subscribe(views.EVENTS.VIEWPORT_DATA_CHANGED, () => {
        link.wire();
        refresh();
      });
      left = [changed, ...tellMeasurements(services.measurementService),
        { unsubscribe: () => button.remove() }];
    },
    onModeExit: () => {
      left.forEach(one => one.unsubscribe());
      left = [];
    },
  };

  window.config = {
    name: "confrere", routerBasename: "/ohif", extensions: [extension], modes: [],
    customizationService: [{ "ohif.tours": { $set: [] } }],
    showStudyList: true, maxNumberOfWebWorkers: 3, showWarningMessageForCrossOrigin: true,
    showCPUFallbackMessage: true, showLoadingIndicator: true,
    strictZSpacingForVolumeViewport: true,
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
        singlepart: "bulkdata,video",
      },
    }],
    httpErrorHandler: error => {
      if (error.status === 401) window.top.location = "/login";
    },
  };
})();

// The viewer's configuration and our one extension. `window.confrere` is set by the server above
// the parts that it puts in front of this one: line, hanging, scroll, tell, labels.
(() => {
  "use strict";
  const ours = window.confrere;
  const embedded = window.parent !== window;
  // by this address a search finds the shown studies' persons only: the viewer asks for other
  // studies by PatientID alone, which two sites may have given to two people
  const viewed = new URLSearchParams(location.search).get("StudyInstanceUIDs");
  const searches = viewed ? `/dicom-web/viewed/${encodeURIComponent(viewed)}` : "/dicom-web";

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
      ours.protocols.map(protocol => ({ name: protocol.id, protocol })),
    onModeEnter: ({ servicesManager, commandsManager }) => {
      const { services } = servicesManager;
      const views = services.cornerstoneViewportService;
      const link = ours.linkScroll(services);
      const { remove, refresh } = ours.addLinkButton(link);
      const studies = ours.watchStudies(services);
      let folded = false;
      refresh();
      link.join(refresh);
      const changed = views.subscribe(views.EVENTS.VIEWPORT_DATA_CHANGED, () => {
        link.wire();
        refresh();
        studies.look();
        if (!folded) foldSeries(services.panelService);
        folded = true;
      });
      const keys = ours.layoutKeys(commandsManager);
      left = [changed, keys, ...studies.events, { unsubscribe: remove }, { unsubscribe: link.close }];
      if (embedded) left.push(ours.tellWork(), ...ours.tellMeasurements(services.measurementService));
    },
    onModeExit: () => {
      left.forEach(one => one.unsubscribe());
      left = [];
    },
  };

  window.config = {
    name: "confrere", routerBasename: "/ohif", extensions: [extension], modes: [],
    customizationService: [{ "ohif.tours": { $set: [] } }, ...ours.presets],
    // beside a report the viewer shows that exam and its priors; it does not wander off
    showStudyList: !embedded, maxNumberOfWebWorkers: 3, showWarningMessageForCrossOrigin: true,
    showCPUFallbackMessage: true, showLoadingIndicator: true,
    strictZSpacingForVolumeViewport: true,
    // measurements are kept without a question over the image each time
    measurementTrackingMode: "simplified",
    // shown until the operator has recorded clearance for the intended use
    investigationalUseDialog: { option: ours.cleared ? "never" : "always" },
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
        qidoRoot: searches, wadoRoot: "/dicom-web", qidoSupportsIncludeField: true,
        supportsReject: false, imageRendering: "wadors", thumbnailRendering: "wadors",
        enableStudyLazyLoad: true, supportsFuzzyMatching: false, supportsWildcard: true,
        dicomUploadEnabled: false, omitQuotationForMultipartRequest: true,
        bulkDataURI: { enabled: true, relativeResolution: "studies" },
        singlepart: "bulkdata,video", acceptHeader: [ours.accepted],
      },
    }],
    httpErrorHandler: error => {
      if (error.status === 401) window.top.location = "/login";
    },
  };
})();

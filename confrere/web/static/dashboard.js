// Draws the dashboard's charts from the page's own data block, in the page's own colours.
(() => {
  "use strict";
  const data = JSON.parse(document.getElementById("figures").textContent);
  const charts = [];
  // a token may be light-dark(...); only a rendered colour says which one holds
  const probe = document.body.appendChild(document.createElement("i"));
  probe.hidden = true;
  const colour = name => {
    probe.style.color = `var(--${name})`;
    return getComputedStyle(probe).color;
  };
  const dark = () => matchMedia("(prefers-color-scheme: dark)").matches;
  const palette = () => Object.fromEntries(
    ["tx", "tx2", "tx3", "acc", "vio", "warn", "row", "line", "line2", "panel", "strong"]
      .map(name => [name, colour(name)]));

  const make = (element, option) => {
    const chart = echarts.init(element, null, { renderer: "svg" });
    chart.setOption({ animation: false, textStyle: { fontFamily: "InterV, system-ui, sans-serif", fontSize: 11.5 }, ...option });
    charts.push(chart);
    return chart;
  };
  const axis = (c, more) => ({
    axisLine: { lineStyle: { color: c.line2 } }, axisTick: { show: false },
    axisLabel: { color: c.tx2, fontSize: 11 }, splitLine: { lineStyle: { color: c.row } }, ...more,
  });
  const tip = c => ({
    backgroundColor: c.panel, borderColor: c.line2, textStyle: { color: c.tx, fontSize: 12 },
    confine: true,
  });
  const written = minutes => {
    if (minutes === null || minutes === undefined) return "not shown";
    const tenths = value => Number.isInteger(value) ? String(value) : value.toFixed(1);
    if (minutes < 120) return `${minutes < 10 ? tenths(minutes) : Math.round(minutes)} min`;
    return minutes < 2880 ? `${tenths(minutes / 60)} h` : `${tenths(minutes / 1440)} d`;
  };

  const few = count => count !== null && count < 30;

  const spark = (element, c) => {
    const course = data.cards[Number(element.dataset.spark)] || [];
    if (course.filter(one => one !== null).length < 2) return;
    const last = course.length - 1;
    make(element, {
      grid: { left: 2, right: 6, top: 5, bottom: 5 },
      xAxis: { type: "category", show: false, boundaryGap: false },
      yAxis: { type: "value", show: false, scale: true },
      series: [{
        type: "line", data: course, symbol: "none", silent: true, connectNulls: false,
        lineStyle: { width: 1.6, color: c.tx3 },
        markPoint: course[last] === null ? undefined : {
          symbol: "circle", symbolSize: 6, label: { show: false }, itemStyle: { color: c.acc },
          data: [{ coord: [last, course[last]] }],
        },
      }],
    });
  };

  const turnaround = (element, c, code) => {
    const course = data.series[code] || { median: [], p90: [], within: [], n: [], limit: null };
    const known = [...course.p90, ...(course.yours || [])].filter(one => one !== null);
    const most = Math.max(...known, course.limit || 0, 1);
    const [size, unit] = most < 180 ? [1, "min"] : [60, "h"];
    const scale = list => list.map((one, at) => one === null ? null : {
      value: one / size,
      // hollow: a week that is not whole, or too few exams to rely on
      itemStyle: data.whole[at] && !few(course.n[at]) ? undefined : { color: c.panel, borderWidth: 1.6 },
    });
    const line = (name, list, tint, more) => ({
      name, type: "line", data: scale(list), symbol: "circle", symbolSize: 6,
      lineStyle: { width: 2.2, color: tint }, itemStyle: { color: tint, borderColor: tint },
      endLabel: {
        show: true, color: tint, fontWeight: 600, fontSize: 11.5,
        formatter: () => `${name}  ${written(list[list.length - 1])}`,
      }, ...more,
    });
    const limit = course.limit === null ? undefined : {
      silent: true, symbol: "none", lineStyle: { color: c.warn, type: "dashed", width: 1.2 },
      label: { formatter: `Limit ${written(course.limit)}`, color: c.warn, position: "insideStartTop", fontSize: 11 },
      data: [{ yAxis: course.limit / size }],
    };
    return make(element, {
      grid: { left: 52, right: 132, top: 16, bottom: 26 },
      tooltip: {
        ...tip(c), trigger: "axis",
        formatter: points => {
          const at = points[0].dataIndex;
          const box = document.createElement("div");
          const say = text => { const row = document.createElement("div"); row.textContent = text; box.append(row); };
          say(`${data.unit === "week" ? "Week of " : ""}${data.labels[at]}${data.whole[at] ? "" : " (not whole)"}`);
          say(`P90 ${written(course.p90[at])}`);
          say(`Median ${written(course.median[at])}`);
          if (course.yours) say(`Median of your group ${written(course.yours[at])}`);
          if (course.within[at] !== null) say(`Within the limit ${course.within[at]} %`);
          if (course.n[at] !== null) say(`${course.n[at]} exams${few(course.n[at]) ? ", n<30, indicative" : ""}`);
          return box;
        },
      },
      xAxis: axis(c, { type: "category", boundaryGap: false, data: data.labels, splitLine: { show: false } }),
      yAxis: axis(c, {
        type: "value", min: 0, max: extent => Math.max(extent.max, (course.limit || 0) / size) * 1.04,
        axisLine: { show: false },
        axisLabel: { color: c.tx2, fontSize: 11, showMaxLabel: false, formatter: `{value} ${unit}` },
      }),
      series: [
        line("P90", course.p90, c.vio, { markLine: limit }),
        line("Median", course.median, c.acc, { areaStyle: { color: c.acc, opacity: 0.08 } }),
        ...(course.yours ? [line("Your group", course.yours, c.tx2, { lineStyle: { width: 1.6, type: "dashed", color: c.tx2 } })] : []),
      ],
    });
  };

  const arrivals = (element, c) => {
    const most = Math.max(...data.arrivals.map(one => one[2]), 0.1);
    const tints = dark()
      ? ["#0e1826", "#123a55", "#14618a", "#2a93bd", "#6cc6d9", "#d9f3e6"]
      : ["#f2f6fa", "#d3e8f4", "#9ccbe5", "#559fca", "#1f6fa5", "#0b4270"];
    const days = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    make(element, {
      grid: { left: 38, right: 6, top: 4, bottom: 46 },
      tooltip: { ...tip(c), formatter: p => `${days[p.value[1]]} ${String(p.value[0]).padStart(2, "0")}:00, ${p.value[2].toFixed(1)} exams an hour` },
      xAxis: axis(c, {
        type: "category", data: [...Array(24).keys()].map(h => String(h).padStart(2, "0")),
        splitLine: { show: false }, axisLine: { show: false }, axisLabel: { color: c.tx2, interval: 1, fontSize: 11 },
      }),
      yAxis: axis(c, { type: "category", inverse: true, data: days, axisLine: { show: false }, splitLine: { show: false } }),
      visualMap: {
        min: 0, max: most, calculable: false, orient: "horizontal", left: "center", bottom: 0,
        itemHeight: 160, itemWidth: 9, text: [`${most.toFixed(1)} per hour`, "0"],
        textStyle: { color: c.tx2, fontSize: 11 }, inRange: { color: tints },
      },
      series: [{ type: "heatmap", data: data.arrivals, itemStyle: { borderColor: c.panel, borderWidth: 2, borderRadius: 3 } }],
    });
  };

  const buttons = [...document.querySelectorAll("[data-course]")];
  const chosen = () => (buttons.find(one => one.getAttribute("aria-pressed") === "true") || { dataset: { course: "all" } }).dataset.course;
  const draw = () => {
    while (charts.length) charts.pop().dispose();
    const c = palette();
    for (const one of document.querySelectorAll("[data-spark]")) spark(one, c);
    const trend = document.querySelector('[data-chart="turnaround"]');
    if (trend) turnaround(trend, c, chosen());
    const heat = document.querySelector('[data-chart="arrivals"]');
    if (heat) arrivals(heat, c);
  };
  for (const button of buttons) {
    button.addEventListener("click", () => {
      for (const one of buttons) one.setAttribute("aria-pressed", String(one === button));
      draw();
    });
  }
  const form = document.querySelector("[data-filters]");
  if (form) for (const one of form.querySelectorAll("select")) one.addEventListener("change", () => form.requestSubmit());
  // an open data table covers the chart; Escape gives the chart back
  addEventListener("keydown", event => {
    if (event.key !== "Escape") return;
    for (const one of document.querySelectorAll("details.data[open]")) one.open = false;
  });
  addEventListener("resize", () => { for (const one of charts) one.resize(); });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  document.fonts.ready.then(draw);
})();

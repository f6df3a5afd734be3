/* The report's script. All state is in one object, and every view redraws itself from it. Drawing: D3 (ISC licence), inlined. */
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const { zones, years } = data;
  const count = zones.id.length;
  const last = years.length - 1;
  const INK = "#1f2933", MISSING = "#d4d4d4", SIGNIFICANT = 0.05, FDR = 0.1, FIRST_ROWS = 50;
  const $ = (id) => document.getElementById(id);
  const state = { variable: 0, year: last, zone: null, mode: "value", sort: "mean", down: true, filter: "", all: false };
  const current = () => data.variables[state.variable];
  const span = data.span;
  const region = data.region || data.run;
  const zoneCount = (n) => `${number(n, 0)} ${n === 1 ? "zone" : "zones"}`;
  const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

  // ------------------------------------------------------------------------------------------------ texts and numbers

  const number = (value, digits) => value === null || value === undefined ? "no data"
    : d3.format(`,.${digits}f`)(value).replace(/^−(0(\.0*)?)$/, "$1");
  const withUnit = (value, v, extra = 0) => value === null || value === undefined ? "no data"
    : `${number(value, v.digits + extra)}${v.unit ? "\u00a0" + v.unit : ""}`;
  const signed = (value, v, extra = 0) => value === null || value === undefined ? "no data"
    : `${value > 0 ? "+" : ""}${withUnit(value, v, extra)}`;
  const pValue = (p) => p === null ? "no test" : p < 0.001 ? "p < 0.001" : `p = ${p.toFixed(3)}`;
  const percent = (value, of) => of ? ` (${value > 0 ? "+" : ""}${number(100 * value / Math.abs(of), 0)} %)` : "";
  const share = (value) => { // a share below one is never shown as 100 %
    const digits = value < 0.1 || (value > 0.99 && value < 1) ? 1 : 0;
    return `${number(Math.min(100 * value, value < 1 ? 99.9 : 100), digits)}\u00a0%`;
  };
  const unitText = (v, per = "") => v.unit || per ? ` (${`${v.unit}${per}`.trim()})` : "";

  const series = (v, zone) => v.values.map((row) => row[zone]);
  const anomaly = (v, year, zone) => {
    const value = v.values[year][zone], base = v.baseMean[zone];
    return value === null || base === null ? null : value - base;
  };
  const finite = (values) => values.filter((value) => value !== null);
  const extreme = (values, better) => values.reduce(
    (best, value, i) => value !== null && (best < 0 || better(value, values[best])) ? i : best, -1);
  const highest = (values) => extreme(values, (a, b) => a > b);
  const lowest = (values) => extreme(values, (a, b) => a < b);

  function medians(v) { // of all zones, year by year: [10th percentile, median, 90th percentile]
    if (!v.medians) v.medians = v.values.map((row) => {
      const sorted = Float64Array.from(finite(row)).sort();
      return [0.1, 0.5, 0.9].map((q) => sorted.length ? d3.quantileSorted(sorted, q) : null);
    });
    return v.medians;
  }

  // ------------------------------------------------------------------------------------------------------------ colour

  function scale(colours, [low, high]) {
    const steps = colours.length - 1;
    const colour = (value) => value === null ? MISSING
      : colours[Math.max(0, Math.min(steps, Math.round((value - low) / (high - low) * steps)))];
    return Object.assign(colour, { colours, low, high });
  }

  function legend(figure, colour, label, values, keys) {
    figure.querySelector(".legend")?.remove();
    const box = d3.select(figure).append("div").attr("class", "legend");
    const width = Math.min(320, figure.clientWidth - 40), thick = 12, tip = 8;
    const bar = box.append("div");
    const svg = bar.append("svg").attr("width", width + 2 * tip).attr("height", thick + 20).attr("role", "img")
      .attr("aria-label", `Colour scale: ${label}, ${number(colour.low, 2)} to ${number(colour.high, 2)}`);
    const n = 64;
    svg.append("g").selectAll("rect").data(d3.range(n)).join("rect")
      .attr("x", (i) => tip + i * width / n).attr("width", width / n + 0.5).attr("height", thick)
      .attr("fill", (i) => colour.colours[Math.round(i / (n - 1) * (colour.colours.length - 1))]);
    const [low, high] = d3.extent(values);
    if (low < colour.low) svg.append("path").attr("d", `M${tip},0v${thick}L0,${thick / 2}z`).attr("fill", colour.colours[0]);
    if (high > colour.high) svg.append("path").attr("d", `M${tip + width},0v${thick}l${tip},${-thick / 2}z`)
      .attr("fill", colour.colours.at(-1));
    const x = d3.scaleLinear([colour.low, colour.high], [tip, tip + width]);
    svg.append("g").attr("transform", `translate(0,${thick})`).call(d3.axisBottom(x).ticks(5).tickSize(4))
      .call((g) => g.select(".domain").remove());
    bar.append("p").text(label + (data.synthetic ? " · synthetic data" : "")); // for a screenshot of the map alone
    box.append("ul").selectAll("li").data(keys).join("li").html((key) => key.icon)
      .append("span").text((key) => key.text);
  }

  const icon = (inner) => `<svg width="22" height="15" aria-hidden="true">${inner}</svg>`;
  // Dark with a light outline, so that it shows on any colour.
  const DOT = (at) => `<circle cx="${at}" cy="${at}" r="1.3" fill="${INK}" stroke="#fff" stroke-width="0.7"/>`;
  const KEYS = {
    cut: (n) => ({ icon: icon('<rect width="22" height="15" fill="url(#hatch)" stroke="#3c4650"/>'),
      text: `cut by the grid's edge (${number(n, 0)})` }),
    missing: (n) => ({ icon: icon(`<rect width="22" height="15" fill="${MISSING}"/>`), text: `no cell or no data (${number(n, 0)})` }),
    significant: (n) => ({ icon: icon('<rect width="22" height="15" fill="url(#dots)" stroke="#9aa5b1"/>'),
      text: `trend with p < ${SIGNIFICANT} (${number(n, 0)})` }),
  };

  // -------------------------------------------------------------------------------------------------------------- maps

  const cut = d3.range(count).filter((i) => zones.inside[i] < 1);
  const joined = (list) => list.map((i) => zones.path[i]).join("");

  function addPatterns() {
    const ink = "#3c4650";
    document.body.insertAdjacentHTML("afterbegin", `<svg width="0" height="0" style="position:absolute" aria-hidden="true">
      <defs><pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
      <path d="M0,0V6" stroke="${ink}" stroke-width="1.4"/></pattern>
      <pattern id="dots" width="7" height="7" patternUnits="userSpaceOnUse">${DOT(3.5)}</pattern></defs></svg>`);
  }

  class ZoneMap {
    /** A choropleth in `figure`; `name` distinguishes its patterns from those of other maps. */
    constructor(figure, name, label) {
      this.figure = figure;
      this.k = 1;
      const pad = 12;
      const svg = d3.select(figure).append("svg").attr("class", "zones").attr("tabindex", 0)
        .attr("viewBox", [-pad, -pad, zones.width + 2 * pad, zones.height + 2 * pad])
        .attr("role", "application").attr("aria-roledescription", "map")
        .attr("aria-label", `${label}. Arrow keys move from zone to zone.`);
      // Patterns are in the map's units; they are scaled so that a stroke is the same on the screen in any map.
      this.hatch = this.pattern(svg, `hatch-${name}`, 45, '<path d="M0,0V7" stroke="#3c4650" stroke-width="1.3"/>');
      this.dots = this.pattern(svg, `dots-${name}`, 0, DOT(3.5));
      this.group = svg.append("g");
      this.outline = this.group.append("g").attr("class", "outline");
      this.paths = this.outline.selectAll("path").data(d3.range(count)).join("path")
        .attr("d", (i) => zones.path[i]).attr("data-zone", (i) => i).nodes();
      // Thin enough that borders never hide small zones.
      const thin = Math.max(0.12, Math.min(1, 0.022 * figure.clientWidth / Math.sqrt(count)));
      this.outline.style("stroke-width", `${thin}px`);
      this.cut = this.group.append("path").attr("class", "over cut").attr("d", joined(cut)).attr("fill", `url(#hatch-${name})`)
        .attr("stroke", "#3c4650").attr("stroke-width", 0.6).attr("vector-effect", "non-scaling-stroke");
      this.significant = this.group.append("path").attr("class", "over significant").attr("fill", `url(#dots-${name})`);
      this.halo = this.group.append("path").attr("class", "halo");
      this.selection = this.group.append("path").attr("class", "selected");
      this.svg = svg;
      this.listen();
      this.zooming();
      this.scalePatterns();
    }

    pattern(svg, id, angle, inner) {
      return svg.append("defs").append("pattern").attr("id", id).attr("width", 7).attr("height", 7)
        .attr("patternUnits", "userSpaceOnUse").attr("data-angle", angle).html(inner);
    }

    scalePatterns() {
      const width = this.svg.node().clientWidth || 800;
      const unit = zones.width / Math.min(width, zones.width / zones.height * innerHeight * 0.68 || width) / this.k;
      for (const pattern of [this.hatch, this.dots]) {
        pattern.attr("patternTransform", `scale(${unit}) rotate(${pattern.attr("data-angle")})`);
      }
    }

    listen() {
      const node = this.svg.node();
      const zoneOf = (event) => event.target.dataset?.zone;
      node.addEventListener("pointermove", (event) => {
        const zone = zoneOf(event);
        zone === undefined || event.pointerType === "touch" ? hideTip() : showTip(event, this.tip(+zone));
      });
      node.addEventListener("pointerleave", hideTip);
      node.addEventListener("click", (event) => {
        const zone = zoneOf(event);
        if (zone !== undefined) select(+zone);
      });
      node.addEventListener("keydown", (event) => {
        const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
        if (!step || event.altKey || event.ctrlKey || event.metaKey) return;
        event.preventDefault();
        select(neighbour(state.zone, step));
      });
    }

    zooming() {
      // The wheel and one finger scroll the page, as everywhere; Ctrl and wheel, two fingers or the buttons zoom.
      const zoom = d3.zoom().scaleExtent([1, 24])
        .extent([[0, 0], [zones.width, zones.height]]).translateExtent([[0, 0], [zones.width, zones.height]])
        .filter((event) => event.type === "wheel" ? event.ctrlKey
          : event.type.startsWith("touch") ? event.touches.length > 1 || this.k > 1 : !event.button && this.k > 1)
        .on("zoom", ({ transform }) => {
          this.k = transform.k;
          this.group.attr("transform", transform);
          this.svg.style("touch-action", this.k > 1 ? "none" : "pan-y");
          this.scalePatterns();
        });
      this.svg.call(zoom).on("dblclick.zoom", null);
      const buttons = d3.select(this.figure).insert("div", "svg").attr("class", "zoom");
      for (const [text, label, act] of [["+", "Zoom in", () => this.svg.call(zoom.scaleBy, 2)],
        ["−", "Zoom out", () => this.svg.call(zoom.scaleBy, 0.5)],
        ["⌂", "Whole map", () => this.svg.call(zoom.transform, d3.zoomIdentity)]]) {
        buttons.append("button").attr("type", "button").attr("aria-label", label).attr("title", label).text(text).on("click", act);
      }
    }

    /** Colour each zone by values[i]; `tip(i)` gives the tooltip's lines. */
    show(values, colour, label, tip, significant = []) {
      this.tip = tip;
      this.paths.forEach((path, i) => path.setAttribute("fill", colour(values[i])));
      this.significant.attr("d", joined(significant));
      const missing = values.filter((value) => value === null).length;
      legend(this.figure, colour, label, finite(values), [
        ...(significant.length ? [KEYS.significant(significant.length)] : []),
        ...(cut.length ? [KEYS.cut(cut.length)] : []),
        ...(missing ? [KEYS.missing(missing)] : []),
      ]);
    }

    mark(zone) {
      this.halo.attr("d", zone === null ? null : zones.path[zone]);
      this.selection.attr("d", zone === null ? null : zones.path[zone]);
    }
  }

  /** Return the zone nearest to `from` in a direction, with sideways distance counted double. */
  function neighbour(from, [dx, dy]) {
    let best = from, least = Infinity;
    for (let i = 0; i < count; i++) {
      const along = (zones.x[i] - zones.x[from]) * dx + (zones.y[i] - zones.y[from]) * dy;
      const across = Math.abs((zones.x[i] - zones.x[from]) * dy) + Math.abs((zones.y[i] - zones.y[from]) * dx);
      const distance = along + 2 * across;
      if (i !== from && along > 0 && across <= along * 1.5 && distance < least) [best, least] = [i, distance];
    }
    return best;
  }

  // ----------------------------------------------------------------------------------------------------------- tooltip

  function showTip(event, [head, ...lines]) {
    const tip = $("tip");
    tip.replaceChildren(Object.assign(document.createElement("b"), { textContent: head }),
      ...lines.map((line) => Object.assign(document.createElement("div"), { textContent: line })));
    tip.hidden = false;
    const { width, height } = tip.getBoundingClientRect();
    tip.style.left = `${Math.max(4, Math.min(event.clientX + 14, innerWidth - width - 4))}px`;
    tip.style.top = `${event.clientY + 18 + height > innerHeight ? event.clientY - height - 10 : event.clientY + 18}px`;
  }
  function hideTip() { $("tip").hidden = true; }
  addEventListener("scroll", hideTip, { passive: true });

  // ------------------------------------------------------------------------------------------------------------- views

  const maps = {};

  function drawYear() {
    const v = current(), year = years[state.year], row = v.values[state.year];
    const typical = medians(v)[state.year][1], usual = d3.median(finite(v.baseMean));
    const compared = typical === null || v.baseline === `${year}` ? ""
      : `, ${withUnit(Math.abs(typical - usual), v)} ${typical >= usual ? "above" : "below"} ${v.baseline}`;
    $("years-title").textContent = `${year}: ${v.label} in ${region}${typical === null ? "" : `, ${withUnit(typical, v)} in the median zone`}${compared}`;
    const top = highest(row), low = lowest(row);
    $("years-lead").textContent = top < 0 ? "No zone has data in this year."
      : `Highest in ${zones.label[top]} (${withUnit(row[top], v)}), lowest in ${zones.label[low]} (${withUnit(row[low], v)}). The colours mean the same in every year.`;
    $("year").setAttribute("aria-valuetext", year);
    $("year-out").textContent = year;
    const tip = (i) => [zones.label[i], `${year}: ${withUnit(row[i], v)}`,
      `${signed(anomaly(v, state.year, i), v)} from ${v.baseline}`, ...partly(i)];
    if (state.mode === "value") {
      maps.year.show(row, scale(v.colours, v.range), `${v.label}, ${v.stat} in each zone${unitText(v)}, ${year}`, tip);
    } else {
      const values = row.map((_, i) => anomaly(v, state.year, i));
      maps.year.show(values, scale(v.diverging, v.anomalyRange), `difference from ${v.baseline}${unitText(v)}, ${year}`, tip);
    }
  }

  const partly = (i) => [
    ...(zones.inside[i] < 1 ? [`${share(zones.inside[i])} of it inside the grid`] : []),
    ...(current().valid[i] !== null && current().valid[i] < 1 ? [`at least ${share(current().valid[i])} of its cells have data`] : []),
  ];

  function drawMean() {
    const v = current(), top = highest(v.mean), low = lowest(v.mean);
    $("mean-title").textContent = top < 0 ? `No zone has data, ${span}`
      : `Mean of ${span}: from ${withUnit(v.mean[low], v)} in ${zones.label[low]} to ${withUnit(v.mean[top], v)} in ${zones.label[top]}`;
    $("mean-lead").textContent = top < 0 ? "" : `Half of the zones lie between ${withUnit(d3.quantile(finite(v.mean), 0.25), v)} and ${withUnit(d3.quantile(finite(v.mean), 0.75), v)}.`;
    maps.mean.show(v.mean, scale(v.colours, v.range), `${v.label}, mean of ${span}${unitText(v)}`,
      (i) => [zones.label[i], `mean ${span}: ${withUnit(v.mean[i], v)}`, ...partly(i)]);
  }

  function drawTrend() {
    const v = current();
    const significant = d3.range(count).filter((i) => v.p[i] !== null && v.p[i] < SIGNIFICANT && v.slope[i] !== 0);
    const up = significant.filter((i) => v.slope[i] > 0).length;
    const kept = v.q.filter((q) => q !== null && q < FDR).length;
    const tested = finite(v.p).length;
    $("trend-title").textContent = !tested ? `Trend ${span}: too few years to test`
      : !significant.length ? `No zone shows a significant trend of ${v.label}, ${span}`
      : `${capital(v.label)} rose in ${number(up, 0)} and fell in ${number(significant.length - up, 0)} of ${zoneCount(tested)}, ${span} (p < ${SIGNIFICANT})`;
    $("trend-lead").textContent = !tested ? "A trend needs at least four years."
      : `Theil–Sen slope per decade; dots mark zones with p < ${SIGNIFICANT} (Mann–Kendall). ` +
        `With the false discovery rate held at ${share(FDR)} over all zones, ${number(kept, 0)} of them ${kept === 1 ? "remains" : "remain"}.`;
    maps.trend.show(v.slope, scale(v.diverging, v.trendRange), `trend of ${v.label}${unitText(v, " per decade")}, ${span}`,
      (i) => [zones.label[i], v.slope[i] === null ? "no data" : `${signed(v.slope[i], v, 1)} per decade`, pValue(v.p[i]), ...partly(i)],
      significant);
  }

  function chart(figure, caption, height, domain) {
    figure.querySelector("svg")?.remove();
    figure.querySelector("figcaption").textContent = caption;
    const width = Math.max(280, figure.clientWidth), margin = { top: 12, right: 14, bottom: 26, left: 56 };
    const svg = d3.select(figure).append("svg").attr("viewBox", [0, 0, width, height]).attr("role", "img").attr("aria-label", caption);
    const half = years.length > 1 ? 0.5 : 1;
    const x = d3.scaleLinear([years[0] - half, years[last] + half], [margin.left, width - margin.right]);
    const y = d3.scaleLinear(domain, [height - margin.bottom, margin.top]).nice();
    svg.append("g").attr("class", "axis").attr("transform", `translate(${margin.left},0)`)
      .call(d3.axisLeft(y).ticks(5).tickSize(margin.left + margin.right - width));
    svg.append("g").attr("class", "axis years").attr("transform", `translate(0,${height - margin.bottom})`)
      .call(d3.axisBottom(x).ticks(Math.min(years.length, width / 60)).tickFormat((t) => Number.isInteger(t) ? t : ""));
    return { svg, x, y, width, height, margin };
  }

  function yearTargets({ svg, x, height, margin }, zone) {
    // Each year is a strip that shows its numbers when hovered, and that year on the map when clicked.
    const v = current(), step = Math.abs(x(years[0] + 1) - x(years[0]));
    svg.append("line").attr("class", "now").attr("y1", margin.top).attr("y2", height - margin.bottom)
      .attr("transform", `translate(${x(years[state.year])},0)`);
    svg.append("g").selectAll("rect").data(years).join("rect").attr("class", "hit")
      .attr("x", (year) => x(year) - step / 2).attr("width", step).attr("y", 0).attr("height", height)
      .on("pointermove", (event, year) => {
        const t = years.indexOf(year);
        showTip(event, [`${zones.label[zone]}, ${year}`, withUnit(v.values[t][zone], v),
          `${signed(anomaly(v, t, zone), v)} from ${v.baseline}${v.relative ? percent(anomaly(v, t, zone), v.baseMean[zone]) : ""}`,
          `median zone: ${withUnit(medians(v)[t][1], v)}`]);
      })
      .on("pointerleave", hideTip)
      .on("click", (_, year) => setYear(years.indexOf(year)));
  }

  function drawZone() {
    const v = current(), zone = state.zone, values = series(v, zone), name = zones.label[zone];
    $("zone-title").textContent = v.mean[zone] === null ? `${name} has no data`
      : `${name}: ${withUnit(v.mean[zone], v)} on average, ${span}` +
        (v.slope[zone] === null || !finite(v.p).length ? "" : `, ${signed(v.slope[zone], v, 1)} per decade (${pValue(v.p[zone])})`);
    const top = highest(values), low = lowest(values);
    $("zone-lead").textContent = [
      top < 0 ? "" : `Highest in ${years[top]} (${withUnit(values[top], v)}), lowest in ${years[low]} (${withUnit(values[low], v)}).`,
      `${zones.id[zone]}; ${number(v.count[zone], Number.isInteger(v.count[zone]) ? 0 : 1)} ${v.count[zone] === 1 ? "cell" : "cells"} in ${years[last]}` +
        `${partly(zone).length ? "; " + partly(zone).join("; ") : ""}.`].join(" ").trim();

    const band = medians(v);
    const all = [...finite(values), ...finite(band.flat())];
    const c = chart($("series"), `${capital(v.label)}, ${v.stat} in ${name}${unitText(v)}; grey: median and 10–90 % range of all zones`,
      280, all.length ? d3.extent(all) : [0, 1]);
    const defined = ([, value]) => value !== null;
    const points = years.map((year, t) => [year, values[t]]);
    c.svg.append("path").attr("class", "band").attr("d", d3.area(([year]) => c.x(year), ([, b]) => c.y(b[0]), ([, b]) => c.y(b[2]))
      .defined(([, b]) => b[1] !== null)(years.map((year, t) => [year, band[t]])));
    c.svg.append("path").attr("class", "median").attr("d", d3.line(([year]) => c.x(year), ([, b]) => c.y(b))
      .defined(defined)(years.map((year, t) => [year, band[t][1]])));
    if (v.slope[zone] !== null && finite(values).length > 3) {
      // Sen's line through the medians, as the slope has no intercept of its own.
      const known = points.filter(defined);
      const middle = [d3.median(known, ([year]) => year), d3.median(known, ([, value]) => value)];
      const at = (year) => middle[1] + v.slope[zone] / 10 * (year - middle[0]);
      c.svg.append("line").attr("class", "sen").attr("x1", c.x(years[0])).attr("x2", c.x(years[last]))
        .attr("y1", c.y(at(years[0]))).attr("y2", c.y(at(years[last])));
    }
    c.svg.append("path").attr("class", "line").attr("d", d3.line(([year]) => c.x(year), ([, value]) => c.y(value)).defined(defined)(points));
    if (years.length <= 60) c.svg.append("g").selectAll("circle").data(points.filter(defined)).join("circle")
      .attr("class", "dot").attr("r", 4).attr("cx", ([year]) => c.x(year)).attr("cy", ([, value]) => c.y(value));
    yearTargets(c, zone);

    const differences = years.map((year, t) => [year, anomaly(v, t, zone)]);
    const reach = d3.max(differences, ([, value]) => Math.abs(value ?? 0)) || 1;
    const a = chart($("anomalies"), `${name}: difference from its mean of ${v.baseline}${unitText(v)}`, 200, [-reach, reach]);
    const colour = scale(v.diverging, v.anomalyRange), step = Math.abs(a.x(years[0] + 1) - a.x(years[0]));
    a.svg.append("g").selectAll("rect").data(differences.filter(defined)).join("rect")
      .attr("x", ([year]) => a.x(year) - step * 0.4).attr("width", step * 0.8)
      .attr("y", ([, value]) => Math.min(a.y(value), a.y(0))).attr("height", ([, value]) => Math.abs(a.y(value) - a.y(0)))
      .attr("fill", ([, value]) => colour(value)).attr("stroke", "#7b8794").attr("stroke-width", 0.5);
    a.svg.append("line").attr("class", "zero").attr("x1", a.margin.left).attr("x2", a.width - a.margin.right).attr("y1", a.y(0)).attr("y2", a.y(0));
    yearTargets(a, zone);
  }

  // ------------------------------------------------------------------------------------------------------------- table

  function columns() {
    const v = current();
    const year = (pick) => (i) => { const t = pick(series(v, i)); return t < 0 ? null : years[t]; };
    return [
      { key: "label", head: "Zone", text: (i) => zones.label[i], value: (i) => zones.label[i] },
      { key: "id", head: "Id", text: (i) => zones.id[i], value: (i) => zones.id[i] },
      { key: "mean", head: `Mean${unitText(v)}`, number: true, value: (i) => v.mean[i], text: (i) => number(v.mean[i], v.digits) },
      { key: "now", head: `${years[state.year]}${unitText(v)}`, number: true, value: (i) => v.values[state.year][i],
        text: (i) => number(v.values[state.year][i], v.digits) },
      { key: "anomaly", head: `${years[state.year]} − ${v.baseline}${unitText(v)}`, number: true,
        value: (i) => anomaly(v, state.year, i), text: (i) => number(anomaly(v, state.year, i), v.digits) },
      { key: "slope", head: `Trend${unitText(v, " per decade")}`, number: true, value: (i) => v.slope[i], text: (i) => number(v.slope[i], v.digits + 1) },
      { key: "p", head: "p", number: true, value: (i) => v.p[i], text: (i) => v.p[i] === null ? "no test" : v.p[i].toFixed(3) },
      { key: "high", head: "Highest in", number: true, value: year(highest), text: (i) => year(highest)(i) ?? "no data" },
      { key: "low", head: "Lowest in", number: true, value: year(lowest), text: (i) => year(lowest)(i) ?? "no data" },
      { key: "inside", head: "Inside", number: true, value: (i) => zones.inside[i], text: (i) => share(zones.inside[i]) },
      { key: "valid", head: "With data", number: true, value: (i) => v.valid[i], text: (i) => v.valid[i] === null ? "no cell" : share(v.valid[i]) },
    ];
  }

  const compareText = new Intl.Collator("en", { numeric: true }).compare;

  function drawTable() {
    const list = columns(), by = list.find((column) => column.key === state.sort);
    const wanted = state.filter.trim().toLowerCase();
    const rows = d3.range(count)
      .filter((i) => !wanted || zones.label[i].toLowerCase().includes(wanted) || zones.id[i].toLowerCase().includes(wanted))
      .map((i) => [i, by.value(i)])
      .sort(([i, a], [j, b]) => (a === null) - (b === null) // missing values come last in both directions
        || (a === null ? 0 : (state.down ? -1 : 1) * (typeof a === "string" ? compareText(a, b) : a - b)) || i - j);
    const shown = state.all ? rows : rows.slice(0, FIRST_ROWS);
    const head = d3.select("#table thead").selectAll("tr").data([list]).join("tr").selectAll("th").data((d) => d).join("th")
      .attr("scope", "col").attr("class", (c) => c.number ? "number" : null)
      .attr("aria-sort", (c) => c.key === state.sort ? (state.down ? "descending" : "ascending") : null);
    head.selectAll("button").data((c) => [c]).join("button").attr("type", "button").text((c) => c.head).on("click", (_, c) => {
      state.down = c.key === state.sort ? !state.down : Boolean(c.number);
      state.sort = c.key;
      drawTable();
    });
    const body = d3.select("#table tbody");
    body.selectAll("tr").data(shown, ([i]) => i).join((enter) => enter.append("tr").attr("data-row", ([i]) => i)).order()
      .classed("selected", ([i]) => i === state.zone)
      .selectAll("td").data(([i]) => list.map((column) => [column, i])).join("td").attr("class", ([c]) => c.number ? "number" : null)
      .each(function ([column, i]) {
        if (column.key !== "label") { this.textContent = column.text(i); return; }
        const button = this.querySelector("button") ?? this.appendChild(document.createElement("button"));
        button.type = "button";
        button.className = "link";
        button.textContent = column.text(i);
        button.onclick = () => { select(i); $("zone").scrollIntoView(); };
      });
    $("ranking-count").textContent = `${number(shown.length, 0)} of ${zoneCount(rows.length)} shown`;
    $("more").hidden = shown.length === rows.length;
  }

  function drawCards() {
    const v = current(), m = medians(v).map((row) => row[1]);
    const top = highest(m), low = lowest(m);
    const significant = v.p.filter((p, i) => p !== null && p < SIGNIFICANT && v.slope[i] !== 0).length;
    const cards = [
      [withUnit(d3.median(finite(v.mean)) ?? null, v), `${v.label}, median zone, ${span}`],
      ...(top < 0 || years.length < 2 ? [] : [[years[top], `highest year: ${withUnit(m[top], v)} in the median zone`],
        [years[low], `lowest year: ${withUnit(m[low], v)}`]]),
      ...(finite(v.p).length ? [[`${number(significant, 0)} of ${number(finite(v.p).length, 0)}`, `${finite(v.p).length === 1 ? "zone" : "zones"} with a significant trend (p < ${SIGNIFICANT})`]] : []),
      [number(count, 0), `${count === 1 ? "zone" : "zones"}, ${number(cut.length, 0)} cut by the grid's edge`],
    ];
    d3.select("#cards").selectAll("div").data(cards).join("div").attr("class", "card")
      .html("").call((div) => { div.append("b").text(([big]) => big); div.append("span").text(([, small]) => small); });
    d3.selectAll(".baseline").text(v.baseline);
  }

  // ------------------------------------------------------------------------------------------------------------ events

  function select(zone) {
    state.zone = zone;
    Object.values(maps).forEach((map) => map.mark(zone));
    d3.selectAll("#table tbody tr").classed("selected", ([i]) => i === zone);
    drawZone();
  }

  function setYear(t) {
    state.year = t;
    $("year").value = t;
    drawYear();
    drawZone();
    drawTable();
  }

  function drawAll() {
    drawCards();
    drawMean();
    drawTrend();
    drawYear();
    drawTable();
    select(state.zone);
  }

  let timer = null;
  function play(on) {
    clearInterval(timer);
    timer = on ? setInterval(() => setYear(state.year === last ? 0 : state.year + 1), 700) : null;
    $("play").textContent = on ? "Pause" : "Play";
    $("play").setAttribute("aria-pressed", String(on));
  }

  function find(text) {
    const wanted = text.trim().toLowerCase();
    const zone = zones.id.findIndex((id, i) => wanted === id.toLowerCase() || wanted === zones.label[i].toLowerCase()
      || wanted === `${zones.label[i]} · ${id}`.toLowerCase());
    if (zone >= 0) select(zone);
  }

  addPatterns();
  maps.year = new ZoneMap($("year-map"), "year", "Map of one year");
  maps.mean = new ZoneMap($("mean-map"), "mean", "Map of the mean");
  maps.trend = new ZoneMap($("trend-map"), "trend", "Map of the trend");
  const withData = highest(current().mean);
  state.zone = Math.max(0, withData);
  $("zone-names").append(...zones.label.map((label, i) => Object.assign(document.createElement("option"), { value: `${label} · ${zones.id[i]}` })));
  $("year").addEventListener("input", (event) => { play(false); setYear(+event.target.value); });
  $("play").addEventListener("click", () => play(timer === null));
  $("search").addEventListener("input", (event) => find(event.target.value));
  $("filter").addEventListener("input", (event) => { state.filter = event.target.value; drawTable(); });
  $("more").addEventListener("click", () => { state.all = true; drawTable(); });
  $("variable")?.addEventListener("change", (event) => { state.variable = +event.target.value; drawAll(); });
  document.querySelectorAll('input[name="mode"]').forEach((input) =>
    input.addEventListener("change", () => { state.mode = input.value; drawYear(); }));
  let width = innerWidth;
  addEventListener("resize", () => {
    if (innerWidth === width) return; // a phone shows and hides its address bar
    width = innerWidth;
    Object.values(maps).forEach((map) => map.scalePatterns());
    drawAll();
  });
  drawAll();
})();

// Charts of one zone: the years, every date, the seasonal cycle, differences from the baseline; pinned zones beside it.

/** Put an empty drawing under a figure's caption. */
function frame(figure, caption, height) {
  figure.querySelector("svg.plot")?.remove();
  figure.querySelector(".keys")?.remove();
  figure.querySelector("figcaption").textContent = caption;
  const width = Math.max(280, figure.clientWidth);
  const svg = d3.select(figure).append("svg").attr("class", "plot").attr("viewBox", [0, 0, width, height]).attr("role", "img").attr("aria-label", caption);
  return { svg, width, height };
}

/** A list of colours and what they mean, under a chart. */
function key(figure, keys) {
  d3.select(figure).append("ul").attr("class", "keys").selectAll("li").data(keys).join("li").html((k) => k.icon)
    .append("span").text((k) => k.text);
}

/** Draw axes: of years, or with `x` (a scale from numbers, and its ticks' texts) of something else. */
function chart(figure, caption, height, domain, { nice = true, xDomain, ticks, tickText } = {}) {
  const c = frame(figure, caption, height);
  const margin = { top: 12, right: 14, bottom: 26, left: 56 };
  const half = years.length > 1 ? 0.5 : 1;
  const x = d3.scaleLinear(xDomain ?? [years[0] - half, years[last] + half], [margin.left, c.width - margin.right]);
  const y = d3.scaleLinear(domain, [height - margin.bottom, margin.top]);
  if (nice) y.nice();
  c.svg.append("g").attr("class", "axis").attr("transform", `translate(${margin.left},0)`)
    .call(d3.axisLeft(y).ticks(5).tickSize(margin.left + margin.right - c.width));
  const axis = d3.axisBottom(x).tickFormat(tickText ?? ((t) => Number.isInteger(t) ? t : ""));
  const every = Math.ceil(years.length / (c.width / 60));
  const gaps = !xDomain && years[last] - years[0] > last; // then round numbers need not be years of the study
  if (ticks || gaps) axis.tickValues(ticks ?? years.filter((_, t) => t % every === 0));
  else axis.ticks(Math.min(years.length, c.width / 60));
  c.svg.append("g").attr("class", "axis years").attr("transform", `translate(0,${height - margin.bottom})`).call(axis);
  return { ...c, x, y, margin };
}

/** Each year is a strip that shows its numbers when hovered, and that year on the map when clicked. */
function yearTargets({ svg, x, height, margin }, tip) {
  const step = Math.abs(x(years[0] + 1) - x(years[0]));
  svg.append("line").attr("class", "now").attr("y1", margin.top).attr("y2", height - margin.bottom)
    .attr("transform", `translate(${x(years[state.year])},0)`);
  svg.append("g").selectAll("rect").data(years).join("rect").attr("class", "hit")
    .attr("x", (year) => x(year) - step / 2).attr("width", step).attr("y", 0).attr("height", height)
    .on("pointermove", (event, year) => showTip(event, tip(years.indexOf(year))))
    .on("pointerleave", hideTip)
    .on("click", (_, year) => setYear(years.indexOf(year)));
}

const defined = ([, value]) => has(value);
function line(c, points, kind) {
  return c.svg.append("path").attr("class", kind).attr("d", d3.line(([at]) => c.x(at), ([, value]) => c.y(value)).defined(defined)(points));
}
const others = () => state.pins.filter((i) => i !== state.zone);
function pinnedLines(c, pointsOf) {
  for (const i of others()) line(c, pointsOf(i), "line pin").style("stroke", PIN_COLOURS[state.pins.indexOf(i)]);
}
function pinKeys(figure, zone) {
  if (!others().length) return;
  const stroke = (colour) => icon(`<path d="M0,8H22" stroke="${colour}" stroke-width="3"/>`);
  key(figure, [{ icon: stroke("var(--accent)"), text: zones.label[zone] },
    ...others().map((i) => ({ icon: stroke(PIN_COLOURS[state.pins.indexOf(i)]), text: zones.label[i] }))]);
}
const domainOf = (lists) => {
  const all = finite(lists.flatMap((list) => Array.from(list)));
  return all.length ? d3.extent(all) : [0, 1];
};
const rank = (values, t) => 1 + finite(values).filter((value) => value > values[t]).length;

const placeOf = (r, n) => r === 1 ? `the highest of ${n} years` : r === n ? `the lowest of ${n} years` : `the ${ordinal(r)} highest of ${n} years`;

const yearList = (list) => list.length < 3 ? list.join(" and ") : `${list[0]} and ${list.length - 1} more years`;

function zoneTitle(v, zone, values) {
  const name = zones.label[zone];
  if (v.kind === "class") return `${name}: ${className(v.variable, values[state.year])} in ${years[state.year]}`;
  if (!has(v.mean[zone])) return `${name} has no data`;
  return years.length === 1 ? `${name}: ${withUnit(values[0], v)} in ${years[0]}`
    : `${name}: ${withUnit(v.mean[zone], v)} on average, ${data.span}` +
      (v.p && has(v.p[zone]) ? `, ${signed(v.slope[zone], v, 1)} per decade (${pValue(v.p[zone])})` : "");
}

function zoneLead(v, zone, values) {
  const parts = [], n = finite(values).length, t = state.year, n_cells = v.count[zone];
  if (v.kind !== "class" && n > 1) {
    const top = highest(values), low = lowest(values);
    const same = values[top] === values[low];
    if (has(values[t])) parts.push(`${years[t]}: ${withUnit(values[t], v)}, ${same ? `as in all ${n} years` : placeOf(rank(values, t), n)}.`);
    const when = (of) => yearList(years.filter((_, i) => values[i] === values[of]));
    if (!same) parts.push(`Highest in ${when(top)} (${withUnit(values[top], v)}), lowest in ${when(low)} (${withUnit(values[low], v)}).`);
    if (v.p && has(v.low[zone])) parts.push(`Trend: ${interval(v, zone)} per decade.`);
  }
  parts.push(`${zones.id[zone]}; ${number(n_cells, Number.isInteger(n_cells) ? 0 : 1)} ${n_cells === 1 ? "cell" : "cells"} in ${years[last]}` +
    `${partly(zone).length ? "; " + partly(zone).join("; ") : ""}.`);
  return parts.join(" ");
}

function drawZone() {
  const v = current(), zone = state.zone, values = seriesOf(v, zone);
  $("zone-title").textContent = zoneTitle(v, zone, values);
  $("zone-lead").textContent = zoneLead(v, zone, values);
  drawPins();
  const plain = v.kind !== "class";
  $("series").hidden = $("anomalies").hidden = !plain || years.length < 2;
  if (plain && years.length > 1) {
    drawSeries(v, zone, values);
    drawAnomalies(v, zone);
  }
  drawDates(v, zone);
  drawSeason(v, zone);
  drawShares(zone);
}

function drawSeries(v, zone, values) {
  const name = zones.label[zone], many = count > FEW, band = quantiles(v), near = many ? [] : d3.range(count).filter((i) => i !== zone && !state.pins.includes(i));
  const c = chart($("series"), `${capital(v.name)}, ${v.kind === "share" ? "" : `${v.stat} `}in ${name}${unitText(v)}` +
    (many ? "; grey: median and 10–90 % range of all zones" : near.length ? `; grey: the other ${near.length === 1 ? "zone" : "zones"}` : ""),
    280, domainOf([values, ...(many ? band : near.map((i) => seriesOf(v, i))), ...others().map((i) => seriesOf(v, i))]));
  const points = (list) => years.map((year, t) => [year, list[t]]);
  if (many) {
    c.svg.append("path").attr("class", "band").attr("d", d3.area(([year]) => c.x(year), ([, b]) => c.y(b[0]), ([, b]) => c.y(b[2]))
      .defined(([, b]) => has(b[1]))(points(band)));
    line(c, points(band.map((b) => b[1])), "median");
  } else near.forEach((i) => line(c, points(seriesOf(v, i)), "median"));
  if (v.p && has(v.p[zone])) {
    // Sen's line through the medians, as the slope has no intercept of its own.
    const known = points(values).filter(defined);
    const middle = [d3.median(known, ([year]) => year), d3.median(known, ([, value]) => value)];
    const at = (year) => middle[1] + v.slope[zone] / 10 * (year - middle[0]);
    c.svg.append("line").attr("class", "sen").attr("x1", c.x(years[0])).attr("x2", c.x(years[last]))
      .attr("y1", c.y(at(years[0]))).attr("y2", c.y(at(years[last])));
  }
  pinnedLines(c, (i) => points(seriesOf(v, i)));
  line(c, points(values), "line");
  if (years.length <= 60) c.svg.append("g").selectAll("circle").data(points(values).filter(defined)).join("circle")
    .attr("class", "dot").attr("r", 4).attr("cx", ([year]) => c.x(year)).attr("cy", ([, value]) => c.y(value));
  yearTargets(c, (t) => [`${name}, ${years[t]}`, withUnit(values[t], v),
    `${signed(anomaly(v, t, zone), v)} from ${v.baseline}${v.relative ? percent(anomaly(v, t, zone), v.baseMean[zone]) : ""}`,
    ...(many ? [`median zone: ${withUnit(band[t][1], v)}`] : []), ...others().map((i) => `${zones.label[i]}: ${withUnit(v.values[t][i], v)}`)]);
  pinKeys($("series"), zone);
}

function drawAnomalies(v, zone) {
  const name = zones.label[zone];
  const found = years.map((year, t) => [year, anomaly(v, t, zone)]);
  const reach = d3.max(found, ([, value]) => Math.abs(value) || 0) || 1;
  const c = chart($("anomalies"), `${name}: difference from its mean of ${v.baseline}${unitText(v, "", differenceUnit(v))}`, 200, [-reach, reach]);
  bars(c, found, scale(v.colours.differences, anomalyRange(v)), Math.abs(c.x(years[0] + 1) - c.x(years[0])));
  yearTargets(c, (t) => [`${name}, ${years[t]}`, signed(anomaly(v, t, zone), v)]);
}

function bars(c, found, colour, step) {
  c.svg.append("g").selectAll("rect").data(found.filter(defined)).join("rect")
    .attr("x", ([at]) => c.x(at) - step * 0.4).attr("width", step * 0.8)
    .attr("y", ([, value]) => Math.min(c.y(value), c.y(0))).attr("height", ([, value]) => Math.abs(c.y(value) - c.y(0)))
    .attr("fill", ([, value]) => colour(value)).attr("stroke", "#7b8794").attr("stroke-width", 0.5);
  c.svg.append("line").attr("class", "zero").attr("x1", c.margin.left).attr("x2", c.width - c.margin.right).attr("y1", c.y(0)).attr("y2", c.y(0));
}

// Months and days: every date of a zone, its seasonal cycle, and how a year's months differ.

const monthsOf = (layer) => Object.keys(layer.periods).filter((period) => period !== "year").sort(); // "10" would come before "01"

/** Return a zone's values at their own grain as [time in years, value, text of the date]. */
function datesOf(v, zone) {
  const { layer, variable } = v;
  if (layer.byDate) {
    const rows = unpack(layer.byDate, count);
    return variable.dates.map((date, i) => [timeOf(date), v.convert([rows[i][zone]])[0], date]);
  }
  const months = monthsOf(layer).map((month) => [month, ofPeriod(month)]);
  return years.flatMap((year, t) => months.map(([month, view]) =>
    [year + (+month - 0.5) / 12, view.values[t][zone], `${MONTHS[+month - 1]} ${year}`]));
}
function timeOf(date) {
  const [year, month = 7, day = 1, hour = 0, minute = 0] = date.split(/[-T:]/).map(Number);
  const begin = Date.UTC(year, 0), end = Date.UTC(year + 1, 0);
  return year + (Date.UTC(year, month - 1, day, hour, minute) - begin) / (end - begin);
}
/** Return points with a missing one wherever dates are missing between two, so that no line crosses the gap. */
function withGaps(points) {
  const steps = points.slice(1).map(([at], i) => at - points[i][0]);
  const widest = 3 * d3.median(steps);
  return points.flatMap((point, i) => steps[i] > widest ? [point, [point[0] + steps[i] / 2, NaN]] : [point]);
}

/** Draw the series at the grain of the rasters, or of months where there are too many dates for the page. */
function drawDates(v, zone) {
  const points = v.kind === "class" || (!v.layer.byDate && monthsOf(v.layer).length < 2) ? [] : datesOf(v, zone);
  $("dates").hidden = !points.length;
  if (!points.length) return;
  const per = v.layer.byDate ? `${data.grain} values` : "monthly values";
  const span = d3.extent(points, ([at]) => Math.floor(at));
  const c = chart($("dates"), `${zones.label[zone]}: ${v.layer.label}, ${per}${unitText(v)}`, 220,
    domainOf([points.map(([, value]) => value), ...others().map((i) => datesOf(v, i).map(([, value]) => value))]),
    { xDomain: [span[0], span[1] + 1] });
  pinnedLines(c, (i) => withGaps(datesOf(v, i)));
  line(c, withGaps(points), "line thin");
  c.svg.append("rect").attr("class", "hit").attr("x", c.margin.left).attr("width", c.width - c.margin.left - c.margin.right)
    .attr("y", 0).attr("height", c.height)
    .on("pointermove", (event) => {
      const at = c.x.invert(d3.pointer(event)[0]);
      const [, value, date] = points[d3.bisector(([time]) => time).center(points, at)];
      showTip(event, [`${zones.label[zone]}, ${date}`, withUnit(value, v)]);
    })
    .on("pointerleave", hideTip);
}

/** Draw the mean of each month with the selected year's months, and how these differ from the baseline. */
function drawSeason(v, zone) {
  const months = v.kind === "class" ? [] : monthsOf(v.layer);
  $("season").hidden = months.length < 2;
  $("months").hidden = months.length < 2 || years.length < 2;
  if (months.length < 2) return;
  const found = months.map((month) => [+month, ofPeriod(month)]), t = state.year, name = zones.label[zone];
  const axis = { xDomain: [0.5, 12.5], ticks: d3.range(1, 13), tickText: (m) => MONTHS[m - 1].slice(0, 3) };
  const spread = found.map(([m, view]) => {
    const sorted = finite(seriesOf(view, zone)).sort((a, b) => a - b);
    return [m, sorted.length ? [d3.quantileSorted(sorted, 0.1), d3.quantileSorted(sorted, 0.9)] : [NaN, NaN]];
  });
  const means = found.map(([m, view]) => [m, view.mean[zone]]), now = found.map(([m, view]) => [m, view.values[t][zone]]);
  const c = chart($("season"), `${name}: seasonal cycle of ${v.layer.label}${unitText(v)}; line: mean of ${data.span}` +
    (years.length > 1 ? `; grey: 10–90 % of the years; dashed: ${years[t]}` : ""), 240,
    domainOf([means.map(([, x]) => x), now.map(([, x]) => x), ...spread.map(([, b]) => b), ...others().map((i) => found.map(([, view]) => view.mean[i]))]), axis);
  if (years.length > 1) {
    c.svg.append("path").attr("class", "band").attr("d", d3.area(([m]) => c.x(m), ([, b]) => c.y(b[0]), ([, b]) => c.y(b[1]))
      .defined(([, b]) => has(b[0]))(spread));
    line(c, now, "line dashed");
  }
  pinnedLines(c, (i) => found.map(([m, view]) => [m, view.mean[i]]));
  line(c, means, "line");
  monthTargets(c, found, (m, view) => [`${name}, ${MONTHS[m - 1]}`, `mean ${data.span}: ${withUnit(view.mean[zone], view)}`,
    `${years[t]}: ${withUnit(view.values[t][zone], view)}`]);
  if (years.length < 2) return;
  const different = found.map(([m, view]) => [m, anomaly(view, t, zone)]);
  const reach = d3.max(found, ([, view]) => d3.max(years, (_, k) => Math.abs(anomaly(view, k, zone)) || 0)) || 1;
  const a = chart($("months"), `${name}: months of ${years[t]}, difference from ${v.baseline}${unitText(v, "", differenceUnit(v))}`, 200, [-reach, reach], axis);
  bars(a, different, scale(v.colours.differences, [-reach, reach]), a.x(2) - a.x(1));
  monthTargets(a, found, (m, view) => [`${name}, ${MONTHS[m - 1]} ${years[t]}`, `${signed(anomaly(view, t, zone), view)} from ${v.baseline}`]);
}

function monthTargets(c, found, tip) {
  const step = c.x(2) - c.x(1);
  c.svg.append("g").selectAll("rect").data(found).join("rect").attr("class", "hit").attr("x", ([m]) => c.x(m) - step / 2)
    .attr("width", step).attr("y", 0).attr("height", c.height)
    .on("pointermove", (event, [m, view]) => showTip(event, tip(m, view))).on("pointerleave", hideTip);
}

// The cards, the map of a year, the mean and the trend.

function drawCards() {
  const v = current(), cards = [];
  if (v.kind === "class") {
    const row = v.values[state.year];
    const [[value, n] = []] = d3.rollups(finite(Array.from(row)), (list) => list.length, (x) => x).sort((a, b) => b[1] - a[1]);
    if (n) cards.push([className(v.variable, value), `most frequent class in ${number(n, 0)} of ${zoneCount(count)}, ${years[state.year]}`]);
  } else {
    const how = count > 1 ? `${regionText(v)}, ${data.region || zoneCount(count)}` : zones.label[0];
    cards.push([withUnit(mean(v.region), v), `${v.name}, ${data.span}: ${how}`]);
    const top = highest(v.region), low = lowest(v.region);
    if (top >= 0 && years.length > 1) {
      cards.push([years[top], `highest year: ${withUnit(v.region[top], v)}`], [years[low], `lowest year: ${withUnit(v.region[low], v)}`]);
    }
    if (v.p) {
      const tested = finite(v.p).length, significant = trended(v).length;
      cards.push(count === 1 ? [pValue(v.p[0]), `trend ${signed(v.slope[0], v, 1)} per decade`]
        : [`${number(significant, 0)} of ${number(tested, 0)}`, `${tested === 1 ? "zone" : "zones"} with a significant trend (p < ${SIGNIFICANT})`]);
    }
  }
  cards.push([number(count, 0), `${count === 1 ? "zone" : "zones"}, ${number(cut.length, 0)} cut by the grid's edge`]);
  d3.select("#cards").selectAll("div").data(cards).join("div").attr("class", "card")
    .html("").call((div) => { div.append("b").text(([big]) => big); div.append("span").text(([, small]) => small); });
  d3.selectAll(".baseline").text(yearsText(state.baseline));
}

/** Return the headline of a year: the region's value, beside the same region's mean of the baseline years. */
function headline(v, t) {
  const year = years[t];
  if (count > 1 && count <= FEW) {
    return `${year}: ${v.name}, ${d3.range(count).map((i) => `${zones.label[i]} ${withUnit(v.values[t][i], v)}`).join(", ")}`;
  }
  if (!has(v.region[t])) return `${year}: ${v.name} in ${region}`;
  const difference = v.region[t] - v.regionBase;
  const compared = v.baseline === `${year}` || !has(difference) ? ""
    : `, ${number(Math.abs(difference), v.digits)}${spaced(differenceUnit(v))} ${difference >= 0 ? "above" : "below"} ${v.baseline}`;
  const where = count === 1 ? zones.label[0] : region;
  return `${year}: ${v.name} in ${where}, ${withUnit(v.region[t], v)}${count > 1 ? ` ${regionText(v)}` : ""}${compared}`;
}

function drawYear() {
  const v = current(), t = state.year, row = v.values[t], year = years[t];
  $("year").setAttribute("aria-valuetext", year);
  $("year-out").textContent = year;
  if (v.kind === "class") return drawClassYear(v, t);
  $("years-title").textContent = headline(v, t);
  const [top, low] = extremes(v, row);
  const left = count - sound(v).length;
  $("years-lead").textContent = top < 0 ? "No zone has data in this year."
    : [row[top] !== row[low] ? `Highest in ${named(top)}, ${withUnit(row[top], v)}; lowest in ${named(low)}, ${withUnit(row[low], v)}.` : "",
      count > FEW && left ? `${zoneCount(left)} with less than ${share(INSIDE_ENOUGH)} inside the grid or fewer than ${CELLS_ENOUGH} cells ${left === 1 ? "is" : "are"} not compared here.` : "",
      years.length > 1 ? `The colours mean the same in every ${v.period === "year" ? "year" : "month and year"}.` : ""].filter(Boolean).join(" ");
  const tip = (i) => [zones.label[i], `${year}: ${withUnit(row[i], v)}`,
    ...(years.length > 1 ? [`${signed(anomaly(v, t, i), v)} from ${v.baseline}`] : []), ...partly(i)];
  if (state.mode === "value") {
    const what = v.kind === "share" ? v.name : `${v.name}, ${v.stat} in each zone`;
    maps.year.show(row, scale(v.colours.values, v.range), `${what}${unitText(v)}, ${year}`, tip);
  } else {
    maps.year.show(differences(v)[t], scale(v.colours.differences, anomalyRange(v)),
      `${v.name}: difference from ${v.baseline}${unitText(v, "", differenceUnit(v))}, ${year}`, tip);
  }
}

function drawMean() {
  const v = current();
  $("mean").hidden = years.length < 2 || v.kind === "class";
  if ($("mean").hidden) return;
  maps.mean ??= new ZoneMap($("mean-map"), "mean", "Map of the mean");
  const [top, low] = extremes(v, v.mean);
  $("mean-title").textContent = top < 0 ? `No zone has data, ${data.span}`
    : count === 1 ? `Mean of ${data.span}: ${withUnit(v.mean[0], v)}`
    : v.mean[top] === v.mean[low] ? `Mean of ${data.span}`
    : `Mean of ${data.span}: from ${withUnit(v.mean[low], v)} in ${named(low)} to ${withUnit(v.mean[top], v)} in ${named(top)}`;
  $("mean-lead").textContent = top < 0 || count <= FEW ? ""
    : `Half of the zones lie between ${withUnit(d3.quantile(finite(v.mean), 0.25), v)} and ${withUnit(d3.quantile(finite(v.mean), 0.75), v)}.`;
  maps.mean.show(v.mean, scale(v.colours.values, v.range), `${v.name}, mean of ${data.span}${unitText(v)}`,
    (i) => [zones.label[i], `mean ${data.span}: ${withUnit(v.mean[i], v)}`, ...partly(i)]);
  maps.mean.mark(state.zone, state.pins);
}

const trended = (v) => d3.range(count).filter((i) => v.p[i] < SIGNIFICANT && v.slope[i] !== 0);
const interval = (v, i) => has(v.low[i]) ? `95 % interval ${signed(v.low[i], { ...v, unit: "" }, 1)} to ${signed(v.high[i], v, 1)}` : "no interval";

function drawTrend() {
  const v = current();
  $("trend").hidden = !v.p;
  if (!v.p) return;
  maps.trend ??= new ZoneMap($("trend-map"), "trend", "Map of the trend");
  const significant = trended(v), up = significant.filter((i) => v.slope[i] > 0).length;
  const tested = finite(v.p).length, kept = Array.from(v.q).filter((q) => q < FDR).length;
  $("trend-title").textContent = count === 1 ? `Trend of ${v.name}, ${data.span}: ${signed(v.slope[0], v, 1)} per decade (${pValue(v.p[0])})`
    : !significant.length ? `No zone shows a significant trend of ${v.name}, ${data.span}`
    : `${capital(v.name)} rose in ${number(up, 0)} and fell in ${number(significant.length - up, 0)} of ${zoneCount(tested)}, ${data.span} (p < ${SIGNIFICANT})`;
  $("trend-lead").textContent = `Theil–Sen slope per decade; dots mark zones with p < ${SIGNIFICANT} (Mann–Kendall).` +
    (count > FEW ? ` With the false discovery rate held at ${share(FDR)} over all zones, ${number(kept, 0)} of them ${kept === 1 ? "remains" : "remain"}.` : "");
  maps.trend.show(v.slope, scale(v.colours.differences, trendRange(v)),
    `trend of ${v.name}${unitText(v, " per decade", differenceUnit(v))}, ${data.span}`,
    (i) => [zones.label[i], has(v.slope[i]) ? `${signed(v.slope[i], v, 1)} per decade` : "no data",
      ...(has(v.p[i]) ? [`${pValue(v.p[i])}, ${interval(v, i)}`] : ["no test"]), ...partly(i)],
    { significant });
  maps.trend.mark(state.zone, state.pins);
}

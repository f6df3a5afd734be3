// The numbers of what is shown, in the units of the reader, with what follows from them.

const views = new Map();

/** Return the view of a variable's layer and period: values, means, trends, the region's values, scales. */
function viewOf(variable, layer, period) {
  const key = [variable, layer, period, state.units, state.baseline].join("|");
  if (!views.has(key)) {
    if (views.size > 40) views.clear();
    views.set(key, makeView(data.variables[variable], data.variables[variable].layers[layer], period));
  }
  return views.get(key);
}
const current = () => viewOf(state.variable, state.layer, state.period);
/** The view of another period of the same layer. */
const ofPeriod = (period) => viewOf(state.variable, state.layer, period);

function makeView(variable, layer, period) {
  const found = layer.periods[period];
  const to = state.units === "US" && layer.conversion || { unit: layer.unit, factor: 1, offset: 0 };
  const same = to.factor === 1;
  const convert = (row) => same ? row : row.map((value) => value * to.factor + to.offset);
  const scaled = (packed) => packed ? (same ? unpack(packed, count)[0] : unpack(packed, count)[0].map((value) => value * to.factor)) : null;
  const values = unpack(found.values, count).map(convert);
  const weights = unpack(variable.weights, count)[0];
  const v = {
    variable, layer, period, kind: layer.kind, values, weights, convert, unit: to.unit,
    digits: layer.digits + (to.factor < 1 ? Math.round(-Math.log10(to.factor)) : 0),
    name: period === "year" ? layer.annual : `${layer.label} in ${monthName(period)}`,
    stat: layer.statLabel, how: layer.how, exact: layer.exact, relative: variable.relative,
    colours: data.palettes[layer.palette], baseline: yearsText(state.baseline),
    slope: scaled(found.slope), low: scaled(found.low), high: scaled(found.high),
    p: found.p ? unpack(found.p, count)[0] : null, q: found.q ? unpack(found.q, count)[0] : null,
    count: variable.count, valid: variable.valid,
  };
  if (v.kind === "class") return v;
  v.mean = meanOf(values);
  v.baseMean = meanOf(state.baseline.map((year) => values[years.indexOf(year)]));
  v.region = regionOf(v, values);
  v.regionBase = mean(state.baseline.map((year) => v.region[years.indexOf(year)]));
  v.range = period === "year" ? layer.range.map((x) => x * to.factor + to.offset) : monthRange(layer, convert);
  return v;
}

/** All months have one scale, so that their maps compare. */
function monthRange(layer, convert) {
  const all = monthsOf(layer).map((month) => [month, layer.periods[month]]);
  return limits(all.flatMap(([, { values }]) => unpack(values, count).flatMap((row) => Array.from(row)))).map((x) => convert([x])[0]);
}

const mean = (values) => d3.mean(finite(values)) ?? NaN;
const anomaly = (v, t, zone) => v.values[t][zone] - v.baseMean[zone];
const differences = (v) => v.differences ??= v.values.map((row) => row.map((value, i) => value - v.baseMean[i]));
const anomalyRange = (v) => v.anomalyRange ??= symmetric(differences(v).flatMap((row) => Array.from(row)));
const trendRange = (v) => v.trendRange ??= symmetric(Array.from(v.slope));
const seriesOf = (v, zone) => v.values.map((row) => row[zone]);

/** Return the region's value in each row: of the same zones with the same weights in all, so that rows compare. */
function regionOf(v, rows) {
  const filled = rows.filter((row) => row.some(has));
  const common = d3.range(count).filter((i) => filled.length && filled.every((row) => has(row[i])) && v.weights[i] > 0);
  v.regionZones = common.length;
  return rows.map((row) => {
    if (!common.length || !row.some(has)) return NaN;
    if (v.how === "min") return d3.min(common, (i) => row[i]);
    if (v.how === "max") return d3.max(common, (i) => row[i]);
    if (v.how === "sum") return d3.sum(common, (i) => row[i]);
    return d3.sum(common, (i) => v.weights[i] * row[i]) / d3.sum(common, (i) => v.weights[i]);
  });
}
const HOW = { min: "lowest of all zones", max: "highest of all zones", sum: "sum of all zones" };
/** Say how the region's value is made of the zones. */
const regionText = (v) => HOW[v.how] ?? (v.exact ? "on average" : "mean of the zones by their cells");

/** Return the 10th percentile, the median and the 90th percentile of all zones, row by row. */
function quantiles(v) {
  return v.quantiles ??= v.values.map((row) => {
    const sorted = Float64Array.from(finite(row)).sort();
    return [0.1, 0.5, 0.9].map((q) => sorted.length ? d3.quantileSorted(sorted, q) : NaN);
  });
}

/** Return the zones that may be named as extremes: the grid holds nearly all of them, in several cells; else all. */
function sound(v) {
  const least = Math.min(CELLS_ENOUGH, d3.max(v.weights) ?? 0);
  const found = d3.range(count).filter((i) => zones.inside[i] >= INSIDE_ENOUGH && v.weights[i] >= least);
  return found.length ? found : d3.range(count);
}
/** Return the zones with the highest and the lowest of `values`, among those that are sound. */
function extremes(v, values) {
  const among = sound(v), picked = among.map((i) => values[i]);
  return [highest(picked), lowest(picked)].map((at) => at < 0 ? -1 : among[at]);
}
/** A zone's name, with its share where the grid cuts it. */
const named = (i) => zones.label[i] + (zones.inside[i] < 1 ? ` (${share(zones.inside[i])} of it inside the grid)` : "");

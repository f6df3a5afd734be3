// What the page carries: the run's data, decoded when asked for. A missing number is NaN.

const data = JSON.parse(document.getElementById("data").textContent);
const { zones, years } = data;
const count = zones.id.length;
const last = years.length - 1;
const FEW = 4; // so many zones are named one by one; a median of them would say less
const INSIDE_ENOUGH = 0.9, CELLS_ENOUGH = 4; // less of a zone, or fewer cells, makes no extreme

const $ = (id) => document.getElementById(id);
const has = Number.isFinite;
const finite = (values) => values.filter(has);

/** Return the numbers of a packed array (see data.py) as rows of `width`. */
function unpack(packed, width) {
  if (packed.rows) return packed.rows;
  const bytes = Uint8Array.from(atob(packed.data), (c) => c.charCodeAt(0));
  let values;
  if (packed.type === "f4") values = Float64Array.from(new Float32Array(bytes.buffer));
  else {
    const step = 10 ** packed.digits;
    values = Float64Array.from(new Uint16Array(bytes.buffer), (n) => n === 65535 ? NaN : (n + packed.first) / step);
  }
  packed.rows = d3.range(values.length / width || 0).map((i) => values.subarray(i * width, (i + 1) * width));
  return packed.rows;
}

const extreme = (values, better) => values.reduce(
  (best, value, i) => has(value) && (best < 0 || better(value, values[best])) ? i : best, -1);
const highest = (values) => extreme(values, (a, b) => a > b);
const lowest = (values) => extreme(values, (a, b) => a < b);

/** Return the mean [zone] of some rows, of those that have a value. */
function meanOf(rows) {
  const sum = new Float64Array(count), n = new Uint16Array(count);
  for (const row of rows) for (let i = 0; i < count; i++) if (has(row[i])) { sum[i] += row[i]; n[i]++; }
  return sum.map((total, i) => n[i] ? total / n[i] : NaN);
}

/** Return the central 99 % of values as [low, high], with room around a constant. As limits() in colours.py. */
function limits(values) {
  const sorted = Float64Array.from(finite(values)).sort();
  if (!sorted.length) return [0, 1];
  const [low, high] = [d3.quantileSorted(sorted, 0.005), d3.quantileSorted(sorted, 0.995)];
  const room = Math.max(Math.abs(low) * 0.05, 0.5);
  return high > low ? [low, high] : [low - room, high + room];
}

function symmetric(values) {
  const reach = Math.max(...limits(values).map(Math.abs));
  return [-reach, reach];
}

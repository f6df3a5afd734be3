// Numbers, units and names as texts.

const MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
  "November", "December"];
const monthName = (period) => MONTHS[+period - 1];
const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);
const number = (value, digits) => !has(value) ? "no data"
  : d3.format(`,.${Math.max(0, digits)}f`)(value).replace(/^−(0(\.0*)?)$/, "$1");
const zoneCount = (n) => `${number(n, 0)} ${n === 1 ? "zone" : "zones"}`;
const region = data.region || zoneCount(count);
const spaced = (unit) => unit ? `\u00a0${unit}` : "";
const withUnit = (value, v, extra = 0) => has(value) ? `${number(value, v.digits + extra)}${spaced(v.unit)}` : "no data";
/** A difference of percentages is in percentage points. */
const differenceUnit = (v) => v.unit === "%" ? "percentage points" : v.unit;
const signed = (value, v, extra = 0) => !has(value) ? "no data"
  : `${value > 0 ? "+" : ""}${number(value, v.digits + extra)}${spaced(differenceUnit(v))}`;
const pValue = (p) => !has(p) ? "no test" : p < 0.001 ? "p < 0.001" : `p = ${p.toFixed(3)}`;
const percent = (value, of) => has(value) && of ? ` (${value > 0 ? "+" : ""}${number(100 * value / Math.abs(of), 0)} %)` : "";
const share = (value) => { // a share below one is never shown as 100 %
  const digits = value < 0.1 || (value > 0.99 && value < 1) ? 1 : 0;
  return `${number(Math.min(100 * value, value < 1 ? 99.9 : 100), digits)}\u00a0%`;
};
const unitText = (v, per = "", unit = v.unit) => unit || per ? ` (${`${unit}${per}`.trim()})` : "";

function ordinal(n) {
  const tail = n % 100 > 10 && n % 100 < 14 ? "th" : ["th", "st", "nd", "rd"][n % 10] ?? "th";
  return `${n}${tail}`;
}

/** Return years as a short text: 2000–2002, 2005; or 2001–2009, 5 years. As span() in dates.py. */
function yearsText(list) {
  const runs = [];
  for (const year of list) {
    if (runs.length && year === runs.at(-1)[1] + 1) runs.at(-1)[1] = year;
    else runs.push([year, year]);
  }
  if (runs.length > 2) return `${list[0]}–${list.at(-1)}, ${list.length} years`;
  return runs.map(([a, b]) => a === b ? `${a}` : `${a}–${b}`).join(", ");
}

/** What is unusual about a zone's numbers: cut by the grid, or cells without data. */
const partly = (i, variable = data.variables[state.variable]) => [
  ...(zones.inside[i] < 1 ? [`${share(zones.inside[i])} of it inside the grid`] : []),
  ...(variable.valid[i] !== null && variable.valid[i] < 1 ? [`at least ${share(variable.valid[i])} of its cells have data`] : []),
];

/** Reduces a source map to lines: what a stack needs. */

const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/**
 * For each line of the bundle, the source of its first mapping and the line in it, from 1.
 * @param {{ mappings: string, sources: string[] }} map
 * @param {(source: string) => string} place
 */
export function lineMap(map, place) {
  let [source, line] = [0, 0];
  const lines = map.mappings.split(";").map((segments) => {
    /** @type {[number, number] | []} */
    let first = [];
    for (const segment of segments.split(",").filter((segment) => segment !== "")) {
      const [, sourceBy, lineBy] = numbers(segment);
      if (sourceBy !== undefined && lineBy !== undefined) {
        source += sourceBy;
        line += lineBy;
        first = first.length === 0 ? [source, line + 1] : first;
      }
    }
    return first;
  });
  return { sources: map.sources.map(place), lines };
}

/**
 * The numbers of a segment, each a VLQ in base 64.
 * @param {string} segment
 * @returns {number[]}
 */
function numbers(segment) {
  const all = [];
  let [value, shift] = [0, 0];
  for (const character of segment) {
    const digit = DIGITS.indexOf(character);
    value += (digit & 31) << shift;
    shift += 5;
    if ((digit & 32) === 0) {
      all.push((value & 1) === 1 ? -(value >> 1) : value >> 1);
      [value, shift] = [0, 0];
    }
  }
  return all;
}

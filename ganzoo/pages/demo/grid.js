/**
 * How many samples a page shows, in how many columns. All rows are full, at every width.
 */

/** Up to which side images are small or medium; pixels. From SMOOTH on they are enlarged smoothly. */
const SMALL = 48;
const MEDIUM = 128;
export const SMOOTH = 64;

/** By size: about how many samples, and the usual columns and at most so many in a wide and in a narrow window. */
const SIZES = [
  { up: SMALL, about: 60, wide: [8, 10], narrow: [4, 5] },
  { up: MEDIUM, about: 48, wide: [6, 6], narrow: [3, 3] },
  { up: Infinity, about: 16, wide: [4, 4], narrow: [2, 2] },
];

/**
 * @param {number} side the longer one of an image
 * @param {number} classes that are shown in turn; 1 for a single class, or none
 * @returns {{wide: number, narrow: number, count: number}} columns in a wide and in a narrow window; samples
 */
export function layout(side, classes) {
  const size = SIZES.find(({ up }) => side <= up);
  const [wide, narrow] = [columns(classes, ...size.wide), columns(classes, ...size.narrow)];
  const both = leastCommonMultiple(wide, narrow);
  return { wide, narrow, count: both * Math.max(1, Math.round(size.about / both)) };
}

/** As many columns as possible such that each column has the same classes; the usual number if these would be few. */
function columns(classes, usual, most) {
  if (classes < 2) return usual;
  for (let count = most; count > usual / 2; count--) {
    if (count % classes === 0 || classes % count === 0) return count;
  }
  return usual;
}

function leastCommonMultiple(a, b) {
  let multiple = a;
  while (multiple % b) multiple += a;
  return multiple;
}

// look.js - colours by theme, patterns, and one bar or mark

let COLOURS = {};
const PATTERNS = new Map();

function readColours() {
  const style = getComputedStyle(document.documentElement);
  const names = ['back', 'panel', 'line', 'text', 'soft', 'group', 'focus', 'band', 'shade']
    .concat(SAID.bars.concat(SAID.marks, SAID.arrows).map(kind => kind[2]));
  COLOURS = {};
  for (const name of names)
    COLOURS[name] = style.getPropertyValue('--' + name).trim();
  PATTERNS.clear();
}

// Light or dark letters, by how bright the ground is.
function inkOn(colour) {
  const value = parseInt(colour.slice(1), 16);
  const bright = 0.3 * (value >> 16 & 255) + 0.59 * (value >> 8 & 255) + 0.11 * (value & 255);
  return bright > 140 ? '#101114' : '#ffffff';
}

// Stripes, crosses or dots over a colour: told apart without it.
function patternOf(context, colour, name) {
  const key = colour + name;
  if (PATTERNS.has(key))
    return PATTERNS.get(key);
  const tile = document.createElement('canvas');
  tile.width = tile.height = 8;
  const pen = tile.getContext('2d');
  pen.fillStyle = colour;
  pen.strokeStyle = pen.fillStyle;
  if (name === 'dots') {
    pen.globalAlpha = 0.28;
    pen.fillRect(0, 0, 8, 8);
    pen.globalAlpha = 1;
    pen.fillRect(1, 1, 2, 2);
    pen.fillRect(5, 5, 2, 2);
  } else {
    pen.fillRect(0, 0, 8, 8);
    pen.strokeStyle = COLOURS.back;
    pen.globalAlpha = 0.45;
    pen.lineWidth = 1.3;
    pen.beginPath();
    pen.moveTo(-2, 10); pen.lineTo(10, -2);
    pen.moveTo(-2, 2); pen.lineTo(2, -2);
    pen.moveTo(6, 10); pen.lineTo(10, 6);
    if (name === 'cross') {
      pen.moveTo(-2, -2); pen.lineTo(10, 10);
    }
    pen.stroke();
  }
  const pattern = context.createPattern(tile, 'repeat');
  PATTERNS.set(key, pattern);
  return pattern;
}

function clipped(context, text, width) {
  if (context.measureText(text).width <= width)
    return text;
  let low = 0, high = text.length;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (context.measureText(text.slice(0, middle) + '…').width <= width)
      low = middle;
    else
      high = middle - 1;
  }
  return low > 2 ? text.slice(0, low) + '…' : '';
}

// One bar that is wide enough to be seen as such. Flags: 1 begun before, 2 still open.
function drawBar(context, kind, x0, x1, top, height, flags, label) {
  const [, , colourName, pattern, sign] = SAID.bars[kind];
  const colour = COLOURS[colourName], width = Math.max(x1 - x0, 1);
  const hollow = pattern === 'hollow';
  if (hollow) {
    context.globalAlpha = 0.13;
    context.fillStyle = colour;
    context.fillRect(x0, top, width, height);
    context.globalAlpha = 1;
    if (width > 3) {
      context.strokeStyle = colour;
      context.lineWidth = 1;
      context.strokeRect(x0 + 0.5, top + 0.5, width - 1, height - 1);
    }
  } else {
    context.fillStyle = pattern && pattern !== 'thin'
      ? patternOf(context, colour, pattern) : colour;
    context.fillRect(x0, top, width, height);
    if (pattern === 'dots' && width > 3) {
      context.strokeStyle = colour;
      context.lineWidth = 1;
      context.strokeRect(x0 + 0.5, top + 0.5, width - 1, height - 1);
    }
  }
  if (flags & 2 && width > 6) {
    // It never ended: a torn edge.
    context.fillStyle = COLOURS.back;
    for (let y = 0; y < height; y += 5) {
      context.beginPath();
      context.moveTo(x1, top + y);
      context.lineTo(x1 - 4, top + y + 2.5);
      context.lineTo(x1, top + y + 5);
      context.fill();
    }
  }
  if (height < 10 || width < 11)
    return;
  const ink = hollow || pattern === 'dots' ? COLOURS.text : inkOn(colour);
  const words = (sign ? sign + ' ' : '') + label;
  const text = width < 24 ? sign : clipped(context, words, width - 7);
  if (!text)
    return;
  context.fillStyle = ink;
  if (pattern === 'stripes' || pattern === 'cross' || pattern === 'dots') {
    // Letters are not read over stripes or dots.
    const wide = context.measureText(text).width + 6;
    context.fillStyle = pattern === 'dots' ? COLOURS.panel : colour;
    context.fillRect(x0 + 1, top + 1, Math.min(wide, width - 2), height - 2);
    context.fillStyle = ink;
  }
  context.fillText(text, x0 + (width < 24 ? (width - context.measureText(text).width) / 2
                                          : 4), top + height / 2 + 0.5);
}

// The sign of a mark, with an edge in the colour of the ground; of a rare one, for which the
// font is BOLD, on a disc.
function drawMark(context, kind, x, middle) {
  const [name, , colourName, sign] = SAID.marks[kind];
  const colour = COLOURS[colourName];
  if (sign === '|' || sign === '·') {
    context.fillStyle = colour;
    context.globalAlpha = sign === '·' ? 0.7 : 1;
    if (sign === '|')
      context.fillRect(x - 0.75, middle - 7, 1.5, 14);
    else
      context.fillRect(x - 0.5, middle + 4, 1.5, 4);
    context.globalAlpha = 1;
    return;
  }
  if (SAID.rare.includes(name)) {
    context.fillStyle = COLOURS.back;
    context.beginPath();
    context.arc(x, middle, 8, 0, 7);
    context.fill();
    context.fillStyle = colour;
    context.fillText(sign, x - context.measureText(sign).width / 2, middle + 0.5);
    return;
  }
  context.lineWidth = 3;
  context.strokeStyle = COLOURS.back;
  context.strokeText(sign, x - context.measureText(sign).width / 2, middle);
  context.fillStyle = colour;
  context.fillText(sign, x - context.measureText(sign).width / 2, middle);
}

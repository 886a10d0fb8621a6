// draw.js - the timeline as it is seen now: only what is in view is drawn
//
// Bars of one row do not overlap, so both their beginnings and their ends are sorted. A
// bar that is wider than a pixel is drawn; a crowd of narrower ones becomes one cell for
// each two pixels, as dark as it is full, and is passed over by a search.

const CANVAS = document.getElementById('canvas');
const OVERVIEW = document.getElementById('overview');
const GUTTER = 232, RULER = 26, CELL = 2;
const FACE = 'system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif';
const FONT = '11px ' + FACE, BOLD = '700 14px ' + FACE;
const VIEW = {begin: 0, end: 1, width: 100, height: 100, top: 0, drawn: 0, ms: 0, numbers: [],
              hover: null, chosen: null, cursor: null};

const xOf = at => GUTTER + (at - VIEW.begin) / (VIEW.end - VIEW.begin) *
  (VIEW.width - GUTTER);
const timeOf = x => VIEW.begin + (x - GUTTER) / (VIEW.width - GUTTER) *
  (VIEW.end - VIEW.begin);

function drawRow(context, first, many, top, height) {
  const high = first + many, cell = (VIEW.end - VIEW.begin) / (VIEW.width - GUTTER) * CELL;
  let i = lowerBound(DATA.b_end, VIEW.begin, first, high);
  while (i < high && DATA.b_begin[i] < VIEW.end) {
    const begin = DATA.b_begin[i], end = DATA.b_end[i];
    if (end - begin >= cell) {
      const x0 = Math.max(xOf(begin), GUTTER), x1 = Math.min(xOf(end), VIEW.width);
      drawBar(context, DATA.b_kind[i], x0, x1, top, height, DATA.b_flags[i],
              x1 - x0 > 24 ? labelOf(i) : '');
      VIEW.drawn++;
      i++;
      continue;
    }
    // All that begin within this cell, up to one that is wide again.
    const x = GUTTER + Math.floor((xOf(begin) - GUTTER) / CELL) * CELL;
    const limit = timeOf(x + CELL);
    let next = Math.max(gallop(DATA.b_begin, limit, i, high), i + 1);
    if (next > i + 1 && DATA.b_end[next - 1] - DATA.b_begin[next - 1] >= cell)
      next--;
    const full = (DATA.spent[next] - DATA.spent[i]) / cell;
    const colour = SAID.bars[DATA.b_kind[i]];
    const hollow = colour[3] === 'hollow';
    context.globalAlpha = hollow ? 0.18 : Math.min(1, 0.35 + 0.65 * full);
    context.fillStyle = COLOURS[colour[2]];
    if (x >= GUTTER - CELL)
      context.fillRect(Math.max(x, GUTTER), top, next - i > 1 ? CELL : 1.2, height);
    context.globalAlpha = 1;
    VIEW.drawn++;
    i = next;
  }
}

const isRareMark = kind => SAID.rare.includes(SAID.marks[kind][0]);

function drawMarks(context, lane, middle, rare) {
  const [first, many] = lane.marks, high = first + many;
  const apart = (VIEW.end - VIEW.begin) / (VIEW.width - GUTTER) * (rare ? 11 : 15);
  let i = lowerBound(DATA.m_at, VIEW.begin, first, high);
  context.font = rare ? BOLD : FONT;
  for (let last = -Infinity; i < high && DATA.m_at[i] <= VIEW.end;) {
    if (isRareMark(DATA.m_kind[i]) === rare && DATA.m_at[i] - last >= apart) {
      drawMark(context, DATA.m_kind[i], xOf(DATA.m_at[i]), middle);
      VIEW.drawn++;
      last = DATA.m_at[i];
    }
    // Rare ones are looked for one by one in a crowd of 2,000, not in one of a million.
    i = rare && high - first < 2000000 ? i + 1
      : Math.max(i + 1, gallop(DATA.m_at, last + apart, i, high));
  }
  context.font = FONT;
}

function niceStep(span, most) {
  const rough = span / most, power = Math.pow(10, Math.floor(Math.log10(rough)));
  return [1, 2, 5, 10].map(f => f * power).find(step => step >= rough);
}

function drawRuler(context) {
  context.fillStyle = COLOURS.panel;
  context.fillRect(0, 0, VIEW.width, RULER);
  const span = VIEW.end - VIEW.begin;
  const step = Math.max(niceStep(span, (VIEW.width - GUTTER) / 130), 1);
  const origin = Math.floor((SAID.begin + VIEW.begin) / step) * step - SAID.begin;
  context.fillStyle = COLOURS.soft;
  const unit = step >= 1e8 ? [1e9, 's', 1] : step >= 1e6 ? [1e6, 'ms', 0]
    : step >= 1e5 ? [1e6, 'ms', 1] : step >= 1e4 ? [1e6, 'ms', 2] : [1e3, 'µs', step < 1e3 ? 3 : 0];
  for (let at = origin; at <= VIEW.end; at += step) {
    const x = xOf(at);
    if (x < GUTTER)
      continue;
    context.fillRect(x, RULER - 6, 1, 6);
    context.fillText(((at + SAID.begin) / unit[0]).toLocaleString('en', {
      minimumFractionDigits: unit[2], maximumFractionDigits: unit[2]}) + ' ' + unit[1],
      x + 4, RULER / 2);
  }
  context.fillText(spanText(span) + ' in view', 10, RULER / 2);
}

function drawGrid(context) {
  const step = Math.max(niceStep(VIEW.end - VIEW.begin, (VIEW.width - GUTTER) / 130), 1);
  const origin = Math.floor((SAID.begin + VIEW.begin) / step) * step - SAID.begin;
  context.fillStyle = COLOURS.line;
  for (let at = origin; at <= VIEW.end; at += step) {
    const x = Math.round(xOf(at));
    if (x >= GUTTER)
      context.fillRect(x, RULER, 1, VIEW.height);
  }
}

// What is missing, over all lanes: each of them may be wrong there.
function drawGaps(context) {
  for (const [begin, end, ring, count] of SAID.gaps) {
    if (end < VIEW.begin || begin > VIEW.end)
      continue;
    const x0 = Math.max(xOf(begin), GUTTER), x1 = Math.max(xOf(end), x0 + 2);
    context.globalAlpha = 0.22;
    context.fillStyle = patternOf(context, COLOURS.gap, 'cross');
    context.fillRect(x0, RULER, x1 - x0, VIEW.height);
    context.globalAlpha = 1;
    context.fillStyle = COLOURS.gap;
    if (x1 - x0 > 40)
      context.fillText(clipped(context, count.toLocaleString('en') + ' records of ' +
        ring + ' lost', x1 - x0 - 8), x0 + 4, RULER + 9);
  }
}

// What lies below the bars: every other lane is a little darker, and lines of time.
function drawGround(context) {
  context.fillStyle = COLOURS.band;
  for (const {lane, number, top, height} of inSight()) {
    if (lane && number % 2)
      context.fillRect(0, top - VIEW.top + RULER, VIEW.width, height);
  }
  drawGrid(context);
  for (const {heading, top} of inSight()) {
    if (heading === undefined)
      continue;
    context.fillStyle = COLOURS.group;
    context.fillRect(0, top - VIEW.top + RULER, VIEW.width, GROUP - 2);
  }
}

function drawLane(context, lane, y) {
  lane.rows.forEach(([first, many], row) => {
    const box = rowBox(lane, row);
    drawRow(context, first, many, y + box.top - lane.top, box.height);
  });
  drawMarks(context, lane, middleOf(lane), false);
}

// The height at which the marks of a lane stand.
const middleOf = lane => rowBox(lane, lane.thin ? 1 : 0).top - VIEW.top + RULER + ROW / 2 - 1;

function drawNames(context) {
  context.fillStyle = COLOURS.back;
  context.fillRect(0, RULER, GUTTER - 1, VIEW.height);
  context.fillStyle = COLOURS.line;
  context.fillRect(GUTTER - 1, 0, 1, VIEW.height);
  for (const shown of inSight()) {
    const y = shown.top - VIEW.top + RULER;
    if (shown.heading !== undefined) {
      context.fillStyle = COLOURS.group;
      context.fillRect(0, y, GUTTER, GROUP - 2);
      context.fillStyle = COLOURS.text;
      context.font = '600 ' + FONT;
      context.fillText((LANES.folded.has(shown.heading) ? '▸ ' : '▾ ') + shown.heading,
                       10, y + GROUP / 2 - 1);
      context.font = FONT;
      continue;
    }
    const chosen = VIEW.chosen && VIEW.chosen.lane === shown.number;
    context.fillStyle = chosen ? COLOURS.focus : COLOURS.text;
    context.fillText(clipped(context, shown.lane.name, GUTTER - 36), 24,
                     y + PAD + ROW / 2 + (shown.lane.thin ? THIN : 0));
    if (shown.lane.role && shown.lane.height > 2 * ROW) {
      context.fillStyle = COLOURS.soft;
      context.fillText(clipped(context, shown.lane.role, GUTTER - 36), 24,
                       y + PAD + ROW * 1.4 + (shown.lane.thin ? THIN : 0));
    }
    if (shown.lane.page !== null && shown.lane.rows.length > 1) {
      context.fillStyle = COLOURS.soft;
      context.fillText('CPU', GUTTER - 44, y + PAD + ROW / 2);
      context.fillText('device', GUTTER - 44, y + PAD + ROW + ROW / 2);
    }
  }
}

function* inSight() {
  for (const shown of LANES.shown) {
    if (shown.top + shown.height < VIEW.top)
      continue;
    if (shown.top > VIEW.top + VIEW.height)
      return;
    yield shown;
  }
}

// The times of what is chosen, down through all lanes: what was going on meanwhile?
function drawChosen(context) {
  const chosen = VIEW.chosen;
  if (!chosen)
    return;
  const x0 = xOf(chosen.begin), x1 = Math.max(xOf(chosen.end), x0 + 1);
  context.fillStyle = COLOURS.shade;
  context.fillRect(Math.max(x0, GUTTER), RULER, x1 - Math.max(x0, GUTTER), VIEW.height);
  const box = rowBox(SAID.lanes[chosen.lane], chosen.row);
  if (!box)
    return;
  context.strokeStyle = COLOURS.focus;
  context.lineWidth = 2;
  const left = Math.max(x0, GUTTER) - (chosen.mark === undefined ? 1 : 7);
  const right = Math.min(x1, VIEW.width) + (chosen.mark === undefined ? 1 : 7);
  if (right > GUTTER)
    context.strokeRect(left, box.top - VIEW.top + RULER - 1, right - left,
                       box.height + 2);
}

function draw() {
  const began = performance.now(), context = sized(CANVAS);
  VIEW.drawn = 0;
  context.font = FONT;
  context.textBaseline = 'middle';
  context.fillStyle = COLOURS.back;
  context.fillRect(0, 0, VIEW.width, VIEW.height);
  context.save();
  context.beginPath();
  context.rect(0, RULER, VIEW.width, VIEW.height);
  context.clip();
  drawGround(context);
  for (const {lane, top} of inSight()) {
    if (lane)
      drawLane(context, lane, top - VIEW.top + RULER);
  }
  drawGaps(context);
  drawArrows(context);
  for (const {lane} of inSight()) {
    if (lane)
      drawMarks(context, lane, middleOf(lane), true);
  }
  drawChosen(context);
  drawSteps(context);
  if (VIEW.cursor !== null) {
    context.fillStyle = COLOURS.soft;
    context.fillRect(xOf(VIEW.cursor), RULER, 1, VIEW.height);
  }
  drawNames(context);
  context.restore();
  drawRuler(context);
  drawOverview();
  VIEW.ms = performance.now() - began;
}

function sized(canvas) {
  const ratio = window.devicePixelRatio || 1;
  const width = canvas.clientWidth, height = canvas.clientHeight;
  if (canvas.width !== Math.round(width * ratio) ||
      canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  const context = canvas.getContext('2d');
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  return context;
}

// The whole trace in one strip: how many records, what was rare, and where the view is.
let crowd = null;
function drawOverview() {
  const context = sized(OVERVIEW), width = OVERVIEW.clientWidth - GUTTER;
  const height = OVERVIEW.clientHeight;
  if (!crowd || crowd.length !== Math.max(1, width >> 1)) {
    crowd = new Float32Array(Math.max(1, width >> 1));
    for (let i = 0; i < crowd.length; i++) {
      const from = lowerBound(DATA.r_at, SAID.end * i / crowd.length, 0, DATA.r_at.length);
      const to = lowerBound(DATA.r_at, SAID.end * (i + 1) / crowd.length, from,
                            DATA.r_at.length);
      crowd[i] = Math.log1p(to - from);
    }
  }
  let most = 1;
  for (const many of crowd)
    most = Math.max(most, many);
  context.clearRect(0, 0, width + GUTTER, height);
  context.fillStyle = COLOURS.panel;
  context.fillRect(0, 0, width + GUTTER, height);
  context.fillStyle = COLOURS.run;
  crowd.forEach((many, i) => {
    const tall = many / most * (height - 12);
    context.fillRect(GUTTER + i * 2, height - 2 - tall, 1.6, tall);
  });
  const place = at => GUTTER + at / SAID.end * width;
  context.fillStyle = COLOURS.gap;
  for (const [begin, end] of SAID.gaps)
    context.fillRect(place(begin), 0, Math.max(2, place(end) - place(begin)), 4);
  context.font = FONT;
  context.textBaseline = 'middle';
  for (const record of FOUND.marks())
    context.fillRect(place(DATA.r_at[record]), 2, 2, 8);
  context.fillStyle = COLOURS.soft;
  context.fillText('the whole trace, ' + spanText(SAID.end), 10, height / 2);
  const x0 = place(VIEW.begin), x1 = place(VIEW.end);
  context.fillStyle = COLOURS.shade;
  context.fillRect(x0, 0, Math.max(x1 - x0, 2), height);
  context.strokeStyle = COLOURS.focus;
  context.lineWidth = 1.5;
  context.strokeRect(x0, 1, Math.max(x1 - x0, 3), height - 2);
}

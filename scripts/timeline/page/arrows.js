// arrows.js - from a cause to what it led to, in another lane

const MOST_ARROWS = 400;
const ARROWS = {on: true, hidden: 0};

// Arrows are sorted by their beginning; one that begins long before the view and ends in
// it is short as a rule, so the search begins a little earlier.
function* arrowsInView(most) {
  const span = VIEW.end - VIEW.begin, count = DATA.a_begin.length;
  let i = lowerBound(DATA.a_begin, VIEW.begin - Math.max(span, 5e6), 0, count);
  for (let seen = 0; i < count && DATA.a_begin[i] <= VIEW.end; i++) {
    if (DATA.a_end[i] < VIEW.begin || !isArrowWanted(i))
      continue;
    if (++seen > most)
      return;
    yield i;
  }
}

function isArrowWanted(arrow) {
  return !SAID.quiet.includes(SAID.arrows[DATA.a_kind[arrow]][0]) || isArrowChosen(arrow);
}

function isArrowChosen(arrow) {
  const chosen = VIEW.chosen;
  return chosen !== null && (chosen.records.has(DATA.a_first[arrow]) ||
                             chosen.records.has(DATA.a_last[arrow]));
}

function arrowEnd(lane, row, at) {
  const box = rowBox(SAID.lanes[lane], Math.min(row, SAID.lanes[lane].rows.length - 1));
  return box && [xOf(at), box.top - VIEW.top + RULER + box.height / 2, box];
}

function drawArrow(context, arrow, strong) {
  const thin = SAID.lanes[DATA.a_from[arrow]].thin ? 1 : 0;
  const from = arrowEnd(DATA.a_from[arrow], Math.max(DATA.a_fromrow[arrow], thin),
                        DATA.a_begin[arrow]);
  const to = arrowEnd(DATA.a_to[arrow],
                      Math.max(DATA.a_torow[arrow], SAID.lanes[DATA.a_to[arrow]].thin ? 1 : 0),
                      DATA.a_end[arrow]);
  if (!from || !to || (from[0] < GUTTER && to[0] < GUTTER))
    return;
  const [x0, y0] = from, [x1, y1] = to;
  const colour = COLOURS[SAID.arrows[DATA.a_kind[arrow]][2]];
  const bend = Math.max(14, Math.min(60, Math.abs(x1 - x0) / 2));
  for (const [style, width] of [[COLOURS.back, strong ? 4.5 : 3],
                                [colour, strong ? 2.2 : 1.2]]) {
    context.strokeStyle = style;
    context.fillStyle = style;
    context.lineWidth = width;
    context.beginPath();
    context.moveTo(x0, y0);
    context.bezierCurveTo(x0 + bend, y0, x1 - bend, y1, x1 - 4, y1);
    context.stroke();
  }
  context.beginPath();
  context.moveTo(x1, y1);
  context.lineTo(x1 - 7, y1 - 3.5);
  context.lineTo(x1 - 7, y1 + 3.5);
  context.fill();
}

function drawArrows(context) {
  ARROWS.hidden = 0;
  const seen = [];
  if (ARROWS.on) {
    for (const arrow of arrowsInView(MOST_ARROWS + 1))
      seen.push(arrow);
  }
  if (seen.length > MOST_ARROWS)
    ARROWS.hidden = seen.length;
  context.save();
  context.beginPath();
  context.rect(GUTTER, RULER, VIEW.width, VIEW.height);
  context.clip();
  if (!ARROWS.hidden) {
    context.globalAlpha = VIEW.chosen ? 0.5 : 0.85;
    for (const arrow of seen) {
      drawArrow(context, arrow, false);
      VIEW.drawn++;
    }
  }
  context.globalAlpha = 1;
  for (const arrow of arrowsOf(VIEW.chosen))
    drawArrow(context, arrow, true);
  context.restore();
}

// The arrows that begin or end at the records of what is chosen.
function arrowsOf(chosen) {
  return chosen ? chosen.arrows : [];
}

function findArrows(records) {
  const found = [];
  for (let i = 0; i < DATA.a_begin.length; i++) {
    if (records.has(DATA.a_first[i]) || records.has(DATA.a_last[i]))
      found.push(i);
  }
  return found;
}

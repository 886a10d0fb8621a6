// arrows.js - from a cause to what it led to, in another lane

// More arrows of one kind than these would hide what they lead over.
const MOST_OF_A_KIND = 24;
const ARROWS = {on: true, hidden: false, ofKind: null};

// Of each kind that is drawn unasked: its arrows, and when they begin.
function indexArrows() {
  ARROWS.ofKind = SAID.arrows.map(() => ({arrows: [], begins: []}));
  for (let i = 0; i < DATA.a_begin.length; i++) {
    const kind = ARROWS.ofKind[DATA.a_kind[i]];
    kind.arrows.push(i);
    kind.begins.push(DATA.a_begin[i]);
  }
  ARROWS.ofKind = ARROWS.ofKind.filter((kind, i) =>
    !SAID.quiet.includes(SAID.arrows[i][0]));
}

// The arrows of a kind that are in view, up to one more than are drawn. One that begins
// long before the view and ends in it is short as a rule, so the search begins a little
// earlier.
function arrowsInView({arrows, begins}) {
  const before = Math.max(VIEW.end - VIEW.begin, 5e6), found = [];
  for (let i = lowerBound(begins, VIEW.begin - before, 0, begins.length);
       i < begins.length && begins[i] <= VIEW.end && found.length <= MOST_OF_A_KIND; i++) {
    if (DATA.a_end[arrows[i]] >= VIEW.begin)
      found.push(arrows[i]);
  }
  return found;
}

function arrowsToDraw() {
  const kinds = ARROWS.on ? ARROWS.ofKind.map(arrowsInView) : [];
  const few = kinds.filter(found => found.length <= MOST_OF_A_KIND);
  ARROWS.hidden = few.length < kinds.length;
  return few.flat();
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
  context.save();
  context.beginPath();
  context.rect(GUTTER, RULER, VIEW.width, VIEW.height);
  context.clip();
  context.globalAlpha = VIEW.chosen ? 0.5 : 0.85;
  for (const arrow of arrowsToDraw()) {
    drawArrow(context, arrow, false);
    VIEW.drawn++;
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

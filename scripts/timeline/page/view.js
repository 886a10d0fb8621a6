// view.js - what is seen: zoom, pan, scroll; mouse and keys

const SCROLL = document.getElementById('scroll');
const NARROWEST = 50;
let asked = false;

// Draw once for all that happens before the next frame.
function redraw() {
  if (asked)
    return;
  asked = true;
  requestAnimationFrame(() => {
    asked = false;
    draw();
    sayView();
  });
}

function relay() {
  const kept = shownAt(VIEW.top + 40), before = kept ? kept.top - VIEW.top : 0;
  layLanes(VIEW.begin, VIEW.end);
  document.getElementById('spacer').style.height =
    Math.max(0, LANES.height + RULER - SCROLL.clientHeight) + 'px';
  // What stood near the top stays where it was.
  const again = kept && LANES.shown.find(shown => shown.lane ? shown.lane === kept.lane
    : shown.heading === kept.heading);
  if (again)
    SCROLL.scrollTop = again.top - before;
  VIEW.top = SCROLL.scrollTop;
  redraw();
}

function look(begin, end) {
  const span = Math.min(Math.max(end - begin, NARROWEST), SAID.end * 1.04 + NARROWEST);
  const middle = (begin + end) / 2, slack = SAID.end * 0.02;
  VIEW.begin = Math.min(Math.max(middle - span / 2, -slack), SAID.end + slack - span);
  VIEW.begin = Math.max(VIEW.begin, -slack);
  VIEW.end = VIEW.begin + span;
  hideTip();
  if (LANES.onlyBusy)
    relay();
  redraw();
}

// Zoom by a factor, around a time that stays where it is.
function zoom(factor, around) {
  const at = around === undefined
    ? VIEW.chosen && VIEW.chosen.end > VIEW.begin && VIEW.chosen.begin < VIEW.end
      ? (VIEW.chosen.begin + VIEW.chosen.end) / 2 : (VIEW.begin + VIEW.end) / 2 : around;
  const span = (VIEW.end - VIEW.begin) * factor;
  if (span < NARROWEST && factor < 1)
    return;
  const share = (at - VIEW.begin) / (VIEW.end - VIEW.begin);
  look(at - span * share, at + span * (1 - share));
}

function pan(share) {
  const by = (VIEW.end - VIEW.begin) * share;
  look(VIEW.begin + by, VIEW.end + by);
}

const lookAll = () => look(-SAID.end * 0.01, SAID.end * 1.01);

// Show a time in full, with some of what was around it.
function lookAt(begin, end) {
  const span = Math.max(end - begin, 400);
  look(begin - span * 0.6, end + span * 0.6);
}

function fit() {
  VIEW.width = SCROLL.clientWidth;
  VIEW.height = SCROLL.clientHeight;
  CANVAS.style.height = VIEW.height + 'px';
  relay();
}

function scrollTo(lane) {
  const top = SAID.lanes[lane].top;
  if (top < 0)
    return;
  if (top < SCROLL.scrollTop || top + SAID.lanes[lane].height + RULER >
      SCROLL.scrollTop + SCROLL.clientHeight)
    SCROLL.scrollTop = Math.max(0, top - SCROLL.clientHeight / 3);
  VIEW.top = SCROLL.scrollTop;
}

// ---- mouse ------------------------------------------------------------------

// The bar or mark at a place of the canvas.
function itemAt(x, y) {
  const shown = shownAt(y - RULER + VIEW.top);
  if (y < RULER || x < GUTTER || !shown || !shown.lane)
    return null;
  const {lane, number} = shown, at = timeOf(x), near = timeOf(x + 5) - at;
  const inLane = y - RULER + VIEW.top;
  const [first, many] = lane.marks;
  const base = rowBox(lane, lane.thin ? 1 : 0);
  if (many && inLane >= base.top - 2 && inLane <= base.top + ROW) {
    let best = null;
    for (let i = lowerBound(DATA.m_at, at - near, first, first + many);
         i < first + many && DATA.m_at[i] <= at + near; i++) {
      if (best === null || Math.abs(DATA.m_at[i] - at) < Math.abs(DATA.m_at[best] - at) ||
          isRareMark(DATA.m_kind[i]) && !isRareMark(DATA.m_kind[best]))
        best = i;
    }
    if (best !== null && (SAID.marks[DATA.m_kind[best]][3].match(/[^·|]/) ||
                          Math.abs(DATA.m_at[best] - at) < near / 2))
      return chosenMark(best, number);
  }
  for (let row = 0; row < lane.rows.length; row++) {
    const box = rowBox(lane, row);
    if (inLane < box.top - 1 || inLane > box.top + box.height + 1)
      continue;
    const [from, count] = lane.rows[row];
    const i = lowerBound(DATA.b_end, at - near / 2, from, from + count);
    if (i < from + count && DATA.b_begin[i] <= at + near / 2)
      return chosenBar(i);
  }
  return null;
}

const placeOf = event => {
  const box = CANVAS.getBoundingClientRect();
  return [event.clientX - box.left, event.clientY - box.top];
};

function listenToMouse() {
  let drag = null;
  CANVAS.addEventListener('wheel', event => {
    if (!event.ctrlKey && !event.metaKey && !event.shiftKey &&
        Math.abs(event.deltaY) >= Math.abs(event.deltaX))
      return;                   // the lanes scroll
    event.preventDefault();
    if (event.ctrlKey || event.metaKey)
      zoom(Math.exp(event.deltaY * 0.004), timeOf(placeOf(event)[0]));
    else
      pan((event.shiftKey && !event.deltaX ? event.deltaY : event.deltaX) / 900);
  }, {passive: false});
  CANVAS.addEventListener('mousedown', event => {
    drag = {x: event.clientX, y: event.clientY, begin: VIEW.begin, end: VIEW.end,
            top: SCROLL.scrollTop, moved: false};
  });
  window.addEventListener('mousemove', event => {
    const [x, y] = placeOf(event);
    if (drag) {
      const by = (drag.x - event.clientX) / (VIEW.width - GUTTER) * (drag.end - drag.begin);
      drag.moved = drag.moved || Math.abs(drag.x - event.clientX) > 3 ||
        Math.abs(drag.y - event.clientY) > 3;
      if (!drag.moved)
        return;
      CANVAS.classList.add('dragged');
      SCROLL.scrollTop = drag.top + drag.y - event.clientY;
      look(drag.begin + by, drag.end + by);
      return;
    }
    if (event.target !== CANVAS) {
      if (VIEW.cursor !== null)
        hover(null);
      return;
    }
    hover(itemAt(x, y), x, y);
  });
  window.addEventListener('mouseup', event => {
    if (drag && !drag.moved && event.target === CANVAS)
      click(...placeOf(event));
    drag = null;
    CANVAS.classList.remove('dragged');
  });
  CANVAS.addEventListener('dblclick', event => {
    // The first of the two clicks has chosen it.
    if (itemAt(...placeOf(event)) && VIEW.chosen)
      lookAtChosen();
  });
  SCROLL.addEventListener('scroll', () => {
    if (VIEW.top !== SCROLL.scrollTop)
      hideTip();
    VIEW.top = SCROLL.scrollTop;
    redraw();
  });
  const jump = event => {
    const box = OVERVIEW.getBoundingClientRect(), span = VIEW.end - VIEW.begin;
    const at = (event.clientX - box.left - GUTTER) / (box.width - GUTTER) * SAID.end;
    look(at - span / 2, at + span / 2);
  };
  OVERVIEW.addEventListener('mousedown', jump);
  OVERVIEW.addEventListener('mousemove', event => event.buttons & 1 && jump(event));
  new ResizeObserver(fit).observe(SCROLL);
}

function click(x, y) {
  const shown = shownAt(y - RULER + VIEW.top);
  if (y > RULER && shown && shown.heading !== undefined)
    return fold(shown.heading);
  choose(itemAt(x, y));
}

function fold(group) {
  if (!LANES.folded.delete(group))
    LANES.folded.add(group);
  relay();
}

// ---- keys -------------------------------------------------------------------

// The next bar or mark of a lane, in the order of time.
function stepInLane(direction) {
  if (!VIEW.chosen)
    return choose(firstInView());
  const lane = SAID.lanes[VIEW.chosen.lane], at = VIEW.chosen.begin;
  let best = null;
  const offer = item => {
    if (!best || direction * (best.begin - item.begin) > 0)
      best = item;
  };
  for (const [first, many] of lane.rows) {
    let i = lowerBound(DATA.b_begin, at, first, first + many);
    if (direction > 0)
      while (i < first + many && DATA.b_begin[i] <= at)
        i++;
    else
      i--;
    if (i >= first && i < first + many)
      offer(chosenBar(i));
  }
  const [first, many] = lane.marks;
  let i = lowerBound(DATA.m_at, at, first, first + many);
  if (direction > 0)
    while (i < first + many && DATA.m_at[i] <= at)
      i++;
  else
    i--;
  if (i >= first && i < first + many)
    offer(chosenMark(i, VIEW.chosen.lane));
  if (best)
    choose(best, true);
}

function firstInView() {
  for (const shown of inSight()) {
    if (!shown.lane)
      continue;
    const item = nearestIn(shown.number, (VIEW.begin + VIEW.end) / 2);
    if (item)
      return item;
  }
  return null;
}

// The bar or mark of a lane that is nearest to a time.
function nearestIn(number, at) {
  const lane = SAID.lanes[number];
  let best = null;
  const offer = item => {
    const off = one => Math.max(one.begin - at, at - one.end, 0);
    if (!best || off(item) < off(best))
      best = item;
  };
  lane.rows.forEach(([first, many], row) => {
    if (lane.thin && row === 0)
      return;
    const i = lowerBound(DATA.b_end, at, first, first + many);
    for (const near of [i, i - 1])
      if (near >= first && near < first + many)
        offer(chosenBar(near));
  });
  const [first, many] = lane.marks;
  const i = lowerBound(DATA.m_at, at, first, first + many);
  for (const near of [i, i - 1])
    if (near >= first && near < first + many)
      offer(chosenMark(near, number));
  return best;
}

function stepLanes(direction) {
  if (!VIEW.chosen)
    return choose(firstInView());
  const lanes = LANES.shown.filter(shown => shown.lane);
  let i = lanes.findIndex(shown => shown.number === VIEW.chosen.lane);
  const at = (VIEW.chosen.begin + VIEW.chosen.end) / 2;
  for (i += direction; i >= 0 && i < lanes.length; i += direction) {
    const item = nearestIn(lanes[i].number, at);
    if (item)
      return choose(item, true);
  }
  return undefined;
}

const KEYS = {
  '+': () => zoom(0.6), '=': () => zoom(0.6), w: () => zoom(0.6),
  '-': () => zoom(1 / 0.6), s: () => zoom(1 / 0.6),
  ArrowLeft: () => pan(-0.2), a: () => pan(-0.2),
  ArrowRight: () => pan(0.2), d: () => pan(0.2),
  ArrowUp: () => stepLanes(-1), ArrowDown: () => stepLanes(1),
  n: () => stepInLane(1), p: () => stepInLane(-1),
  PageDown: () => { SCROLL.scrollTop += SCROLL.clientHeight * 0.8; },
  PageUp: () => { SCROLL.scrollTop -= SCROLL.clientHeight * 0.8; },
  Home: () => look(0, VIEW.end - VIEW.begin),
  End: () => look(SAID.end - VIEW.end + VIEW.begin, SAID.end),
  '0': lookAll,
  Enter: () => VIEW.chosen && lookAtChosen(),
  f: () => VIEW.chosen && followArrow(),
  '/': () => document.getElementById('find').focus(),
  l: () => document.getElementById('lane-filter').focus(),
  t: () => switchTheme(), '?': () => showHelp(), h: () => showHelp(),
  Escape: () => choose(null),
};

function listenToKeys() {
  window.addEventListener('keydown', event => {
    if (event.ctrlKey || event.metaKey || event.altKey ||
        document.getElementById('help-box').open)
      return;
    if (event.target.tagName === 'INPUT') {
      if (event.key === 'Escape')
        CANVAS.focus();
      return;
    }
    if (event.target.tagName === 'BUTTON' && (event.key === 'Enter' || event.key === ' '))
      return;
    const does = KEYS[event.key] || KEYS[event.key.toLowerCase()];
    if (does) {
      event.preventDefault();
      does();
    }
  });
}

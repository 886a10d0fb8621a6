// lanes.js - which lanes are shown, and where

const ROW = 17, THIN = 4, PAD = 5, GROUP = 24;
const LANES = {shown: [], height: 0, folded: new Set(), off: new Set(), filter: '',
               onlyBusy: false, everyPage: false};

const isThin = lane => lane.rows.length > 0 && lane.rows[0][1] > 0 &&
  SAID.bars[DATA.b_kind[lane.rows[0][0]]][3] === 'thin';

// A kind of lanes that can be switched off together.
function sortOf(lane) {
  if (lane.page !== null)
    return 'Pages';
  if (/^(Address space|Context|Subscriptions)/.test(lane.group))
    return 'Ranges and readers';
  return /^Device/.test(lane.group) ? 'Device' : lane.group;
}

function measureLanes() {
  for (const lane of SAID.lanes) {
    lane.thin = isThin(lane);
    lane.sort = sortOf(lane);
    lane.height = heightOf(lane, lane.rows.length);
    // A lane of marks alone, or of one that is only scheduled, is of little use.
    lane.dull = lane.group === 'Threads' && lane.rows.length < 2;
  }
  // Of the pages of each space, the busiest.
  const spaces = new Map();
  for (const lane of SAID.lanes) {
    if (lane.page !== null)
      spaces.set(lane.group, (spaces.get(lane.group) || []).concat([lane]));
  }
  for (const pages of spaces.values()) {
    pages.sort((a, b) => b.rows.length - a.rows.length || b.busy - a.busy);
    pages.forEach((lane, i) => { lane.rare = i >= 12; });
  }
}

function heightOf(lane, count) {
  const rows = Math.max(1, count - (lane.thin ? 1 : 0));
  return rows * ROW + 2 * PAD + (lane.thin ? THIN + 2 : 0);
}

// How many rows have a bar in the times that are seen: the others need no room.
function rowsInView(lane, begin, end) {
  for (let row = lane.rows.length; row > 0; row--) {
    const [first, many] = lane.rows[row - 1];
    const i = lowerBound(DATA.b_end, begin, first, first + many);
    if (i < first + many && DATA.b_begin[i] <= end)
      return row;
  }
  return 0;
}

// Is anything of a lane in the times that are seen?
function isBusy(lane, begin, end) {
  for (const [first, many] of lane.rows) {
    const i = lowerBound(DATA.b_end, begin, first, first + many);
    if (i < first + many && DATA.b_begin[i] <= end) {
      // A page that is only as it was, from before to behind, is not busy.
      if (lane.page === null || DATA.b_begin[i] > begin || DATA.b_end[i] < end)
        return true;
    }
  }
  const [first, many] = lane.marks;
  const i = lowerBound(DATA.m_at, begin, first, first + many);
  return i < first + many && DATA.m_at[i] <= end;
}

function isWanted(lane) {
  if (LANES.off.has(lane.sort))
    return false;
  if (LANES.filter)
    return (lane.group + ' ' + lane.name).toLowerCase().includes(LANES.filter);
  if (lane.kept)
    return true;
  if (lane.rare && !LANES.everyPage)
    return false;
  return !(lane.dull && LANES.onlyBusy);
}

// Put the lanes below one another; groups have a line of their own.
function layLanes(begin, end) {
  LANES.shown = [];
  let y = 0, group = null, hidden = 0;
  SAID.lanes.forEach((lane, number) => {
    lane.top = -1;
    if (!isWanted(lane) ||
        (LANES.onlyBusy && !lane.kept && !isBusy(lane, begin, end))) {
      hidden++;
      return;
    }
    if (lane.group !== group) {
      group = lane.group;
      LANES.shown.push({heading: group, top: y, height: GROUP});
      y += GROUP;
    }
    if (LANES.folded.has(group))
      return;
    lane.top = y;
    lane.height = heightOf(lane, LANES.onlyBusy && lane.page === null
      ? rowsInView(lane, begin, end) : lane.rows.length);
    LANES.shown.push({lane, number, top: y, height: lane.height});
    y += lane.height;
  });
  LANES.height = y + 8;
  LANES.hidden = hidden;
}

// Where a row of a lane is; null if the lane is not shown.
function rowBox(lane, row) {
  if (lane.top < 0)
    return null;
  const top = lane.top + PAD;
  if (!lane.thin)
    return {top: top + row * ROW, height: ROW - 2};
  return row === 0 ? {top, height: THIN}
    : {top: top + THIN + 2 + (row - 1) * ROW, height: ROW - 2};
}

// The entry of LANES.shown at a height.
function shownAt(y) {
  let low = 0, high = LANES.shown.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (LANES.shown[middle].top + LANES.shown[middle].height <= y)
      low = middle + 1;
    else
      high = middle;
  }
  const found = LANES.shown[low];
  return found && found.top <= y ? found : null;
}

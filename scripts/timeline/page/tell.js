// tell.js - what a bar, a mark or a record is, in words

const TIP = document.getElementById('tip'), DETAIL = document.getElementById('detail');

function chosenBar(bar) {
  return {bar, lane: DATA.barLane[bar], row: DATA.barRow[bar], begin: DATA.b_begin[bar],
          end: DATA.b_end[bar], record: DATA.b_first[bar],
          kind: SAID.bars[DATA.b_kind[bar]]};
}

function chosenMark(mark, lane) {
  return {mark, lane, row: SAID.lanes[lane].thin ? 1 : 0, begin: DATA.m_at[mark],
          end: DATA.m_at[mark], record: DATA.m_record[mark],
          kind: SAID.marks[DATA.m_kind[mark]]};
}

// The bar or mark that shows a record; null if none does. Of both, the mark, unless only the
// bar is in the lane that is asked for.
function itemOf(record, lane) {
  const mark = DATA.markOf[record], bar = DATA.barOf[record];
  const inLane = bar >= 0 && DATA.barLane[bar] === lane;
  if (mark >= 0 && (DATA.markLane[mark] === lane || !inLane))
    return chosenMark(mark, DATA.markLane[mark]);
  return bar >= 0 ? chosenBar(bar) : null;
}

const isMark = item => item.mark !== undefined;
const titleOf = item => isMark(item)
  ? item.kind[1] === 'a record' ? eventOf(item.record).name : item.kind[1] : item.kind[1];
const sentenceOf = item => isMark(item) ? item.kind[4] : item.kind[6];
const rulesOf = item => (isMark(item) ? item.kind[5] : item.kind[7]).split(' ')
  .filter(rule => rule);

function recordLine(record) {
  return momentText(DATA.r_at[record]) + '  ' + eventOf(record).name + ': ' + bodyOf(record);
}

// A lane's name: what the lane is.
function hoverName(x, y) {
  const shown = x < GUTTER && y > RULER ? shownAt(y - RULER + VIEW.top) : null;
  TIP.hidden = !shown || !shown.lane;
  if (TIP.hidden)
    return;
  TIP.innerHTML = '<p><b>' + escaped(shown.lane.name) + '</b>' +
    (shown.lane.role ? ', ' + escaped(shown.lane.role) : '') + '</p><p>' +
    escaped(shown.lane.hint) + '</p>';
  placeTip(x, y);
}

function hover(item, x, y) {
  VIEW.cursor = x === undefined || x < GUTTER ? null : timeOf(x);
  VIEW.hover = item;
  redraw();
  if (!item)
    return x === undefined ? void (TIP.hidden = true) : hoverName(x, y);
  TIP.hidden = false;
  const length = isMark(item) ? '' : ', ' + spanText(item.end - item.begin) +
    (DATA.b_flags[item.bar] & 2 ? ', not ended' : '');
  TIP.innerHTML = '<p><b>' + escaped(titleOf(item)) + '</b>' + length + '</p>' +
    (isMark(item) ? '' : '<p>' + escaped(labelOf(item.bar)) + '</p>') +
    '<p class="record">' + escaped(recordLine(item.record)) + '</p>' +
    (!isMark(item) && DATA.b_last[item.bar] !== item.record
      ? '<p class="record">' + escaped(recordLine(DATA.b_last[item.bar])) + '</p>' : '') +
    '<p class="soft">click: what it is, and all of the record</p>';
  return placeTip(x, y);
}

// The picture has moved below the pointer: what the tip says is not there any more.
function hideTip() {
  TIP.hidden = true;
  VIEW.hover = VIEW.cursor = null;
}

function placeTip(x, y) {
  const stage = document.getElementById('stage').getBoundingClientRect();
  const top = y + OVERVIEW.clientHeight + 16;
  TIP.style.left = Math.max(4, Math.min(x + 12, stage.width - TIP.offsetWidth - 8)) + 'px';
  TIP.style.top = (top + TIP.offsetHeight > stage.height
    ? Math.max(4, top - TIP.offsetHeight - 34) : top) + 'px';
}

// ---- what is chosen -----------------------------------------------------------

function choose(item, bring) {
  VIEW.chosen = item;
  if (item) {
    item.records = new Set([item.record]);
    if (!isMark(item))
      item.records.add(DATA.b_last[item.bar]);
    item.arrows = findArrows(item.records);
    showLane(item.lane);
    if (bring) {
      if (item.end < VIEW.begin || item.begin > VIEW.end ||
          item.begin < VIEW.begin && item.end < VIEW.end)
        look(item.begin - (VIEW.end - VIEW.begin) / 2,
             item.begin + (VIEW.end - VIEW.begin) / 2);
      scrollTo(item.lane);
    }
  }
  tell(item);
  redraw();
}

// A lane that is hidden is shown when something of it is chosen.
function showLane(number) {
  const lane = SAID.lanes[number];
  if (lane.top >= 0)
    return;
  lane.kept = true;
  LANES.off.delete(lane.sort);
  LANES.folded.delete(lane.group);
  if (LANES.filter && !isWanted(lane)) {
    LANES.filter = '';
    document.getElementById('lane-filter').value = '';
  }
  showFilters();
  relay();
}

// Show what is chosen: a bar in full; a mark with the other ends of its arrows, and one
// that has none from nearer by.
function lookAtChosen() {
  const chosen = VIEW.chosen;
  const arrows = chosen.arrows.filter(arrow =>
    !SAID.quiet.includes(SAID.arrows[DATA.a_kind[arrow]][0]));
  if (!isMark(chosen))
    return lookAt(chosen.begin, chosen.end);
  if (arrows.length)
    return lookAt(Math.min(...arrows.map(arrow => DATA.a_begin[arrow])),
                  Math.max(...arrows.map(arrow => DATA.a_end[arrow])));
  const near = (VIEW.end - VIEW.begin) / 20;
  return lookAt(chosen.begin - near, chosen.begin + near);
}

function chooseRecord(record, lane) {
  const item = itemOf(record, lane);
  if (!item)
    return;
  item.record = record;
  choose(item, true);
}

function sourceLink(event) {
  if (!event.source)
    return '';
  const [path, line] = event.source;
  const target = SAID.link.replace('{path}', path).replace('{line}', line);
  return '<a href="' + escaped(target) + '" target="_blank">' + escaped(path) + ':' + line +
    '</a>';
}

function ruleLinks(rules) {
  return rules.map(rule => {
    const path = rule[0] === 'D' ? 'docs/peer-device.md' : 'docs/semantics.md';
    return '<a href="' + escaped(SAID.link.replace('{path}', path).replace(/#.*/, '')) +
      '" target="_blank" title="' + escaped(rule + ': ' + SAID.rules[rule]) + '">' + rule +
      '</a>';
  }).join(', ');
}

// All of a record: where, when, by whom, and each field.
function recordTable(record) {
  const event = eventOf(record);
  const rows = [['at', momentText(DATA.r_at[record])],
                ['from', SAID.rings[DATA.r_ring[record]] + ', ' +
                  taskName(DATA.r_pid[record])]];
  for (const field of event.fields) {
    const value = valueOf(record, field), number = objectOf(record, field);
    rows.push([field, typeof value === 'string' ? value
      : (number ? field + ' ' + number + ', at ' : '') +
        (number || HEX.has(field) || value > 1n << 40n ? '0x' + value.toString(16)
          : value.toString())]);
  }
  return '<h3>record ' + record.toLocaleString('en') + ': ' + escaped(event.name) + '</h3>' +
    '<table>' + rows.map(([name, value]) => '<tr><th>' + escaped(name) + '</th><td>' +
      '<code>' + escaped(value) + '</code></td></tr>').join('') + '</table>' +
    '<p class="soft">written at ' + (sourceLink(event) || 'a place that this tree lacks') +
    '</p>';
}

// The end of an arrow that is not what is chosen: its record, its lane, and whether the arrow
// leads there.
function otherEnd(item, arrow) {
  const out = item.records.has(DATA.a_first[arrow]);
  return out ? {out, record: DATA.a_last[arrow], lane: DATA.a_to[arrow]}
    : {out, record: DATA.a_first[arrow], lane: DATA.a_from[arrow]};
}

function arrowButtons(item) {
  return item.arrows.slice(0, 12).map(arrow => {
    const other = otherEnd(item, arrow), kind = SAID.arrows[DATA.a_kind[arrow]];
    return '<p><button data-record="' + other.record + '" data-lane="' + other.lane + '">' +
      (other.out ? '→ ' : '← ') +
      escaped(kind[1]) + ', ' + spanText(DATA.a_end[arrow] - DATA.a_begin[arrow]) +
      '</button><br><span class="soft">' + escaped(kind[3]) + '</span></p>';
  }).join('');
}

function nearRecords(record) {
  const from = Math.max(0, record - 6), to = Math.min(DATA.r_at.length, record + 9);
  let said = '';
  for (let i = from; i < to; i++)
    said += '<button class="near' + (i === record ? ' this' : '') + '" data-record="' + i +
      '" title="' + escaped(recordLine(i)) + '">' + escaped(
        SAID.rings[DATA.r_ring[i]] + ' ' + eventOf(i).name + ': ' + bodyOf(i)) + '</button>';
  return said;
}

function gapsWithin(item) {
  return SAID.gaps.filter(([begin, end]) => begin <= item.end && end >= item.begin);
}

function tell(item) {
  if (!item) {
    DETAIL.innerHTML = legendText();
    drawLegend();
    return;
  }
  const lane = SAID.lanes[item.lane], rules = rulesOf(item);
  let said = '<h2>' + escaped(titleOf(item)) + '</h2>';
  if (!isMark(item)) {
    said += '<p><b>' + escaped(labelOf(item.bar)) + '</b></p><p>' +
      spanText(item.end - item.begin) + ', from ' + momentText(item.begin) +
      (DATA.b_flags[item.bar] & 2 ? '; it had not ended when the recording did' : '') +
      '</p>';
  }
  said += '<p class="soft">' + escaped(lane.group + ' › ' + lane.name) +
    (lane.role ? '<br>' + escaped(lane.role) : '') + '</p>';
  if (sentenceOf(item))
    said += '<p>' + escaped(sentenceOf(item)) + '</p>';
  if (rules.length)
    said += '<p class="soft">Rules: ' + ruleLinks(rules) + '</p>';
  if (gapsWithin(item).length)
    said += '<p>⚠ Records were lost in this time. What is drawn here may be wrong.</p>';
  if (item.arrows.length)
    said += '<h3>leads to, and comes from</h3>' + arrowButtons(item);
  said += recordTable(item.record);
  if (!isMark(item) && DATA.b_last[item.bar] !== item.record &&
      !(DATA.b_flags[item.bar] & 2))
    said += recordTable(DATA.b_last[item.bar]);
  said += '<h3>records before and after, of all CPUs and threads</h3>' +
    nearRecords(item.record);
  DETAIL.innerHTML = said;
}

function listenToDetail(box) {
  box.addEventListener('click', event => {
    const button = event.target.closest('[data-record]');
    if (button)
      chooseRecord(Number(button.dataset.record), Number(button.dataset.lane));
  });
}

// Go to the other end of the first arrow of what is chosen.
function followArrow() {
  const arrow = VIEW.chosen.arrows[0];
  if (arrow === undefined)
    return;
  const other = otherEnd(VIEW.chosen, arrow);
  chooseRecord(other.record, other.lane);
}

// ---- legend and help ----------------------------------------------------------

// The kinds of bars that this trace has, in the order of the table.
function kindsHere() {
  const seen = new Set(DATA.b_kind);
  return SAID.bars.map((kind, i) => i).filter(i => seen.has(i) &&
    SAID.bars[i][3] !== 'thin');
}

// The bars that had not ended when the recording did, the oldest first: after a hang they say
// which thread holds what others wait for. A range has a bar in the lane of its address space
// as well; only that of the thread is listed.
function openAtTheEnd() {
  const found = [];
  for (let i = 0; i < DATA.b_flags.length; i++) {
    if (DATA.b_flags[i] & 2 && SAID.waited_for.includes(SAID.bars[DATA.b_kind[i]][0]) &&
        SAID.lanes[DATA.barLane[i]].group === 'Threads')
      found.push(i);
  }
  return found.sort((a, b) => DATA.b_begin[a] - DATA.b_begin[b]);
}

function openText() {
  const open = openAtTheEnd();
  if (!open.length)
    return '';
  return '<h3>not ended when the recording did</h3>' + open.slice(0, 12).map(bar =>
    '<p><button data-record="' + DATA.b_first[bar] + '">' +
      escaped(taskName(DATA.r_pid[DATA.b_first[bar]]) + ': ' + labelOf(bar)) + '</button>' +
      '<br><span class="soft">' + escaped(SAID.bars[DATA.b_kind[bar]][1]) + ', for ' +
      spanText(DATA.b_end[bar] - DATA.b_begin[bar]) + '</span></p>').join('') +
    (open.length > 12 ? '<p class="soft">and ' + (open.length - 12) + ' more</p>' : '');
}

function legendText() {
  const marks = new Set(DATA.m_kind), arrows = new Set(DATA.a_kind);
  return '<h2>What is what</h2><p class="soft">Time goes from left to right. Each line is ' +
    'a CPU, a thread, a page, or a part of the device. Click a bar to read what it is; ' +
    '<kbd>?</kbd> has the keys.</p>' + openText() + '<h3>bars</h3><div class="legend">' +
    kindsHere().map(i => '<canvas data-bar="' + i + '"></canvas><span title="' +
      escaped(SAID.bars[i][6]) + '">' + escaped(SAID.bars[i][1]) + '</span>').join('') +
    '</div><h3>marks</h3><div class="legend">' +
    SAID.marks.map((kind, i) => [kind, i]).filter(([kind, i]) => marks.has(i) &&
      kind[3] !== '·').map(([kind, i]) => '<canvas data-mark="' + i + '"></canvas>' +
      '<span title="' + escaped(kind[4]) + '">' + escaped(kind[1]) + '</span>').join('') +
    '</div><h3>arrows</h3><div class="legend">' +
    SAID.arrows.map((kind, i) => !arrows.has(i) ? '' : '<canvas data-arrow="' + i + '"></canvas><span title="' +
      escaped(kind[3]) + '">' + escaped(kind[1]) + (SAID.quiet.includes(kind[0])
        ? ' <span class="soft">(of what is chosen)</span>' : '') + '</span>').join('') +
    '</div><h3>this trace</h3>' + SAID.notes.map(line => '<p class="soft">' +
      escaped(line) + '</p>').join('');
}

function drawLegend() {
  for (const canvas of DETAIL.querySelectorAll('.legend canvas')) {
    const context = sized(canvas), {bar, mark, arrow} = canvas.dataset;
    context.font = FONT;
    context.textBaseline = 'middle';
    if (bar !== undefined)
      drawBar(context, Number(bar), 1, 53, 1, 15, 0, '');
    context.font = mark !== undefined && isRareMark(mark) ? BOLD : FONT;
    if (mark !== undefined)
      drawMark(context, Number(mark), 27, 9);
    if (arrow !== undefined) {
      const colour = COLOURS[SAID.arrows[arrow][2]];
      context.strokeStyle = context.fillStyle = colour;
      context.lineWidth = 1.5;
      context.beginPath();
      context.moveTo(8, 4);
      context.bezierCurveTo(24, 4, 26, 13, 42, 13);
      context.stroke();
      context.beginPath();
      context.moveTo(47, 13);
      context.lineTo(40, 9.5);
      context.lineTo(40, 16.5);
      context.fill();
    }
  }
}

function showHelp() {
  const box = document.getElementById('help-box');
  const keys = [['+ −  or  W S', 'zoom in and out; so does the wheel with Ctrl'],
    ['← →  or  A D', 'earlier and later; so does dragging, and the wheel with Shift'],
    ['0', 'the whole trace'], ['Home End', 'its beginning, its end'],
    ['↑ ↓', 'choose in the lane above or below, at the same time'],
    ['N P', 'the next and the previous bar or mark of the lane'],
    ['Enter', 'zoom to what is chosen and to the other end of its arrow; so does a double ' +
      'click'],
    ['F', 'follow the arrow of what is chosen'],
    ['/', 'find an address (0x18000), an event, a thread, words of the legend or a sign ' +
      '(✗); Enter: the next one'],
    ['L', 'show only lanes with these letters in their name'],
    ['T', 'light or dark'], ['Esc', 'choose nothing; show the legend'],
    ['Page Up, Page Down', 'scroll the lanes'], ['?', 'this help']];
  box.innerHTML = '<h2>How to read this page</h2>' +
    '<p>A <b>CPU</b> shows which thread it runs. A <b>thread</b> shows what it is in the ' +
    'middle of: a call, below it the range by which the change is announced, below that ' +
    'the callback that makes the device let go. The thin line on top says when the thread ' +
    'has a CPU; where it is missing, the thread waits.</p>' +
    '<p>An <b>address space</b> shows its open ranges, the read sections of each ' +
    'subscription, and its pages. A page has two lines: what a CPU may do by the entry, ' +
    'and below it what the device may do by its own translation. Outside an open range the ' +
    'two agree: while a page is exclusive to the device, no CPU has it.</p>' +
    '<p>The <b>device</b> shows its page requests, its works, and each of its threads.</p>' +
    '<p>Why did the device have to retry? Find a ✗, by <kbd>/</kbd> and the word ' +
    '<i>collided</i>: the section that collided. Its arrow comes from the callback that ' +
    'stored another number meanwhile; <kbd>F</kbd> goes there. The change need not be of ' +
    'the page that was looked up: it lies in the interval of the subscription.</p>' +
    '<p>What does a machine that hangs wait for? <kbd>Esc</kbd> shows the legend; it begins ' +
    'with what had not ended when the recording did, the oldest first.</p>' +
    '<p>Zoomed out, many bars share a pixel: the fuller it is, the darker it is. Rare marks ' +
    '(✗ ↺ ⊘) are drawn at every zoom.</p>' +
    '<table>' + keys.map(([key, does]) => '<tr><th><kbd>' + key + '</kbd></th><td>' + does +
      '</td></tr>').join('') + '</table><p><button id="help-close">Close (Esc)</button></p>';
  box.showModal();
  document.getElementById('help-close').onclick = () => box.close();
}

// steps.js - a race: its two columns, and where each step is in the trace

const STEPS = SAID.steps;

function showSteps() {
  if (!STEPS)
    return;
  const box = document.getElementById('steps');
  box.hidden = false;
  box.innerHTML = '<h2>' + escaped(STEPS.title) + '</h2>' + (STEPS.drawing
    ? '<h3>as it is drawn in ' + escaped(STEPS.where) + '</h3><pre>' +
      escaped(STEPS.drawing) + '</pre>' : '') + '<h3>as it was recorded</h3><ol>' +
    STEPS.steps.map((step, i) => '<li class="' + (step.column ? 'right' : '') + '"><button ' +
      'data-record="' + step.record + '"><span class="badge">' + (i + 1) + '</span><span>' +
      escaped(step.says) + '<br><span class="soft">' + escaped(eventOf(step.record).name +
        (i ? ', ' + spanText(DATA.r_at[step.record] - DATA.r_at[STEPS.steps[i - 1].record]) +
          ' later' : '')) + '</span></span></button></li>').join('') + '</ol>' +
    '<p class="soft">Test: <code>' + escaped(STEPS.test) + '</code>. ' +
    'Click a step to see it.</p>';
  listenToDetail(box);
  for (const step of STEPS.steps) {
    const item = itemOf(step.record);
    if (item)
      SAID.lanes[item.lane].kept = true;
  }
}

function lookAtSteps() {
  const times = STEPS.steps.map(step => DATA.r_at[step.record]);
  const begin = Math.min(...times), end = Math.max(...times);
  const span = Math.max(end - begin, 2000);
  look(begin - span * 0.12, end + span * 0.12);
  const first = itemOf(STEPS.steps[0].record);
  if (first)
    scrollTo(first.lane);
}

// A number at each step's record; beside the one before if that is at the same place.
function drawSteps(context) {
  if (!STEPS)
    return;
  const drawn = VIEW.numbers = [];
  STEPS.steps.forEach((step, i) => {
    const item = itemOf(step.record);
    const box = item && rowBox(SAID.lanes[item.lane], item.row);
    let x = xOf(DATA.r_at[step.record]);
    if (!box || x < GUTTER || x > VIEW.width)
      return;
    const y = box.top - VIEW.top + RULER + box.height / 2;
    for (const [otherX, otherY] of drawn) {
      if (otherY === y && Math.abs(x - otherX) < 19)
        x = otherX + 19;
    }
    drawn.push([x, y]);
    context.fillStyle = COLOURS.back;
    context.beginPath();
    context.arc(x, y, 9.5, 0, 7);
    context.fill();
    context.fillStyle = COLOURS.text;
    context.beginPath();
    context.arc(x, y, 8, 0, 7);
    context.fill();
    context.fillStyle = COLOURS.back;
    context.font = '600 ' + FONT;
    const text = String(i + 1);
    context.fillText(text, x - context.measureText(text).width / 2, y + 0.5);
    context.font = FONT;
  });
}

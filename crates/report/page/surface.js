// A canvas that follows the size of its place and the screen's pixels, and the axis of time on it.

// `height` is in CSS pixels; `draw(pen, width, height)` too.
function surface(canvas, height, draw) {
  const pen = canvas.getContext("2d");
  canvas.style.height = `${height}px`;
  let width = 0;

  function redraw() {
    if (width === 0) return;
    const scale = window.devicePixelRatio || 1;
    const [across, down] = [Math.round(width * scale), Math.round(height * scale)];
    if (canvas.width !== across || canvas.height !== down) {
      canvas.width = across;
      canvas.height = down;
    }
    pen.setTransform(scale, 0, 0, scale, 0, 0);
    pen.clearRect(0, 0, width, height);
    pen.font = FONT;
    pen.textBaseline = "middle";
    draw(pen, width, height);
  }

  new ResizeObserver(() => {
    width = canvas.clientWidth;
    redraw();
  }).observe(canvas);
  view.watch(redraw);
}

// Names of lanes stand left of the time; less so on a phone.
function gutter(width) {
  return width < 600 ? 58 : 112;
}

// Moments to places and back.
function scaleOfTime(from, to, left, right) {
  const perMoment = (right - left) / (to - from);
  return {
    from,
    to,
    left,
    right,
    x: (moment) => left + (moment - from) * perMoment,
    moment: (x) => from + (x - left) / perMoment,
  };
}

// The step between ticks: 1, 2 or 5 of a power of ten, so that labels have room.
function tickStep(scale, room = 90) {
  const least = ((scale.to - scale.from) / (scale.right - scale.left)) * room;
  const power = 10 ** Math.floor(Math.log10(least));
  return [1, 2, 5, 10].map((times) => times * power).find((step) => step >= least);
}

function drawTicks(pen, scale, labelAt, top, bottom) {
  const step = tickStep(scale);
  const digits = Math.max(0, Math.ceil(-Math.log10(step / SECOND) - 1e-9));
  pen.textAlign = "center";
  for (let tick = Math.ceil(scale.from / step) * step; tick <= scale.to; tick += step) {
    const x = Math.round(scale.x(tick)) + 0.5;
    pen.fillStyle = paint.rule;
    pen.fillRect(x - 0.5, top, 1, bottom - top);
    if (labelAt === null || x > scale.right - 20) continue;
    pen.fillStyle = paint.muted;
    pen.fillText(seconds(tick, digits), x, labelAt);
  }
  pen.textAlign = "left";
}

// Writes no more than fits; nothing rather than a stump.
function writeWithin(pen, text, x, y, room) {
  if (room < 14) return;
  if (pen.measureText(text).width <= room) {
    pen.fillText(text, x, y);
    return;
  }
  let length = Math.floor((room / pen.measureText(text).width) * text.length) - 1;
  if (length >= 2) pen.fillText(`${text.slice(0, length)}…`, x, y);
}

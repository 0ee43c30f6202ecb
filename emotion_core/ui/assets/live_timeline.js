// The last minute of each person as lines that scroll between two updates from the server.
// data: {now, span, running, colours: {expression: "#RRGGBB"}, people: [{name, times, probs}]}
const ROW = 132, HEAD = 22, LEFT = 42, FOOT = 20, BAND = 6;
// Readings arrive about once a second: drawing a little in the past hides the gap at the right edge.
const DELAY_S = 1.2;

export default function ({ data, parentElement }) {
  const canvas = parentElement.querySelector("canvas");
  const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  const received = performance.now();
  let timer = 0;

  const now = () => {
    const passed = data.running && !still ? (performance.now() - received) / 1000 : 0;
    return data.now + Math.min(passed, 3) - (data.running && !still ? DELAY_S : 0);
  };

  const draw = () => {
    const width = canvas.parentElement.clientWidth || 600;
    const height = Math.max(1, data.people.length) * ROW + FOOT;
    const scale = window.devicePixelRatio || 1;
    if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
      canvas.width = Math.round(width * scale);
      canvas.height = Math.round(height * scale);
      canvas.style.height = `${height}px`;
    }
    const pen = canvas.getContext("2d");
    pen.setTransform(scale, 0, 0, scale, 0, 0);
    pen.clearRect(0, 0, width, height);
    const style = getComputedStyle(canvas);
    const end = now();
    const x = (time) => LEFT + (width - LEFT - 4) * (1 - (end - time) / data.span);
    data.people.forEach((person, i) => drawPerson(pen, person, i * ROW, x, width, style));
    drawSeconds(pen, height, width, x, end, style);
  };

  const drawPerson = (pen, person, top, x, width, style) => {
    const base = top + ROW - BAND - 6, high = base - top - HEAD;
    pen.font = `600 13px ${style.fontFamily}`;
    pen.fillStyle = style.color;
    pen.globalAlpha = 1;
    pen.fillText(person.name, LEFT, top + 15);
    pen.font = `11px ${style.fontFamily}`;
    pen.textAlign = "right";
    for (const share of [0, 0.5, 1]) {
      const y = base - share * high;
      pen.globalAlpha = 0.65;
      pen.fillText(`${share * 100}%`, LEFT - 6, y + 4);
      pen.globalAlpha = 0.18;
      pen.fillRect(LEFT, y, width - LEFT - 4, 1);
    }
    pen.textAlign = "left";
    pen.globalAlpha = 1;
    pen.save();
    pen.beginPath();
    pen.rect(LEFT, top, width - LEFT - 4, ROW);
    pen.clip();
    Object.values(data.colours).forEach((colour, k) => {
      pen.strokeStyle = colour;
      pen.lineWidth = 2;
      pen.lineJoin = "round";
      pen.beginPath();
      person.times.forEach((time, i) => {
        // A gap of more than a second is a gap in the picture too, not a bridge.
        const broken = i === 0 || time - person.times[i - 1] > 1;
        pen[broken ? "moveTo" : "lineTo"](x(time), base - person.probs[i][k] * high);
      });
      pen.stroke();
    });
    drawBand(pen, person, x, base + 4);
    pen.restore();
  };

  const drawBand = (pen, person, x, y) => {
    const colours = Object.values(data.colours);
    person.times.forEach((time, i) => {
      const next = person.times[i + 1] ?? time + 0.25;
      if (next - time > 1) return;
      const row = person.probs[i];
      pen.fillStyle = colours[row.indexOf(Math.max(...row))];
      pen.fillRect(x(time), y, x(next) - x(time) + 0.6, BAND);
    });
  };

  const drawSeconds = (pen, height, width, x, end, style) => {
    pen.font = `11px ${style.fontFamily}`;
    pen.fillStyle = style.color;
    pen.globalAlpha = 0.65;
    pen.textAlign = "center";
    for (let ago = 0; ago <= data.span; ago += 15) {
      const at = Math.min(width - 16, Math.max(LEFT + 14, x(end - ago)));
      pen.fillText(ago ? `−${ago} s` : "now", at, height - 4);
    }
    pen.textAlign = "left";
    pen.globalAlpha = 1;
  };

  draw();
  // Fifteen pictures a second look smooth at this speed and leave the processor to the video.
  if (data.running && !still) timer = setInterval(draw, 66);
  const resized = new ResizeObserver(draw);
  resized.observe(canvas.parentElement);
  canvas.setAttribute("aria-label", data.alt);
  // For checks in a browser: how much the chart holds.
  canvas.dataset.points = data.people.reduce((n, p) => n + p.times.length, 0);
  return () => {
    clearInterval(timer);
    resized.disconnect();
  };
}

// The video page's player and its charts: a line in every chart stands where the video stands, a
// click in a chart moves the video, and the button marks the moment shown. st.video can do none.
const DRAWN_TWICE_MS = 3000
const done = new Map()
// The place that was asked for last, and the player that was moved there.
let wanted = null
let leave = () => {}

const player = () => document.querySelector('.st-key-player video')

// Streamlit makes a widget's key a class, other letters replaced.
const hostOf = (chart) => {
  const name = `st-key-${chart.key.trim().replace(/[^a-zA-Z0-9_-]/g, '-')}`
  const found = document.getElementsByClassName(name)[0]
  return found?.querySelector('[data-testid=stVegaLiteChart]')
}

// The frame around the marks, without axes and legend.
const plotOf = (host) =>
  host.querySelector('svg .role-frame.root path.background')?.getBoundingClientRect()

const words = (seconds) => {
  const rest = (seconds % 60).toFixed(2).padStart(5, '0')
  return `${Math.floor(seconds / 60)}:${rest}`
}

const newLine = () => {
  const line = document.createElement('div')
  line.className = 'lab-playhead'
  line.style.cssText = 'position:absolute;width:2px;margin-left:-1px;background:currentColor;' +
    'pointer-events:none;z-index:2;box-shadow:0 0 3px #8888'
  return line
}

const place = (line, chart, time) => {
  const host = hostOf(chart)
  const plot = host && plotOf(host)
  const share = (time - chart.from) / (chart.to - chart.from)
  if (!plot || !(share >= 0 && share <= 1)) { line.remove(); return }
  if (line.parentElement !== host) { host.style.position = 'relative'; host.append(line) }
  const box = host.getBoundingClientRect()
  line.style.left = `${plot.left - box.left + share * plot.width}px`
  line.style.top = `${plot.top - box.top}px`
  line.style.height = `${plot.height}px`
}

// Moves the video to the place of a click; a drag, which selects a stretch, is none.
const followClicks = (data) => {
  let pressed = null
  const down = (event) => { pressed = event.isPrimary && event.button === 0 ? event : null }
  const up = (event) => {
    const still = pressed && Math.hypot(event.x - pressed.x, event.y - pressed.y) < 4
    const chart = still && data.charts.find((c) => hostOf(c)?.contains(event.target))
    const plot = chart && plotOf(hostOf(chart))
    const inside = plot && event.x >= plot.left && event.x <= plot.right &&
      event.y >= plot.top && event.y <= plot.bottom
    if (!inside || !player()) return
    wanted = null
    const time = chart.from + (event.x - plot.left) / plot.width * (chart.to - chart.from)
    player().currentTime = Math.max(0, time - data.origin)
  }
  // Before the charts, which keep some of these to themselves.
  document.addEventListener('pointerdown', down, true)
  document.addEventListener('pointerup', up, true)
  return () => {
    document.removeEventListener('pointerdown', down, true)
    document.removeEventListener('pointerup', up, true)
  }
}

const seekOnce = (data) => {
  if (data.nonce === 0 || done.get(data.clip) === data.nonce) return
  done.set(data.clip, data.nonce)
  wanted = { clip: data.clip, at: data.at, video: null, until: 0 }
}

// Called again and again: on a busy computer the player appears seconds after this script, and where
// a rerun draws it twice, the second one has forgotten its place.
const moveTo = (data, video) => {
  if (!wanted) return
  const over = wanted.video && performance.now() > wanted.until
  if (over || wanted.clip !== data.clip) wanted = null
  // A time that is set before the length is known is forgotten, too.
  else if (wanted.video !== video && video.readyState) {
    video.currentTime = wanted.at
    wanted = { ...wanted, video, until: performance.now() + DRAWN_TWICE_MS }
  }
}

// Streamlit's own autoplay is lost where a rerun draws the player twice. Who asked the system for
// less motion starts the clip by hand.
const stillness = matchMedia('(prefers-reduced-motion: reduce)')
const begun = new Set()
const beginOnce = (data, video) => {
  if (!data.autoplay || begun.has(data.clip)) return
  const pausedByHand = video.paused && video.played.length > 0
  if (stillness.matches || pausedByHand || video.currentTime > 1) begun.add(data.clip)
  else if (video.paused && video.readyState > 1) {
    video.muted = true
    video.play().catch((error) => { if (error.name !== 'AbortError') begun.add(data.clip) })
  }
}

export default function ({ data, parentElement, setTriggerValue }) {
  leave()
  seekOnce(data)
  const button = parentElement.querySelector('button')
  button.hidden = !data.canMark
  button.onclick = () => { if (player()) setTriggerValue('mark', player().currentTime) }
  const clock = parentElement.querySelector('.clock')
  const lines = data.charts.map(newLine)
  let next = 0
  const tick = () => {
    if (player()) {
      moveTo(data, player())
      beginOnce(data, player())
      const time = player().currentTime + data.origin
      clock.textContent = words(time)
      data.charts.forEach((chart, i) => place(lines[i], chart, time))
    }
    next = requestAnimationFrame(tick)
  }
  tick()
  const unfollow = followClicks(data)
  const stop = () => {
    cancelAnimationFrame(next)
    unfollow()
    lines.forEach((line) => line.remove())
    if (leave === stop) leave = () => {}
  }
  leave = stop
  return stop
}

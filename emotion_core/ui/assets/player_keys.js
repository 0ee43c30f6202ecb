// Keys that work while the video in the container "player" is on the page: the page's own keys, and
// those of the player. See emotion_core/ui/common/keys.py, which describes the contract.
const FIELDS = 'input:not([type=checkbox]):not([type=radio]):not([type=range]), textarea, select,' +
  '[contenteditable=""], [contenteditable=true], [role=combobox], [role=listbox], [role=menu],' +
  '[role=dialog], [data-testid=stDataFrame], [data-testid=stDataFrameResizable]'
const BUTTONS = 'button, a, summary, [role=button], [role=tab], input'
const RETRY_MS = 4000

// key of a bar → its presses that the server has not confirmed, oldest first
const queues = new Map()
// The playback rate that was chosen, of every player to come.
let rate = 1
// the bar and the player that were begun last
let begun = { id: null, video: null, source: '', time: null }
// Whether the focus was moved by keys: the space bar then presses the button that has it.
let tabbed = false
let leave = () => {}

const player = () => document.querySelector('.st-key-player video')

const words = (seconds) => {
  const rest = (seconds % 60).toFixed(2).padStart(5, '0')
  return `${Math.floor(seconds / 60)}:${rest}`
}

// Survives a reload of the page and the end of the tab; a browser may forbid it.
const stored = (id) => `emotion-lab-keys-${id}`
const recall = (id) => {
  try { return JSON.parse(localStorage.getItem(stored(id))) ?? [] } catch { return [] }
}
// Another tab may wait with presses of the same bar: its own stay, unless they were handled.
const store = (id, handled = new Set()) => {
  const mine = queues.get(id), known = new Set([...mine.map((press) => press.id), ...handled])
  const waiting = [...recall(id).filter((press) => !known.has(press.id)), ...mine]
  try {
    if (waiting.length) localStorage.setItem(stored(id), JSON.stringify(waiting))
    else localStorage.removeItem(stored(id))
  } catch { /* no store */ }
}

const newId = () => Array.from(
  crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, '0')
).join('')

// "1", "shift+1", "x", ",": digits by their place, so that all keyboards have them without Shift.
const nameOf = (event) => {
  const digit = /^(?:Digit|Numpad)([0-9])$/.exec(event.code)
  // A keypad without Num Lock sends arrows.
  if (digit && (event.code[0] === 'D' || event.key === digit[1])) {
    return `${event.shiftKey ? 'shift+' : ''}${digit[1]}`
  }
  const key = event.key === ' ' ? 'space' : event.key.toLowerCase()
  return event.shiftKey && /^[a-z]$/.test(key) ? `shift+${key}` : key
}

const within = (event, selector) => event.composedPath().some((e) => e.matches?.(selector))

const isTyping = () => {
  let focus = document.activeElement
  while (focus?.shadowRoot?.activeElement) focus = focus.shadowRoot.activeElement
  return Boolean(focus?.closest?.(FIELDS))
}

const newChip = (binding) => {
  const chip = document.createElement('button')
  chip.type = 'button'
  chip.dataset.key = binding.key
  chip.style.setProperty('--mark', binding.colour || 'currentColor')
  const cap = document.createElement('kbd')
  cap.textContent = binding.cap || binding.key
  const label = document.createElement('span')
  label.textContent = binding.label
  const since = document.createElement('span')
  since.className = 'since'
  chip.append(cap, label, since)
  return chip
}

const newHead = (words) => {
  const head = document.createElement('span')
  head.className = 'head'
  head.textContent = words
  return head
}

// Written only where it differs: this is asked for with every frame.
const show = (element, text) => {
  if (element.textContent !== text) element.textContent = text
}

// Drawn again only where something changed: a button in use keeps its focus.
const drawChips = (place, bindings) => {
  const look = JSON.stringify(
    bindings.map(({ key, cap, label, colour, row }) => [key, cap, label, colour, row]))
  if (place.dataset.look !== look) {
    place.dataset.look = look
    place.replaceChildren(...bindings.flatMap(
      (binding) => [...(binding.row ? [newHead(binding.row)] : []), newChip(binding)]))
  }
  const chips = place.querySelectorAll('button')
  bindings.forEach((binding, i) => {
    const chip = chips[i], running = binding.since !== null
    chip.classList.toggle('running', running)
    if (binding.holds) chip.setAttribute('aria-pressed', String(running))
    else chip.removeAttribute('aria-pressed')
    chip.querySelector('.since').textContent = running ? `since ${words(binding.since)}` : ''
  })
}

// Where a time is on the strip, in percent.
const percent = ([from, to], time) => 100 * Math.min(Math.max((time - from) / (to - from), 0), 1)

// What was coded in the span, drawn again only where it changed.
const drawStrip = (strip, data) => {
  strip.hidden = !data.span || !data.strip
  const look = JSON.stringify([data.span, data.strip])
  if (strip.hidden || strip.dataset.look === look) return
  strip.dataset.look = look
  strip.querySelector('.pieces').replaceChildren(...data.strip.map((piece) => {
    const part = document.createElement('span')
    part.className = piece.to === null ? 'piece open' : piece.to > piece.from ? 'piece' : 'piece moment'
    part.title = piece.label
    part.dataset.from = piece.from
    part.style.setProperty('--mark', piece.colour || 'currentColor')
    const left = percent(data.span, piece.from)
    part.style.left = `${left}%`
    if (piece.to > piece.from) part.style.width = `${percent(data.span, piece.to) - left}%`
    return part
  }))
}

// The line at the time shown, and the end of what lasts.
const moveStrip = (strip, data, time) => {
  if (strip.hidden) return
  const now = percent(data.span, time)
  strip.querySelector('.head-line').style.left = `${now}%`
  for (const part of strip.querySelectorAll('.open')) {
    part.style.width = `${Math.max(0, now - percent(data.span, Number(part.dataset.from)))}%`
  }
}

// The time of the frame that is shown, exact where the browser tells it.
class Clock {
  video = null
  shown = null
  frameS = 0.04

  follow (video) {
    if (video === this.video) return
    this.video = video
    this.shown = null
    const note = (_, frame) => {
      if (video !== this.video) return
      this.shown = frame.mediaTime
      video.requestVideoFrameCallback(note)
    }
    video.requestVideoFrameCallback?.(note)
  }

  now () {
    const time = this.video.currentTime
    const known = this.video.paused && !this.video.seeking && this.shown !== null
    return known && Math.abs(this.shown - time) < 2 * this.frameS ? this.shown : time
  }
}
// Outlives a run of the page: a paused video tells of its frame only once.
const clock = new Clock()

// Whether the end of the span was told, until the player leaves it: what is pressed there counts.
let toldEnd = false
// Keeps the video inside the span; at its end it begins again, or waits.
const keepInside = (data, video, atEnd) => {
  if (!data.span || video.seeking || video.readyState < 1) return
  const [from, to] = data.span
  if (video.currentTime < from - 0.05) video.currentTime = from
  if (video.currentTime < to - 1e-3 && !video.ended) { toldEnd = false; return }
  if ((!video.paused || video.ended) && !toldEnd) { toldEnd = true; atEnd(to) }
  if (data.loop && (!video.paused || video.ended)) {
    video.currentTime = from
    video.play().catch(() => {})
    return
  }
  if (!video.paused) video.pause()
  // The last frame of the span, not the first one after it.
  if (video.currentTime > to + 0.05) video.currentTime = Math.max(from, to - data.frameS / 2)
}

// What is outside of the span is not shown, nor how long the video is.
const hideRest = (data, video) => {
  if (!data.span) return
  const [from, to] = data.span
  if (video.controls) {
    video.controls = false
    video.disablePictureInPicture = true
    video.preload = 'auto'
    video.oncontextmenu = (event) => event.preventDefault()
  }
  const inside = video.readyState > 0 &&
    video.currentTime >= from - 0.05 && video.currentTime <= to + 0.05
  // Chromium decodes nothing for a video whose visibility is hidden, and a seek may never end.
  video.style.opacity = inside && !(video.seeking && !video.dataset.shown) ? '' : '0'
  if (inside && !video.seeking) video.dataset.shown = '1'
}

const beginOnce = (data, video) => {
  const source = video.currentSrc || video.src
  if (begun.id === data.id && begun.video === video && begun.source === source) {
    if (video.readyState > 1 && !video.seeking) begun.time = video.currentTime
    return
  }
  // st.video goes to its own start once the length is known: wait for its first picture. Browsers
  // that load none without being asked wait for a moment only.
  if (begun.waiting !== source) Object.assign(begun, { waiting: source, since: performance.now() })
  const patience = performance.now() - begun.since < 800
  if (video.readyState < 1 || (patience && (video.readyState < 2 || video.seeking))) return
  // The same clip at another address: the server was started again in the meantime.
  const last = begun.id === data.id ? begun.time : null
  begun = { id: data.id, video, source, time: last }
  if (data.span) video.pause()
  delete video.dataset.shown
  if (data.speeds.includes(rate)) video.playbackRate = rate
  const [from, to] = data.span ?? [0, 0]
  if (data.span) video.currentTime = Math.min(Math.max(last ?? data.at ?? from, from), to)
  else if (last !== null) video.currentTime = last
}

// Chromium now and then forgets a seek that comes while it loads the first picture: ask again.
let stuckSince = null
const seekAgain = (data, video) => {
  if (!video.seeking || video.readyState !== 1) { stuckSince = null; return }
  stuckSince ??= performance.now()
  if (performance.now() - stuckSince < 1000) return
  stuckSince = null
  const [from, to] = data.span ?? [0, Infinity]
  const target = begun.time ?? data.at ?? from
  // A little further on: a seek to the same place may be taken for the one that is forgotten.
  video.currentTime = Math.min(Math.max(target, video.currentTime, from) + 0.01, to)
}

export default function ({ data, parentElement, setStateValue }) {
  leave()
  const find = (selector) => parentElement.querySelector(selector)
  clock.frameS = data.frameS
  if (!queues.has(data.id)) queues.set(data.id, recall(data.id))
  const handled = new Set(data.handled)
  const queue = queues.get(data.id).filter((press) => !handled.has(press.id))
  queues.set(data.id, queue)
  store(data.id, handled)
  // A server that was started again gets its presses named so: of those that an earlier one was
  // sent, only the ones that it did not confirm.
  const send = () => {
    if (queue.length) setStateValue('presses', { server: data.server, items: [...queue] })
  }

  const press = (key, time = null) => {
    if (!player()) return
    clock.follow(player())
    queue.push({ id: newId(), key, time: time ?? clock.now() })
    store(data.id)
    send()
    tell()
  }

  const step = (frames) => {
    const video = player()
    if (!video) return
    clock.follow(video)
    video.pause()
    // A little inside the frame: a time on the border of two may show either.
    const target = clock.now() + (frames + 0.25) * data.frameS
    const [from, to] = data.span ?? [0, video.duration || Infinity]
    video.currentTime = Math.min(Math.max(target, from), Math.max(from, to - data.frameS / 2))
  }
  const toggle = () => {
    const video = player()
    if (!video) return
    if (!video.paused) { video.pause(); return }
    if (data.span && video.currentTime >= data.span[1] - data.frameS) {
      atEnd(data.span[1])
      video.currentTime = data.span[0]
    }
    video.play().catch(() => {})
  }
  const speed = (steps) => {
    const all = data.speeds, video = player()
    if (!video) return
    const at = Math.max(0, all.indexOf(video.playbackRate))
    // The button goes round, the keys stop at the ends.
    const next = steps === 0 ? (at + all.length - 1) % all.length
      : Math.min(Math.max(at + steps, 0), all.length - 1)
    rate = all[next]
    video.playbackRate = rate
  }

  const own = {
    'space': toggle, ',': () => step(-1), '.': () => step(1), '<': () => speed(-1),
    '>': () => speed(1)
  }
  const undo = () => { if (data.canUndo || queue.length) press('undo') }
  // Each key, and its further names → the key that is told.
  const known = new Map(data.bindings.flatMap(
    (binding) => [binding.key, ...binding.also].map((name) => [name, binding.key])))
  // Nothing lasts from the end of the span to its start.
  const atEnd = (time) => {
    const lasts = data.bindings.some((binding) => binding.since !== null) || queue.length > 0
    if (data.endKey && lasts && queue.at(-1)?.key !== data.endKey) press(data.endKey, time)
  }

  const onKey = (event) => {
    if (event.key === 'Tab') tabbed = true
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return
    if (!player() || within(event, FIELDS)) return
    const name = nameOf(event)
    const isUndo = !known.has(name) && (name === 'backspace' || name === 'u')
    const act = known.has(name) ? () => press(known.get(name)) : isUndo ? undo : own[name]
    if (!act || (name === 'space' && tabbed && within(event, BUTTONS))) return
    event.preventDefault()
    event.stopImmediatePropagation()
    // Held down, only the steps go on.
    if (!event.repeat || name === ',' || name === '.') act()
  }

  const tell = () => show(find('.told'), queue.length ? 'Saving …' : data.told)

  const acts = {
    back: () => step(-1), play: toggle, ahead: () => step(1), speed: () => speed(0), undo
  }
  const onClick = (event) => {
    const button = event.composedPath().find((e) => e.matches?.('button'))
    if (!button) return
    if (button.dataset.key) press(button.dataset.key)
    else acts[button.dataset.act]?.()
  }

  const problem = (video) => {
    if (video.error) return 'This browser cannot play this video.'
    return isTyping() ? 'Keys are off while a field has the focus. Click the video.' : ''
  }
  let next = 0
  const tick = () => {
    const video = player()
    if (video) {
      clock.follow(video)
      beginOnce(data, video)
      seekAgain(data, video)
      keepInside(data, video, atEnd)
      hideRest(data, video)
      moveStrip(strip, data, clock.now())
      // A frame that begins a little before the span is its first one.
      show(find('.clock'), words(Math.max(0, clock.now() + data.origin)))
      show(find('[data-act=play]'), video.paused ? 'Play' : 'Pause')
      show(find('[data-act=speed]'), `${video.playbackRate}×`)
      show(find('.hint'), problem(video))
    }
    next = requestAnimationFrame(tick)
  }

  const strip = find('.strip')
  const seek = (event) => {
    const box = strip.getBoundingClientRect(), video = player()
    if (!video || !data.span || box.width === 0) return
    const [from, to] = data.span
    const share = Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1)
    video.currentTime = Math.min(from + share * (to - from), Math.max(from, to - data.frameS / 2))
  }
  drawStrip(strip, data)
  drawChips(find('.keys'), data.bindings)
  find('[data-act=undo]').disabled = !data.canUndo
  tell()
  tick()
  document.addEventListener('keydown', onKey, true)
  const onPointer = () => { tabbed = false }
  document.addEventListener('pointerdown', onPointer, true)
  const bar = find('.bar'), chips = find('.keys')
  bar.addEventListener('click', onClick)
  chips.addEventListener('click', onClick)
  strip.addEventListener('click', seek)
  // What an earlier page or a lost connection left; the server takes each press once.
  const first = setTimeout(send, 300)
  const retry = setInterval(send, RETRY_MS)
  const stop = () => {
    cancelAnimationFrame(next)
    clearTimeout(first)
    clearInterval(retry)
    document.removeEventListener('keydown', onKey, true)
    document.removeEventListener('pointerdown', onPointer, true)
    bar.removeEventListener('click', onClick)
    chips.removeEventListener('click', onClick)
    strip.removeEventListener('click', seek)
    if (leave === stop) leave = () => {}
  }
  leave = stop
  return stop
}

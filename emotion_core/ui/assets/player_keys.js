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
let begun = { id: null, video: null }
let leave = () => {}

const player = () => document.querySelector('.st-key-player video')

const words = (seconds) => {
  const rest = (seconds % 60).toFixed(2).padStart(5, '0')
  return `${Math.floor(seconds / 60)}:${rest}`
}

// Survives a reload of the page; a browser may forbid it.
const stored = (id) => `emotion-lab-keys-${id}`
const recall = (id) => {
  try { return JSON.parse(sessionStorage.getItem(stored(id))) ?? [] } catch { return [] }
}
const store = (id) => {
  try { sessionStorage.setItem(stored(id), JSON.stringify(queues.get(id))) } catch { /* no store */ }
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

// Drawn again only where something changed: a button in use keeps its focus.
const drawChips = (place, bindings) => {
  const look = JSON.stringify(bindings.map(({ key, cap, label, colour }) => [key, cap, label, colour]))
  if (place.dataset.look !== look) {
    place.dataset.look = look
    place.replaceChildren(...bindings.map(newChip))
  }
  bindings.forEach((binding, i) => {
    const chip = place.children[i], running = binding.since !== null
    chip.classList.toggle('running', running)
    if (binding.holds) chip.setAttribute('aria-pressed', String(running))
    else chip.removeAttribute('aria-pressed')
    chip.querySelector('.since').textContent = running ? `since ${words(binding.since)}` : ''
  })
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

// Keeps the video inside the span; at its end it begins again, or waits.
const keepInside = (data, video) => {
  if (!data.span || video.seeking) return
  const [from, to] = data.span
  if (video.currentTime < from - 0.05) video.currentTime = from
  if (video.currentTime < to - 1e-3) return
  if (data.loop && !video.paused) { video.currentTime = from; return }
  if (!video.paused) video.pause()
  // The last frame of the span, not the first one after it.
  if (video.currentTime > to + 0.05) video.currentTime = Math.max(from, to - data.frameS / 2)
}

const beginOnce = (data, video) => {
  if (begun.id === data.id && begun.video === video) return
  begun = { id: data.id, video }
  if (data.speeds.includes(rate)) video.playbackRate = rate
  const [from, to] = data.span ?? [0, 0]
  if (data.span && !(video.currentTime >= from && video.currentTime < to)) video.currentTime = from
}

export default function ({ data, parentElement, setStateValue }) {
  leave()
  const find = (selector) => parentElement.querySelector(selector)
  clock.frameS = data.frameS
  if (!queues.has(data.id)) queues.set(data.id, recall(data.id))
  const handled = new Set(data.handled)
  const queue = queues.get(data.id).filter((press) => !handled.has(press.id))
  queues.set(data.id, queue)
  store(data.id)
  const send = () => { if (queue.length) setStateValue('presses', [...queue]) }

  const press = (key) => {
    if (!player()) return
    clock.follow(player())
    queue.push({ id: newId(), key, time: clock.now() })
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
    if (data.span && video.currentTime >= data.span[1] - data.frameS) video.currentTime = data.span[0]
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
  const known = new Set(data.bindings.map((binding) => binding.key))

  const onKey = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return
    if (!player() || within(event, FIELDS)) return
    const name = nameOf(event)
    const isUndo = !known.has(name) && (name === 'backspace' || name === 'u')
    const act = known.has(name) ? () => press(name) : isUndo ? undo : own[name]
    // The space bar presses the button that has the focus, as everywhere.
    if (!act || (name === 'space' && within(event, BUTTONS))) return
    event.preventDefault()
    event.stopImmediatePropagation()
    // Held down, only the steps go on.
    if (!event.repeat || name === ',' || name === '.') act()
  }

  const tell = () => {
    const told = find('.told')
    const text = queue.length ? 'Saving …' : data.told
    if (told.textContent !== text) told.textContent = text
  }

  const acts = {
    back: () => step(-1), play: toggle, ahead: () => step(1), speed: () => speed(0), undo
  }
  const onClick = (event) => {
    const button = event.composedPath().find((e) => e.matches?.('button'))
    if (!button) return
    if (button.dataset.key) press(button.dataset.key)
    else acts[button.dataset.act]?.()
    // After a click the space bar belongs to the player again.
    if (event.detail > 0) button.blur()
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
      keepInside(data, video)
      find('.clock').textContent = words(clock.now() + data.origin)
      find('[data-act=play]').textContent = video.paused ? 'Play' : 'Pause'
      find('[data-act=speed]').textContent = `${video.playbackRate}×`
      const wrong = problem(video), hint = find('.hint')
      if (hint.textContent !== wrong) hint.textContent = wrong
    }
    next = requestAnimationFrame(tick)
  }

  drawChips(find('.keys'), data.bindings)
  find('[data-act=undo]').disabled = !data.canUndo
  find('[data-act=speed]').hidden = data.speeds.length < 2
  tell()
  tick()
  document.addEventListener('keydown', onKey, true)
  const bar = find('.bar'), chips = find('.keys')
  bar.addEventListener('click', onClick)
  chips.addEventListener('click', onClick)
  // What an earlier page or a lost connection left; the server takes each press once.
  const first = setTimeout(send, 300)
  const retry = setInterval(send, RETRY_MS)
  const stop = () => {
    cancelAnimationFrame(next)
    clearTimeout(first)
    clearInterval(retry)
    document.removeEventListener('keydown', onKey, true)
    bar.removeEventListener('click', onClick)
    chips.removeEventListener('click', onClick)
    if (leave === stop) leave = () => {}
  }
  leave = stop
  return stop
}

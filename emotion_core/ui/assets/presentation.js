// Shows the items of a session over the whole page, and tells the server when each was on the
// screen. See docs/presentation.md for what is measured, and emotion_core/study/presentation for
// what becomes of it. The stage is outside of Streamlit's own elements: a run of the page does not
// touch it.
const BEAT_MS = 2000
const COMPARE_MS = 60000
const READY_MS = 20000
const LATE_MS = 8000
const LOAD = Math.random().toString(36).slice(2, 12)

const STYLE = `
:host { all: initial; }
.outer { position: fixed; inset: 0; width: 100vw; height: 100vh; height: 100dvh; margin: 0;
  padding: 0; border: 0; max-width: none; max-height: none; background: #000; }
.stage { position: absolute; inset: 0; background: #000; color: #f4f4f4; display: flex;
  flex-direction: column; font: 1.15rem/1.5 system-ui, sans-serif; }
.bar { display: flex; align-items: center; gap: .7rem; padding: .5rem .8rem; background: #1c1c1c;
  font-size: .95rem; flex-wrap: wrap; }
.bar i { width: .75rem; height: .75rem; border-radius: 50%; background: #ff5a4d; flex: none; }
.bar .grow { flex: 1; }
.bar .trouble { color: #ffd28a; }
.main { flex: 1; min-height: 0; position: relative; }
.place { position: absolute; inset: 0; display: grid; place-items: center;
  overflow: auto; }
.place > img, .place > video { position: absolute; inset: 0; width: 100%; height: 100%;
  object-fit: contain; visibility: hidden; }
.words { max-width: 40rem; padding: 1.2rem; text-align: center; white-space: pre-line; }
.cross { font-size: 3.5rem; line-height: 1; user-select: none; }
button { font: inherit; color: inherit; background: #2b2b2b; border: 1px solid #8a8a8a;
  border-radius: .5rem; padding: .45rem 1.1rem; min-height: 2.75rem; cursor: pointer; }
button.chief { background: #0f766e; border-color: #0f766e; }
button:disabled { opacity: .5; cursor: default; }
button:focus-visible { outline: 3px solid #7dd3fc; outline-offset: 2px; }
.bar button { min-height: 2.1rem; padding: .15rem .8rem; }
.scale { display: flex; flex-wrap: wrap; gap: .5rem; justify-content: center; margin: 1.2rem 0; }
.scale button { min-width: 3rem; padding: .45rem .6rem; }
.scale button[aria-checked=true] { background: #f4f4f4; color: #111; }
.ends { display: flex; justify-content: space-between; gap: 1rem; font-size: 1rem; opacity: .9; }
.buttons { display: flex; flex-wrap: wrap; gap: .6rem; justify-content: center; margin-top: 1rem; }
.cover { position: absolute; inset: 0; background: #000c; display: grid; place-items: center;
  z-index: 2; }
.cover .words { background: #1c1c1c; border-radius: .8rem; }
[hidden] { display: none !important; }`

// Run → its show, whatever happens to Streamlit's elements.
const shows = new Map()

const sleep = (ms) => new Promise((done) => setTimeout(done, Math.max(0, ms)))
const nextFrame = () => new Promise((done) => requestAnimationFrame(done))
const make = (tag, name, words) => {
  const element = document.createElement(tag)
  if (name) element.className = name
  if (words) element.textContent = words
  return element
}
const button = (words, act, chief) => {
  const one = make('button', chief ? 'chief' : '', words)
  one.type = 'button'
  one.onclick = act
  return one
}

// What a change of the screen in a frame becomes visible with: the time of the frame after.
const change = async (act) => {
  await nextFrame()
  act()
  return nextFrame()
}

class Ended extends Error {}

// Entries wait here until the server has written them, also over a reload.
class Line {
  constructor (data) {
    this.url = data.url
    this.run = data.run
    this.key = `emotion-lab-session-${data.run}`
    try { this.queue = JSON.parse(sessionStorage.getItem(this.key)) ?? [] } catch { this.queue = [] }
    this.camera = true
    this.state = 'running'
    this.heard = performance.now()
    this.count = 0
    this.busy = null
  }

  add (type, at, more = {}) {
    this.queue.push({ id: `${LOAD}-${this.count++}`, load: LOAD, type, at, ...more })
    this.store()
  }

  store () {
    try { sessionStorage.setItem(this.key, JSON.stringify(this.queue)) } catch { /* no store */ }
  }

  async post (body, keepalive = false) {
    return fetch(this.url, {
      method: 'POST', keepalive, body: JSON.stringify({ run: this.run, ...body }), cache: 'no-store'
    })
  }

  // One at a time, so that entries arrive in order.
  send (end) {
    const work = async () => {
      const entries = this.queue.slice(0, 200)
      const answer = await this.post({ kind: 'log', entries, end })
      const said = await answer.json()
      this.heard = performance.now()
      const kept = new Set(said.kept ?? [])
      this.queue = this.queue.filter((entry) => !kept.has(entry.id))
      this.store()
      this.state = said.state
      this.words = said.words ?? ''
      this.elsewhere = Boolean(said.load) && said.load !== LOAD
      this.camera = said.camera ?? this.camera
    }
    this.busy = (this.busy ?? Promise.resolve()).catch(() => {}).then(work)
    return this.busy
  }

  // The last words on the way out; there may be no time for an answer.
  leave () {
    this.post({ kind: 'log', entries: this.queue.slice(0, 100) }, true).catch(() => {})
  }

  async end (how) {
    for (;;) {
      try {
        while (this.queue.length > 0 && this.state === 'running') {
          const before = this.queue.length
          await this.send()
          if (this.queue.length >= before) break
        }
        await this.send(how)
        if (this.state !== 'failed') break
      } catch { /* tried again */ }
      await sleep(1000)
    }
    try { sessionStorage.removeItem(this.key) } catch { /* no store */ }
  }

  // The server's clock against this one: see emotion_core/study/presentation/clocks.py.
  async compare (times) {
    for (let i = 0; i < times; i++) {
      try {
        const t0 = performance.now()
        const answer = await this.post({ kind: 'clock' })
        const t1 = performance.now()
        const { s1, s2 } = await answer.json()
        if (s1) this.add('clock', t0, { t0, s1, s2, t1 })
      } catch { await sleep(100) }
      await sleep(10)
    }
  }
}

class Show {
  constructor (data, tell) {
    this.data = data
    this.tell = tell
    this.line = new Line(data)
    this.over = false
    this.stopped = new Promise((done) => { this.stop = done })
    this.disturbances = new Set()
    this.build()
    this.line.add('load', 0, { origin: performance.timeOrigin })
    this.listen()
    this.beat()
    this.begin()
  }

  build () {
    this.host = make('div', 'emotion-lab-stage')
    const root = this.host.attachShadow({ mode: 'open' })
    root.append(make('style', '', STYLE))
    this.outer = make('div', 'outer')
    this.outer.popover = 'manual'
    this.stage = make('div', 'stage')
    this.stage.setAttribute('role', 'dialog')
    this.stage.setAttribute('aria-label', 'Session')
    const bar = make('div', 'bar')
    const words = make('span', '', this.data.recording)
    words.setAttribute('role', 'status')
    this.full = button('Full screen', () => this.fill())
    this.full.hidden = true
    this.trouble = make('span', 'trouble')
    bar.append(make('i'), words, this.trouble, make('span', 'grow'), this.full,
      button('Stop', () => this.askToStop()))
    this.place = make('div', 'place')
    this.cover = make('div', 'cover')
    this.cover.hidden = true
    // Whatever is shown, the bar stays in view: it says that the session is recorded.
    const main = make('div', 'main')
    main.append(this.place, this.cover)
    this.stage.append(bar, main)
    this.outer.append(this.stage)
    root.append(this.outer)
    document.body.append(this.host)
    this.outer.showPopover?.()
  }

  listen () {
    this.unlisten = new AbortController()
    const on = (target, name, act) =>
      target.addEventListener(name, act, { signal: this.unlisten.signal })
    on(document, 'visibilitychange', () => this.disturb('page hidden', document.hidden))
    on(document, 'fullscreenchange', () => {
      const filled = Boolean(document.fullscreenElement)
      this.full.hidden = filled || !this.stage.requestFullscreen
      if (this.wasFilled) this.disturb('not full screen', !filled)
      this.wasFilled ||= filled
    })
    on(window, 'pagehide', () => this.line.leave())
  }

  disturb (what, begins) {
    if (begins === this.disturbances.has(what)) return
    if (begins) this.disturbances.add(what)
    else this.disturbances.delete(what)
    this.line.add(begins ? 'disturbed' : 'undisturbed', performance.now(), { what })
    this.trouble.textContent = this.disturbances.has('no connection')
      ? 'No connection: trying again …'
      : this.disturbances.has('no picture from the camera') ? 'No picture from the camera' : ''
  }

  async beat () {
    let compared = performance.now()
    while (!this.over) {
      try {
        await this.line.send()
        this.disturb('no connection', false)
        this.disturb('no picture from the camera', !this.line.camera)
        if (performance.now() - compared > COMPARE_MS) {
          compared = performance.now()
          await this.line.compare(4)
        }
      } catch {
        if (performance.now() - this.line.heard > LATE_MS) this.disturb('no connection', true)
      }
      if (this.line.elsewhere) return this.leave()
      if (this.line.state === 'ended' || this.line.state === 'unknown') return this.finish('ended')
      await sleep(BEAT_MS)
    }
  }

  fill () {
    return this.stage.requestFullscreen?.({ navigationUI: 'hide' }).catch(() => {})
  }

  begin () {
    const goesOn = this.data.place > 0
    const words = make('div', 'words', goesOn
      ? 'The session was interrupted. It goes on where it was.'
      : 'Look at the screen until the end. The pictures fill the screen where your browser allows it.')
    const start = button(goesOn ? 'Continue' : 'Begin', async () => {
      start.disabled = true
      await this.fill()
      this.run()
    }, true)
    const buttons = make('div', 'buttons')
    buttons.append(start)
    words.append(buttons)
    this.place.replaceChildren(words)
    start.focus()
  }

  async run () {
    try {
      this.place.replaceChildren()
      await this.line.compare(12)
      const items = this.data.items
      let ready = this.prepare(items[this.data.place])
      for (let i = this.data.place; i < items.length; i++) {
        const shown = await ready
        ready = this.prepare(items[i + 1])
        await this.ready()
        await this.show(items[i], shown)
        this.line.send().catch(() => {})
        await this.line.compare(3)
      }
      await this.line.compare(8)
      await this.finish('complete')
    } catch (error) {
      if (error instanceof Ended) return
      this.line.add('problem', performance.now(), { what: `The session failed: ${error.message}` })
      await this.finish('stopped')
    }
  }

  check () { if (this.over) throw new Ended() }

  // Nothing new is shown where it could not be recorded.
  async ready () {
    const bad = () => this.disturbances.has('no connection')
      ? 'There is no connection to the server at this moment. It is tried again.'
      : this.line.state === 'failed' ? this.line.words
        : this.line.camera ? ''
          : 'The camera’s picture does not arrive any more. Reload the page to continue: what was ' +
            'shown so far is kept.'
    while (bad() && !this.over) {
      if (this.cover.hidden) {
        const words = make('div', 'words', bad())
        const buttons = make('div', 'buttons')
        buttons.append(button('Reload', () => location.reload(), true))
        words.append(buttons)
        this.cover.replaceChildren(words)
        this.cover.hidden = false
      }
      await sleep(300)
    }
    this.check()
    if (!this.asking) this.cover.hidden = true
  }

  // Loads a picture or a clip before its turn, however long the server cannot be reached.
  async prepare (item) {
    if (!item?.src) return null
    for (;;) {
      try { return await this.loaded(item) } catch (error) {
        const there = await fetch(item.src, { headers: { Range: 'bytes=0-0' } }).catch(() => null)
        if (there) return { problem: there.ok ? error.message : 'its file cannot be fetched' }
        await sleep(500)
        if (this.over) return null
      }
    }
  }

  async loaded (item) {
    const clip = item.kind === 'clip'
    const element = document.createElement(clip ? 'video' : 'img')
    const playable = () => new Promise((done, fail) => {
      element.onerror = () => fail(new Error('it cannot be shown by this browser'))
      element.oncanplaythrough = done
    })
    if (clip) {
      element.preload = 'auto'
      element.playsInline = true
      element.disablePictureInPicture = true
    } else {
      element.alt = ''
    }
    element.src = item.src
    this.place.append(element)
    try {
      await Promise.race([clip ? playable() : element.decode(), sleep(READY_MS)])
    } catch (error) {
      element.remove()
      throw error
    }
    return element
  }

  async show (item, element) {
    this.check()
    if (element?.problem) {
      const what = `${item.name} was not shown: ${element.problem.replace(/\.$/, '')}.`
      this.line.add('problem', performance.now(), { what, place: item.place })
      return
    }
    await { picture: this.picture, clip: this.clip, pause: this.pause, question: this.question }[
      item.kind].call(this, item, element)
    this.check()
  }

  // Waits until a time is due; the screen changes in the frame that is nearest to it.
  async until (due) {
    await sleep(due - performance.now() - 20)
    while (performance.now() < due - 8 && !this.over) await nextFrame()
  }

  async picture (item, image) {
    const onset = await change(() => { image.style.visibility = 'visible' })
    this.line.add('onset', onset, { place: item.place })
    // `change` waits for one frame more.
    await this.until(onset + item.seconds * 1000 - 16)
    const offset = await change(() => image.remove())
    this.line.add('offset', offset, { place: item.place })
  }

  async clip (item, video) {
    let begun = false
    const told = (at) => {
      if (begun) return
      begun = true
      this.line.add('onset', at, { place: item.place })
    }
    // When the clip's time 0 was on the screen, as each frame that moved says. At the end the median
    // counts, and how late the latest frame was.
    const began = []
    const follow = (_, frame) => {
      if (frame.mediaTime > 0) {
        began.push(frame.expectedDisplayTime - frame.mediaTime * 1000)
        told(began[0])
      }
      video.requestVideoFrameCallback(follow)
    }
    const over = new Promise((done, fail) => {
      video.onended = done
      video.onerror = () => fail(new Error('playing broke off'))
    })
    video.onwaiting = () => this.disturb('the clip stalled', true)
    video.onplaying = () => this.disturb('the clip stalled', false)
    await nextFrame()
    video.style.visibility = 'visible'
    video.requestVideoFrameCallback?.(follow)
    try {
      await video.play()
      const started = await nextFrame()
      if (!video.requestVideoFrameCallback) told(started - video.currentTime * 1000)
      const limit = item.seconds > 0 ? sleep(item.seconds * 1000) : new Promise(() => {})
      await this.orOver(Promise.race([over, limit]))
      told(started - video.currentTime * 1000)
    } catch (error) {
      const what = `${item.name} broke off: ${error.message}.`
      this.line.add('problem', performance.now(), { what, place: item.place })
    }
    this.disturb('the clip stalled', false)
    const offset = await change(() => { video.pause(); video.remove() })
    const sorted = [...began].sort((a, b) => a - b)
    const middle = sorted[sorted.length >> 1]
    const seen = sorted.length > 0 ? { began: middle, late: sorted.at(-1) - middle } : {}
    this.line.add('offset', offset, { place: item.place, ...seen })
  }

  async pause (item) {
    const box = make('div', item.text ? 'words' : 'cross', item.text || '+')
    let clicked = null
    if (item.seconds === 0) {
      const buttons = make('div', 'buttons')
      clicked = new Promise((done) => buttons.append(button('Continue', done, true)))
      box.append(buttons)
    }
    const onset = await change(() => this.place.append(box))
    this.line.add('onset', onset, { place: item.place })
    box.querySelector('button')?.focus()
    await (clicked ? this.orOver(clicked) : this.until(onset + item.seconds * 1000 - 16))
    const offset = await change(() => box.remove())
    this.line.add('offset', offset, { place: item.place })
  }

  async question (item) {
    const box = make('div', 'words', item.text)
    const scale = make('div', 'scale')
    scale.setAttribute('role', 'radiogroup')
    scale.setAttribute('aria-label', item.text)
    const next = button('Continue', () => {}, true)
    next.disabled = true
    let value = 0
    const choose = (number) => {
      value = number
      next.disabled = false
      scale.querySelectorAll('button').forEach((one, i) =>
        one.setAttribute('aria-checked', String(i + 1 === number)))
    }
    for (let i = 1; i <= item.points; i++) {
      const one = button(String(i), () => choose(i))
      one.setAttribute('role', 'radio')
      one.setAttribute('aria-checked', 'false')
      const end = i === 1 ? item.low : i === item.points ? item.high : ''
      if (end) one.setAttribute('aria-label', `${i}, ${end}`)
      scale.append(one)
    }
    const ends = make('div', 'ends')
    ends.append(make('span', '', item.low), make('span', '', item.high))
    const buttons = make('div', 'buttons')
    buttons.append(next)
    box.append(scale, ...(item.low || item.high ? [ends] : []), buttons)
    const onset = await change(() => this.place.append(box))
    this.line.add('onset', onset, { place: item.place })
    scale.querySelector('button').focus()
    await this.orOver(new Promise((done) => { next.onclick = done }))
    if (value > 0) this.line.add('rating', performance.now(), { place: item.place, value })
    box.remove()
  }

  orOver (wanted) { return Promise.race([wanted, this.stopped]) }

  askToStop () {
    if (this.asking) return
    this.asking = true
    const close = () => { this.asking = false; this.cover.hidden = true }
    const words = make('div', 'words', 'Do you want to stop? You need not give a reason.')
    const buttons = make('div', 'buttons')
    const onward = button('Go on', close, true)
    buttons.append(onward,
      button('Stop, keep what was recorded', () => this.finish('stopped')),
      button('Stop, delete my recording', () => this.finish('delete')))
    words.append(buttons)
    this.cover.replaceChildren(words)
    this.cover.hidden = false
    this.disturb('asked to stop', true)
    onward.focus()
    onward.addEventListener('click', () => this.disturb('asked to stop', false))
  }

  // Another tab shows the session now.
  leave () {
    this.over = true
    this.stop()
    this.unlisten.abort()
    this.place.replaceChildren()
    this.cover.replaceChildren(
      make('div', 'words', 'This session goes on in another tab. You can close this one.'))
    this.cover.hidden = false
  }

  async finish (how) {
    if (this.over) return
    this.over = true
    this.stop()
    this.place.querySelectorAll('video').forEach((video) => video.pause())
    this.cover.replaceChildren(make('div', 'words', 'Saving …'))
    this.cover.hidden = false
    if (how !== 'ended') {
      if (how !== 'complete') this.line.add('left', performance.now())
      await this.line.end(how)
    }
    if (document.fullscreenElement) await document.exitFullscreen().catch(() => {})
    this.unlisten.abort()
    this.host.remove()
    // Another server may answer by now, which knows nothing of what this page shows.
    if (how === 'ended') location.reload()
    else this.tell('ended', how)
  }
}

export default function ({ data, setTriggerValue }) {
  const tell = (name, value) => setTriggerValue(name, value)
  const known = shows.get(data.run)
  if (known) known.tell = tell
  else shows.set(data.run, new Show(data, tell))
}

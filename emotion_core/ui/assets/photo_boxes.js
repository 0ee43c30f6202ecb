// Ties the boxes of a photo to the cards beside it: pointing at one of them, or reaching it with
// Tab, marks the other; a press on a box brings its card into view. The picture also gets words.
// st.image can do none of this.
const MARK = '3px solid currentColor'

const link = (picture, card, place, words) => {
  const [left, top, right, bottom] = place
  const box = document.createElement('button')
  box.type = 'button'
  box.className = 'lab-face-box'
  box.setAttribute('aria-label', `${words}: show its reading`)
  box.style.cssText = 'position:absolute;background:none;border:0;padding:0;cursor:pointer;' +
    `border-radius:4px;left:${100 * left}%;top:${100 * top}%;` +
    `width:${100 * (right - left)}%;height:${100 * (bottom - top)}%`
  const mark = (on) => {
    card.style.outline = on ? MARK : ''
    box.style.boxShadow = on ? '0 0 0 3px #fff, 0 0 0 6px #0008' : 'none'
  }
  const stillness = matchMedia('(prefers-reduced-motion: reduce)')
  box.onclick = () =>
    card.scrollIntoView({ block: 'nearest', behavior: stillness.matches ? 'auto' : 'smooth' })
  card.tabIndex = 0
  for (const node of [box, card]) {
    node.onpointerenter = node.onfocus = () => mark(true)
    node.onpointerleave = node.onblur = () => mark(false)
  }
  picture.append(box)
  // The pointer may have been there before this script.
  if (card.matches(':hover')) mark(true)
}

export default function ({ data }) {
  const within = (name) => document.querySelector(`.st-key-${name}`)
  let next = 0
  const tidy = () => within(data.picture)?.querySelectorAll('.lab-face-box').forEach((b) => b.remove())
  // Picture and cards may appear a little later than this script.
  const later = (tries) => {
    const image = within(data.picture)?.querySelector('img')
    const cards = within(data.cards)?.querySelectorAll('.lab-person') ?? []
    if (image) image.alt = data.alt
    if (!image?.complete || cards.length !== data.places.length) {
      if (tries > 0) next = setTimeout(() => later(tries - 1), 100)
      return
    }
    tidy()
    const picture = image.parentElement
    picture.style.position = 'relative'
    data.places.forEach((place, i) => link(picture, cards[i], place, data.words[i]))
  }
  later(100)
  return () => {
    clearTimeout(next)
    tidy()
  }
}

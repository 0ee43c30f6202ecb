// Moves the page's video to a moment and tells where it stands when asked: st.video can do neither.
const done = new Map()

export default function ({ data, parentElement, setTriggerValue }) {
  const video = () => document.querySelector('.st-key-player video')
  const seek = () => {
    const player = video()
    if (!player) return false
    player.currentTime = data.at
    return true
  }
  if (data.nonce > 0 && done.get(data.clip) !== data.nonce) {
    done.set(data.clip, data.nonce)
    // After a change of the page the player may appear a little later than this script.
    let tries = 0
    const later = () => { if (!seek() && tries++ < 40) setTimeout(later, 50) }
    later()
  }
  const show = (seconds) => {
    const rest = (seconds % 60).toFixed(2).padStart(5, '0')
    return `${Math.floor(seconds / 60)}:${rest}`
  }
  parentElement.querySelectorAll('button').forEach((button) => {
    button.onclick = () => {
      const player = video()
      if (player) setTriggerValue(button.dataset.name, player.currentTime)
    }
  })
  const clock = parentElement.querySelector('.clock')
  const tick = () => {
    const player = video()
    if (player && clock) clock.textContent = show(player.currentTime + data.origin)
  }
  const timer = setInterval(tick, 200)
  tick()
  return () => clearInterval(timer)
}

// Reports why the browser gives no camera, by the error name of the Media Capture standard; "" when
// nothing stands in the way. It looks without switching the camera on, except when asked to check.
export default function ({ data, parentElement, setStateValue }) {
  const host = parentElement.host ?? parentElement;
  const memory = (host.__cameraProbe ??= { reported: "", checked: 0 });
  let ended = false;

  const report = (name) => {
    if (ended || name === memory.reported) return;
    memory.reported = name;
    setStateValue("problem", name);
  };

  const permission = async () => {
    try {
      return await navigator.permissions.query({ name: "camera" });
    } catch {
      return null; // Not every browser knows this permission by name.
    }
  };

  const look = async () => {
    if (!window.isSecureContext || !navigator.mediaDevices?.getUserMedia) {
      return report("InsecureContext");
    }
    if ((await permission())?.state === "denied") return report("NotAllowedError");
    const devices = await navigator.mediaDevices.enumerateDevices();
    return report(devices.some((d) => d.kind === "videoinput") ? "" : "NotFoundError");
  };

  // Each step by name: "" when it went well, the error's name when not; absent when not reached.
  const steps = {}, details = {};
  const tried = () => setStateValue("checked", { number: data.check, steps, details });

  const check = async () => {
    if (!window.isSecureContext || !navigator.mediaDevices?.getUserMedia) {
      steps.secure = "InsecureContext";
      return tried();
    }
    steps.secure = "";
    await Promise.all([tryCamera(), tryNetwork()]);
    tried();
  };

  const tryCamera = async () => {
    let stream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ video: true });
    } catch (error) {
      const refused = ["NotAllowedError", "PermissionDeniedError", "SecurityError"];
      if (refused.includes(error.name)) steps.permission = error.name;
      else [steps.permission, steps.device] = ["", error.name];
      return report(error.name);
    }
    [steps.permission, steps.device] = ["", ""];
    const [track] = stream.getVideoTracks();
    details.device = track.label;
    const size = await pictureOf(stream);
    steps.picture = size ? "" : "NoPicture";
    details.picture = size;
    stream.getTracks().forEach((each) => each.stop());
    report("");
  };

  const pictureOf = async (stream) => {
    const video = document.createElement("video");
    video.muted = true;
    video.playsInline = true;
    video.srcObject = stream;
    video.play().catch(() => {});
    const shown = new Promise((done) => (video.onloadeddata = () => done(true)));
    const late = new Promise((done) => setTimeout(() => done(false), 5000));
    const came = await Promise.race([shown, late]);
    const size = came ? `${video.videoWidth} × ${video.videoHeight}` : "";
    video.srcObject = null;
    return size;
  };

  // Which kinds of addresses the browser finds: of this network, as seen from outside, by relay.
  const tryNetwork = async () => {
    const kinds = new Set();
    let connection;
    try {
      connection = new RTCPeerConnection(data.network);
      connection.createDataChannel("check");
      const gathered = new Promise((done) => {
        connection.onicecandidate = ({ candidate }) =>
          candidate ? candidate.type && kinds.add(candidate.type) : done();
      });
      await connection.setLocalDescription(await connection.createOffer());
      await Promise.race([gathered, new Promise((done) => setTimeout(done, 6000))]);
    } catch (error) {
      steps.ice = error.name;
      return;
    } finally {
      connection?.close();
    }
    const urls = (data.network.iceServers ?? []).flatMap((server) => server.urls);
    const relays = urls.some((url) => /^turns?:/.test(url));
    steps.ice = relays && !kinds.has("relay") ? "NoRelay" : kinds.size ? "" : "NoCandidates";
    details.ice = [...kinds].sort().join(" ");
  };

  const devices = navigator.mediaDevices;
  devices?.addEventListener?.("devicechange", look);
  let watched = null;
  permission().then((status) => {
    if (ended || !status) return;
    watched = status;
    watched.addEventListener("change", look);
  });
  if (data.check > memory.checked) {
    memory.checked = data.check;
    check();
  } else {
    look();
  }
  return () => {
    ended = true;
    devices?.removeEventListener?.("devicechange", look);
    watched?.removeEventListener("change", look);
  };
}

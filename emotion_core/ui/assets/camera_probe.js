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

  const check = async () => {
    try {
      const stream = await navigator.mediaDevices.getUserMedia({ video: true });
      stream.getTracks().forEach((track) => track.stop());
      setStateValue("checked", `ok ${data.check}`);
      report("");
    } catch (error) {
      setStateValue("checked", `failed ${data.check}`);
      report(error.name);
    }
  };

  const devices = navigator.mediaDevices;
  devices?.addEventListener?.("devicechange", look);
  let watched = null;
  permission().then((status) => {
    if (ended || !status) return;
    watched = status;
    watched.addEventListener("change", look);
  });
  if (data.check > memory.checked && devices?.getUserMedia) {
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

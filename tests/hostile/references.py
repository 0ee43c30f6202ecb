"""Files that name other files or addresses: none of those may be opened."""

from collections.abc import Iterator
from pathlib import Path

from hostile.cases import ANALYZE, DOORS, MESSAGE, PHOTO, Case, Secrets, box, clip, patched, png

_NOWHERE = dict.fromkeys(DOORS, MESSAGE)


def cases(secrets: Secrets) -> Iterator[Case]:
    """All of them."""
    for name, text in _texts(secrets).items():
        short = name in ("hls.m3u8", "hls.mp4", "concat.mkv", "picture.svg", "dash.mpd")
        yield Case("reference", name, text.encode(), _NOWHERE, short)
    yield from _movies(secrets)
    yield from _links(secrets)


def _texts(secrets: Secrets) -> dict[str, str]:
    video, picture, url = secrets.video, secrets.picture, secrets.url
    hls = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{}\n#EXT-X-ENDLIST\n"
    key = '#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-KEY:METHOD=AES-128,URI="{}"\n#EXTINF:1,\n{}\n'
    svg = (
        '<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY x SYSTEM "file://{0}">]>'
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">'
        '<image xlink:href="file://{0}" width="9" height="9"/><text>&x;</text></svg>'
    )
    mpd = (
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"><Period>'
        '<AdaptationSet mimeType="video/mp4"><Representation id="1" bandwidth="1"><BaseURL>{}'
        "</BaseURL></Representation></AdaptationSet></Period></MPD>"
    )
    laughs = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10 if i else "ha"}">' for i in range(12))
    return {
        "hls.m3u8": hls.format(video),
        "hls.mp4": hls.format(video),
        "hls-file.mp4": hls.format(f"file://{video}"),
        "hls-relative.mp4": hls.format("../secret/secret.mp4"),
        "hls-net.mp4": hls.format(f"{url}/a.ts"),
        "hls-key.mp4": key.format(f"{url}/key", video),
        "hls-concat.avi": hls.format(f"concat:{url}/a|file://{video}"),
        "concat.ffconcat": f"ffconcat version 1.0\nfile '{video}'\n",
        "concat.mkv": f"ffconcat version 1.0\nfile '{video}'\n",
        "concat-net.mkv": f"ffconcat version 1.0\nfile '{url}/a.mp4'\n",
        "dash.mpd": mpd.format(f"file://{video}"),
        "dash.mp4": mpd.format(f"{url}/a.mp4"),
        "picture.svg": svg.format(picture),
        "picture.png": svg.format(picture),
        "picture.jpg": svg.format(picture).replace("file://", url),
        "laughs.svg": f'<?xml version="1.0"?><!DOCTYPE svg [{laughs}]><svg>&l11;</svg>',
        "list.pls": f"[playlist]\nFile1={video}\nNumberOfEntries=1\n",
        "list.asx": f'<asx version="3.0"><entry><ref href="{url}/a.wmv"/></entry></asx>',
        "list.wmv": f"[Reference]\nRef1={url}/a.wmv\n",
        "list.ram": f"{url}/a.rm\n",
        "call.sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\n"
        f"m=video {secrets.port} RTP/AVP 96\na=rtpmap:96 H264/90000\n",
        "call.mp4": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\n"
        f"m=video {secrets.port} RTP/AVP 96\na=rtpmap:96 H264/90000\n",
        "script.avs": f'DirectShowSource("{video}")\n',
        "script.vpy": f"open('{secrets.folder}/written', 'w')\n",
        "graph.txt": f"movie={video}\n",
        "letter.eps": "%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 99 99\n"
        f"({secrets.folder}/written) (w) file closefile showpage\n%%EOF\n",
        "letter.jpg": "%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 99 99\n%%EndComments\n"
        f"({secrets.folder}/written) (w) file closefile showpage\n%%EOF\n",
        "strip.mtv": f"{picture}\n",
        "cpl.xml": f'<CompositionPlaylist><Id>{url}</Id><a href="{video}"/></CompositionPlaylist>',
        "page.html": f'<video src="{url}/a.mp4"></video><img src="{picture}">',
    }


def _movies(secrets: Secrets) -> Iterator[Case]:
    """QuickTime files whose pictures lie in another file, and those that are only a pointer."""
    data = clip("mov")
    at = data.find(b"url ")
    # The flag says that the pictures lie in this file.
    flagless = patched(data, at + 4, bytes(4))
    yield Case("reference", "elsewhere.mov", flagless)
    for words, target in (("file", f"file://{secrets.video}"), ("net", f"{secrets.url}/a.mp4")):
        text = target.encode() + b"\0"
        kind = b"rdrf" + bytes(4) + b"url " + len(text).to_bytes(4, "big") + text
        pointer = box(b"rmda", (len(kind) + 4).to_bytes(4, "big") + kind)
        movie = box(b"moov", box(b"rmra", pointer))
        name = f"pointer-{words}.mov"
        yield Case("reference", name, data[:20] + movie, _NOWHERE, words == "file")
    reader = box(b"dref", bytes(7) + b"\1" + box(b"url ", bytes(4) + str(secrets.video).encode()))
    yield Case("reference", "tables.mov", data[:20] + box(b"moov", reader), _NOWHERE)


def _links(secrets: Secrets) -> Iterator[Case]:
    def folder(path: Path) -> None:
        """A data set with links that lead out of it and in a circle."""
        (path / "happy").mkdir(parents=True)
        (path / "happy" / "a.png").write_bytes(png())
        (path / "happy" / "b.png").symlink_to(secrets.picture)
        (path / "sad").symlink_to(secrets.folder)
        (path / "happy" / "round").symlink_to(path)

    yield Case("reference", "links", folder, {ANALYZE: MESSAGE, PHOTO: MESSAGE}, True)

"""Photos as upright BGR arrays, with limits that keep a hostile file from filling the memory."""

import io
import struct
import warnings
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, UnidentifiedImageError

from emotion_core.datatypes import ImageArray
from emotion_core.errors import FrameError, MissingDependencyError, PhotoError

PHOTO_SUFFIXES: Final[tuple[str, ...]] = (".jpg", ".jpeg", ".png", ".webp")
HEIC_SUFFIXES: Final[tuple[str, ...]] = (".heic", ".heif")
# What a file may be, whatever its name says: some of Pillow's other readers start programs (EPS).
_FORMATS: Final = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "AVIF", "HEIF")
# A 50-megapixel camera fits; a decompression bomb of 20,000 × 20,000 does not.
MAX_PIXELS: Final[int] = 60_000_000
# Faces are found as well in a smaller picture, and a browser need not carry 150 MB.
MAX_SIDE: Final[int] = 2560
# A longer strip has no pixel left across once it is scaled to a screen.
MAX_ASPECT: Final[int] = 200
# Pillow warns above 89 megapixels; everything that large is refused below, with a message that says
# what to do. Set once: `warnings.catch_warnings` changes the whole process, so that two threads
# reading photos at the same time may leave it changed for good.
warnings.simplefilter("ignore", Image.DecompressionBombWarning)
# What Pillow's decoders raise on damaged files.
_DAMAGED: Final = (
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    struct.error,
)
# How to rotate a picture upright, by the orientation in its EXIF.
_TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def heic_available() -> bool:
    """Whether HEIC photos of phones can be read (the optional package pillow-heif)."""
    try:
        import pillow_heif
    except ImportError:
        return False
    pillow_heif.register_heif_opener()
    return True


def to_bgr(array: NDArray[Any]) -> ImageArray:
    """Turn a grey or BGRA array into BGR; a BGR array is returned as it is.

    Args:
        array: uint8 of shape (H, W), (H, W, 1), (H, W, 3) BGR or (H, W, 4) BGRA; transparent parts
            become white.

    Returns:
        (H, W, 3) uint8 BGR.

    Raises:
        FrameError: another type or shape.
    """
    if not isinstance(array, np.ndarray) or array.dtype != np.uint8:
        got = array.dtype if isinstance(array, np.ndarray) else type(array).__name__
        raise FrameError(f"A picture must be a numpy array of uint8, got {got}.")
    if array.ndim == 2:
        array = array[:, :, None]
    if array.ndim != 3 or array.size == 0 or array.shape[2] not in (1, 3, 4):
        raise FrameError(f"A picture must have the shape (H, W), (H, W, 3 or 4), got {array.shape}")
    if array.shape[2] == 1:
        return np.repeat(array, 3, axis=2)
    if array.shape[2] == 4:
        alpha = array[:, :, 3:].astype(np.float32) / 255
        return np.asarray(array[:, :, :3] * alpha + 255 * (1 - alpha), np.uint8)
    return array


def read_photo(
    source: str | Path | bytes, *, name: str = "", max_side: int = MAX_SIDE
) -> ImageArray:
    """Read a JPEG, PNG, WebP or (with pillow-heif) HEIC photo.

    Args:
        source: a path, or the file's bytes.
        name: what messages call the picture; the file's own name by default.
        max_side: a larger picture is scaled down so that its longer side has this many pixels.

    Returns:
        (H, W, 3) uint8 BGR, turned as its EXIF data ask for; transparent parts are white.

    Raises:
        PhotoError: not a readable picture, more than MAX_PIXELS, or a strip; the message names the
            picture and says what to do.

    Examples:
        >>> import cv2
        >>> from emotion_core import Frame, Pipeline, PipelineSettings, read_photo, sample_photo
        >>> _ = cv2.imwrite("photo.png", sample_photo())
        >>> pipeline = Pipeline.load(settings=PipelineSettings.for_photo())
        >>> pipeline.process(Frame(read_photo("photo.png"))).labels
        ('happy',)
    """
    name = name or (Path(source).name if isinstance(source, str | Path) else "The picture")
    data = source if isinstance(source, bytes) else _bytes_of(Path(source), name)
    if not data:
        raise PhotoError(f"{name} is empty (0 bytes): copy or export it again.")
    _register_heic(data, name)
    try:
        with Image.open(io.BytesIO(data), formats=_formats()) as image:
            return _decode(image, name, max_side)
    # The warning too, where filters turn warnings into errors.
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise PhotoError(_too_large(name)) from error
    except UnidentifiedImageError as error:
        raise PhotoError(
            f"{name} is no picture that can be read here. Use JPEG, PNG, WebP or HEIC."
        ) from error
    except PhotoError:
        raise
    except _DAMAGED as error:
        raise PhotoError(f"{name} is damaged or cut off ({error}): export it again.") from error


def _bytes_of(path: Path, name: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise PhotoError(f"{name} cannot be opened: {error.strerror}.") from error


def _register_heic(data: bytes, name: str) -> None:
    is_heic = data[4:8] == b"ftyp" and data[8:12] in {b"heic", b"heix", b"mif1", b"heim", b"msf1"}
    if is_heic and not heic_available():
        cause = MissingDependencyError("pillow-heif is not installed")
        raise PhotoError(
            f"{name} is a HEIC photo. Install the package pillow-heif to read it, or save the "
            "photo as JPEG."
        ) from cause


def _formats() -> list[str]:
    """Those of `_FORMATS` that this installation of Pillow reads."""
    Image.init()
    return [name for name in _FORMATS if name in Image.OPEN]


def _upright(image: Image.Image) -> Image.Image:
    """The picture turned as its EXIF says; as it is where the EXIF is damaged.

    Pillow's own `exif_transpose` also rewrites the rest of the EXIF, which fails on malformed ones.
    """
    image.load()
    try:
        turn = _TURNS.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    except _DAMAGED:
        turn = None
    return image if turn is None else image.transpose(turn)


def _decode(image: Image.Image, name: str, max_side: int) -> ImageArray:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise PhotoError(_too_large(name, width, height))
    if max(width, height) > MAX_ASPECT * min(width, height):
        raise PhotoError(
            f"{name} is a strip of {width}×{height} pixels: no face fits into it. Cut a part out."
        )
    # JPEG decoders shrink while reading: less memory for a photo that is scaled down anyway.
    image.draft("RGB", (max_side, max_side))
    upright = _upright(image)
    if max(upright.size) > max_side:
        upright.thumbnail((max_side, max_side))
    if upright.mode in {"RGBA", "LA", "PA"} or "transparency" in upright.info:
        rgba = np.asarray(upright.convert("RGBA"))
        return to_bgr(rgba[:, :, [2, 1, 0, 3]])
    return np.ascontiguousarray(np.asarray(_to_eight_bits(upright).convert("RGB"))[:, :, ::-1])


def _to_eight_bits(image: Image.Image) -> Image.Image:
    """16-bit grey would be clipped to white by Pillow's own conversion."""
    if not image.mode.startswith("I"):
        return image
    values = np.asarray(image, np.float32)
    return Image.fromarray((values / max(255.0, values.max()) * 255).astype(np.uint8))


def _too_large(name: str, width: int = 0, height: int = 0) -> str:
    size = f" ({width}×{height})" if width else ""
    limit = MAX_PIXELS // 10**6
    return f"{name} has too many pixels{size}: at most {limit} megapixels. Scale it down first."

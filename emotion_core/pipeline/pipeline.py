"""One stream of frames to row-aligned results: the only place that joins the steps."""

import math
import threading
from pathlib import Path
from time import perf_counter
from typing import Final

import numpy as np

from emotion_core.config import PipelineSettings, check_range
from emotion_core.datatypes import FloatArray, Frame, FrameResult, ImageArray, IntArray, QualityHint
from emotion_core.labels import EXPRESSIONS
from emotion_core.model.adaptation import Adaptation
from emotion_core.model.classify import load_classifier
from emotion_core.pipeline.classification import ExpressionClassifier, classify, with_unusual
from emotion_core.pipeline.face_selection import FaceSelection
from emotion_core.pipeline.identities import Identities
from emotion_core.pipeline.identity_resolution import Resolution, resolve
from emotion_core.pipeline.neutral_baseline import NeutralCalibration
from emotion_core.pipeline.readings import Readings
from emotion_core.pipeline.stream_clock import StreamClock
from emotion_core.pipeline.tracklets import Tracklet
from emotion_core.vision.boxes import clip_boxes, visible_share
from emotion_core.vision.crop import crop_faces
from emotion_core.vision.default_detector import default_detector
from emotion_core.vision.detection import FaceDetector
from emotion_core.vision.quality import quality_hints
from emotion_core.vision.shot_detection import ShotDetector
from emotion_core.vision.tracker import Tracker, Tracks

# Width to height may change this much between frames and still be the same picture, resized.
SAME_SHAPE: Final = 0.03
# In a photo, what the network does not know and the detector finds with less certainty is no face:
# of those found in pictures without one, few are above it, and few of the true ones are below.
CERTAIN_SCORE: Final = 6.5
# What makes a reading unsure, however probable it is.
_UNREADABLE: Final = frozenset({QualityHint.TURNED, QualityHint.UNUSUAL})
STAGES: Final = ("find", "crop", "classify", "track", "smooth")


class Pipeline:
    """Reads the faces of one stream, frame by frame.

    One pipeline serves one stream; the classifier behind it may be shared by any number. `process`
    and the methods that change something may be called from different threads: a lock makes them
    take turns.

    Attributes:
        timings: seconds that the last frame spent in each stage (find, crop, classify, track,
            smooth).

    Examples:
        >>> from emotion_core import Pipeline, sample_frames
        >>> pipeline = Pipeline.load()
        >>> results = [pipeline.process(frame) for frame in sample_frames(seconds=1.0, fps=10.0)]
        >>> results[-1].labels, results[-1].track_ids
        (('happy',), array([1]))
    """

    def __init__(
        self,
        classifier: ExpressionClassifier,
        settings: PipelineSettings | None = None,
        detector: FaceDetector | None = None,
        adaptation: Adaptation | None = None,
    ) -> None:
        if tuple(classifier.labels) != EXPRESSIONS:
            raise ValueError(f"The classifier's labels must be {EXPRESSIONS}.")
        self.timings: dict[str, float] = dict.fromkeys(STAGES, 0.0)
        self._classifier = classifier
        self._adaptation = adaptation
        self._settings = settings or PipelineSettings()
        self._lock = threading.Lock()
        self._detector: FaceDetector = detector or default_detector()
        self._detector.configure(self._settings.detection)
        self._tracker = Tracker(self._settings.tracking)
        self._shots, self._shot = ShotDetector(), 1
        self._identities = Identities(self._settings.tracking.reidentify)
        self._readings = Readings(self._settings)
        self._calibration = NeutralCalibration()
        self._size: tuple[int, int] | None = None
        self._clock = StreamClock()
        self._selection = FaceSelection()

    @classmethod
    def load(
        cls,
        model: str = "default",
        settings: PipelineSettings | None = None,
        models_dir: Path | None = None,
        detector: FaceDetector | None = None,
        adaptation: Adaptation | None = None,
    ) -> "Pipeline":
        """A pipeline with a network from disk, shared with every other pipeline of this process.

        Args:
            model: name of a model folder; `default` takes the one that default.txt names.
            settings: None takes those for video.
            models_dir: folder of model folders; None takes the installation's.
            detector: finds the faces of this stream; None takes the Haar cascades.
            adaptation: corrects the network's answers (`load_adaptation`).

        Raises:
            ModelError: there is no such model, or its folder is damaged.
        """
        return cls(load_classifier(model, models_dir), settings, detector, adaptation)

    @property
    def settings(self) -> PipelineSettings:
        """What the next frame will be read with."""
        return self._settings

    def update_settings(self, settings: PipelineSettings) -> None:
        """Change settings between two frames; identities, smoothing and baselines live on."""
        with self._lock:
            self._settings = settings
            self._detector.configure(settings.detection)
            self._tracker.settings = settings.tracking
            self._identities.recognise = settings.tracking.reidentify
            self._readings.configure(settings)

    @property
    def adaptation(self) -> Adaptation | None:
        """What corrects the network's answers; None: nothing does."""
        return self._adaptation

    def update_adaptation(self, adaptation: Adaptation | None) -> None:
        """Change the adaptation between two frames. Baselines that were measured with another one
        no longer fit and are forgotten."""
        with self._lock:
            if _fingerprint(adaptation) != _fingerprint(self._adaptation):
                self._calibration.clear()
            self._adaptation = adaptation

    def reset(self) -> None:
        """Begin a new stream: forget all people; identities count from 1 again."""
        with self._lock:
            self._restart()
            self._calibration.clear()

    def start_calibration(self, track_id: int | None = None, seconds: float = 3.0) -> None:
        """Take the expression of the coming seconds as a person's rest; None: of everybody seen.

        Raises:
            SettingsError: the time lies outside 0.2 to 60 seconds.
        """
        check_range("seconds", seconds, 0.2, 60)
        with self._lock:
            self._calibration.start(None if track_id is None else {track_id}, seconds)

    def clear_calibration(self, track_id: int | None = None) -> None:
        """Forget the baseline of one person, None: of everybody, and stop measuring it."""
        with self._lock:
            self._calibration.clear(track_id)

    @property
    def calibration_progress(self) -> dict[int, float]:
        """Identity → 0 to 1, of those whose rest is being measured."""
        with self._lock:
            return self._calibration.progress

    @property
    def calibrated_ids(self) -> frozenset[int]:
        """Identities that have a baseline."""
        with self._lock:
            return frozenset(self._calibration.baselines)

    def process(self, frame: Frame) -> FrameResult:
        """Read one frame.

        Time that steps back a little is held; a step back of more than a second is a source
        that was wound back: all people are forgotten, and identities continue to count. A frame of
        another size but the same shape keeps everybody; one of another shape begins a shot.
        """
        with self._lock:
            return self._process(frame)

    def _process(self, frame: Frame) -> FrameResult:
        image = _in_rows(frame.image)
        if self._clock.wind_back(frame.time_s):
            self._leave_all()
        time_s = self._clock.advance(frame.time_s)
        self._fit_size(frame.width, frame.height)
        marks = [perf_counter()]
        if self._shots.is_cut(image):
            self._begin_shot()
        known = self._tracker.expect(time_s)
        detections = self._detector.update(image, time_s, known)
        marks.append(perf_counter())
        tracks = self._tracker.update(detections, time_s)
        people = self._identify(image, tracks, time_s)
        rows = self._shown(tracks, people, frame.width, frame.height)
        if not self._settings.detection.thorough:
            rows = self._selected(tracks, people, rows)
        marks.append(perf_counter())
        seen = [row for row in rows if not tracks.predicted[row]]
        crops = crop_faces(image, tracks.boxes[seen], tracks.angles[seen])
        turned = tracks.turned[seen]
        hints = quality_hints(tracks.boxes[seen], crops, frame.width, frame.height, turned)
        marks.append(perf_counter())
        answers = classify(self._classifier, crops, self._adaptation)
        marks.append(perf_counter())
        raw = self._rested(people[seen], answers.probs, time_s)
        hints = with_unusual(hints, answers.unusual)
        self._readings.update(tracks.track_ids[seen], raw, hints, crops, time_s)
        if self._settings.detection.thorough:
            doubtful = answers.unusual & (tracks.scores[seen] < CERTAIN_SCORE)
            gone = set(np.array(seen)[doubtful].tolist())
            rows = self._selected(tracks, people, [row for row in rows if row not in gone])
        result = self._result(frame, tracks, people, rows)
        marks.append(perf_counter())
        spent = dict(
            zip(("find", "track", "crop", "classify", "smooth"), np.diff(marks), strict=True)
        )
        self.timings = {stage: float(spent[stage]) for stage in STAGES}
        return result

    @property
    def tracklets(self) -> tuple[Tracklet, ...]:
        """What is remembered of the people of this stream, in the order of appearance."""
        with self._lock:
            return self._identities.tracklets

    def resolve_identities(self) -> Resolution:
        """Compare everybody once more, with all that was seen, when the stream has ended.

        Nobody is joined where the settings say that nobody is to be recognised.
        """
        with self._lock:
            if not self._settings.tracking.reidentify or self._settings.one_person:
                return Resolution({}, ())
            return resolve(self._identities.tracklets)

    def _identify(self, image: ImageArray, tracks: Tracks, time_s: float) -> IntArray:
        """(N,) identities of the tracklets of a frame."""
        seen = np.flatnonzero(~tracks.predicted).tolist()
        self._identities.update(tracks.track_ids, tracks.boxes, seen, time_s, self._shot)
        if self._settings.tracking.reidentify or self._settings.one_person:
            # The side of a face is unlike its front.
            frontal = [row for row in seen if not tracks.turned[row]]
            for row in self._identities.due(tracks.track_ids, tracks.boxes, frontal):
                number = int(tracks.track_ids[row])
                angle = float(tracks.angles[row])
                if self._identities.look(number, image, tracks.boxes[row], angle):
                    tracks.track_ids[row] = self._tracker.renumber(number)
                    self._identities.split(number, int(tracks.track_ids[row]))
        return self._identities.people_of(tracks.track_ids)

    def _begin_shot(self) -> None:
        """The picture is another one: no face is followed into it."""
        self._shot += 1
        self._detector.reset()
        self._tracker.forget()
        self._readings.reset()

    def _restart(self) -> None:
        self._detector.reset()
        self._tracker.reset()
        self._forget()
        self._identities.reset()
        self._shot = 1
        self._clock.reset()
        self._size = None

    def _forget(self) -> None:
        self._readings.reset()
        self._calibration.keep(())
        self._identities.forget()
        self._shots.reset()
        self._selection.reset()

    def _leave_all(self) -> None:
        """Everybody gets a new identity when seen again."""
        self._detector.reset()
        self._tracker.forget()
        self._forget()

    def _fit_size(self, width: int, height: int) -> None:
        """Carry identities over to a stream's new picture size, as WebRTC changes it."""
        if self._size is not None and self._size != (width, height):
            factor_x, factor_y = width / self._size[0], height / self._size[1]
            if abs(math.log(factor_x / factor_y)) <= SAME_SHAPE:
                self._tracker.rescale(factor_x, factor_y)
                self._detector.reset()
            else:
                self._begin_shot()
                self._shots.reset()
        self._size = (width, height)

    def _shown(self, tracks: Tracks, people: IntArray, width: int, height: int) -> list[int]:
        """Rows to report: not those who are held but left the frame, were never read, or were
        recognised elsewhere in it."""
        rows = list(range(len(tracks.track_ids)))
        if tracks.predicted.any():
            inside = visible_share(tracks.boxes, width, height)
            elsewhere = set(people[~tracks.predicted].tolist())
            rows = [
                row
                for row, track_id in enumerate(map(int, tracks.track_ids))
                if not tracks.predicted[row]
                or (
                    inside[row] >= 0.5
                    and track_id in self._readings
                    and int(people[row]) not in elsewhere
                )
            ]
        return rows

    def _selected(self, tracks: Tracks, people: IntArray, rows: list[int]) -> list[int]:
        """Of the rows to report, the one that is wanted where only one is."""
        if self._settings.one_person and rows:
            return [self._selection.participant(tracks, people, rows, self._identities)]
        if self._settings.largest_face_only and rows:
            return [self._selection.largest(tracks, rows)]
        return rows

    def _rested(self, people: IntArray, probs: FloatArray, time_s: float) -> FloatArray:
        """(N, 7) probabilities without the baselines of the people seen in this frame."""
        self._calibration.observe(people, probs, time_s)
        return self._calibration.apply(people, probs) if self._settings.use_baselines else probs

    def _result(
        self, frame: Frame, tracks: Tracks, people: IntArray, rows: list[int]
    ) -> FrameResult:
        self._readings.keep(tracks.track_ids.tolist())
        single = self._settings.largest_face_only or self._settings.one_person
        self._calibration.keep({int(person) for person in (people[rows] if single else people)})
        others = tracks.candidates
        if len(rows) < len(tracks.boxes):
            others = np.concatenate([np.delete(tracks.boxes, rows, axis=0), others])
        if not rows:
            return FrameResult.empty(frame.index, frame.time_s, others, self._shot)
        readings = [self._readings[int(tracks.track_ids[row])] for row in rows]
        probs = np.array([reading.probs for reading in readings])
        return FrameResult(
            index=frame.index,
            time_s=frame.time_s,
            boxes=clip_boxes(tracks.boxes[rows], frame.width, frame.height),
            track_ids=people[rows],
            raw_probs=np.array([reading.raw for reading in readings]),
            probs=probs,
            detection_scores=tracks.scores[rows],
            predicted=tracks.predicted[rows],
            unsure=(probs.max(axis=1) < self._classifier.unsure_threshold)
            | [not _UNREADABLE.isdisjoint(reading.hints) for reading in readings],
            quality=tuple(reading.hints for reading in readings),
            others=others,
            tracklets=tracks.track_ids[rows],
            shot=self._shot,
            speaking=np.array([reading.speaking for reading in readings]),
            angles=tracks.angles[rows],
        )


def _fingerprint(adaptation: Adaptation | None) -> str:
    return adaptation.fingerprint if adaptation else ""


def _in_rows(image: ImageArray) -> ImageArray:
    """The picture as OpenCV takes it without a copy: its pixels side by side, its rows downwards,
    the space between two rows (a decoder's padding) whatever it is."""
    row, *pixel = image.strides
    return image if row > 0 and pixel == [3, 1] else np.ascontiguousarray(image)

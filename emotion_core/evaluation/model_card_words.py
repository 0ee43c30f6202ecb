"""The chapters of MODEL_CARD.md that hold no measured figure: use, data, protocol, limits."""

from typing import Final

HEAD: Final = """# Model card

Written by `python -m emotion_core model-card` from the files in `models/`. Do not edit it: the next
run writes it anew.

Networks that name the facial expression of a 48×48 grey face as one of seven:
{expressions}.
Four convolutional blocks, two hidden dense layers and a seven-way softmax, trained with Adam on
categorical cross-entropy; served by LiteRT, int8 inside, with one temperature that makes its
confidence fit its accuracy."""

USE: Final = """## Intended use and misuse

**For** research, teaching, prototypes of human-computer interaction, and for showing what such
networks can and cannot do, with the knowledge and consent of the people in the picture.

**What it does not tell.** It names how a face looks to most viewers, not what the person feels: the
same emotion shows in many ways, and the same face stands for many states (Barrett et al. 2019,
doi:10.1177/1529100619832930). A reading is no evidence of honesty, intent, health or attention.

**Not for** decisions about people: hiring, grading, policing, insurance, diagnosis, surveillance.
In the European Union, using AI systems to infer the emotions of people **at the workplace and in
education institutions is prohibited** except for medical or safety reasons (Regulation (EU)
2024/1689, the AI Act, Article 5(1)(f)). Other emotion recognition counts as high-risk (Annex III)
and those who use it must tell the people exposed to it (Article 50(3)). This is information, not
legal advice."""

DATA: Final = """## Data, sources and licences

| what | source | terms |
|---|---|---|
| images and original labels | FER2013, ICML 2013 challenge (Goodfellow et al., arXiv 1307.0414); \
found by web search | published for the challenge, for research; the pictures belong to their \
owners |
| votes of ten people an image | FER+ (Barsoum et al., arXiv 1608.01041) | MIT licence |
| code of this project | this repository | MIT licence |
| weights in `models/` | trained here from scratch on the above | **the terms of FER2013 may limit \
what weights trained on it may be used for**: clarify that before any commercial use |

No image of the data set is part of this repository. The original split is kept: Training to learn,
PublicTest as validation, PrivateTest as test; images that FER+ calls “not a face” are absent. The
original labels were joined to the FER+ names by image content; 265 images have none."""

PROTOCOL: Final = """## Protocol

- *FER+ 7-class*: a vote count of 1 is dropped as noise; an image counts where one of the seven has
  more than half of the votes that remain (contempt, unknown and not-a-face count in the total).
- *FER2013*: the original label, on the images of the split that carry one.
- *without near-duplicates*: less the images with a near-identical one in an earlier split
  (normalised cross-correlation above 0.99 at 24×24, mirrored ones counted).
- *ECE*: 15 equal-width bins of the winning probability. *Human agreement*: one FER+ voter against
  the majority of the others, on the same images.
- Scores are those of the served int8 network, calibrated; a face whose answer is unclear is asked
  about again, mirrored, and both answers are averaged, in these figures as in live use. Brackets
  hold bootstrap 95% intervals over the images (1,000 redraws).
- Every choice was made on validation. The test split is read by `python -m emotion_core evaluate`
  alone, and each look at it stands in the table of runs below, also where its images come in
  another layout: known_images.csv holds what they are recognised by."""

LIMITS: Final = """## Limits

- Faces from the web of 2013, many posed or theatrical: everyday expressions are subtler, and
  networks trained on such labels tend to call them neutral.
- The labels carry no age, sex, skin colour or origin of the people shown: how the error differs
  between groups of people was **not measured and cannot be** on this data. Expect differences.
- Grey 48×48 pixels: no colour, no fine wrinkles, no movement. One frame is read at a time.
- Faces are found by a frontal Haar cascade; profiles and strongly tilted heads are missed.
- Seven words do not cover what faces do: there is no contempt, pain, boredom or doubt, and mixed
  expressions get one name.
- People agree with each other only as far as the tables say; a score above human agreement means
  that the majority's answer is learnt, not that faces are read better than people read them."""

TRIALS: Final = """## What helps on faces of other origin, and what does not

Trainings of four epochs that go on from one network of the recipe `quick`, with one change in each
(by `python -m benchmarks.training_choices`), scored on validation and by the mean recall on faces
of other origin; in brackets, the difference from the mean of the {seeds} plain ones, which differ
in the seed alone. These lie up to {chance} apart (accuracy, macro-F1, other faces): smaller
differences are chance."""

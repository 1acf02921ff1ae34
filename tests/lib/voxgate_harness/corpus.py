"""Recordings with transcripts: those that VOXGATE_SPEECH_CORPUS names (a folder with manifest.tsv), else
Debian's pocketsphinx-testdata."""
import csv
import os

from .audio import read_clip

DEBIAN = "/usr/share/pocketsphinx/test/data"



class Clip:
    def __init__(self, name, path, transcript, language, kind):
        self.name = name
        self.transcript = transcript
        self.language = language
        self.kind = kind
        self.samples = read_clip(path)

    @property
    def is_noise(self):
        return self.kind == "noise"

    @property
    def seconds(self):
        return len(self.samples) / 16000


def _manifest_clips(folder):
    with open(os.path.join(folder, "manifest.tsv"), encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            yield Clip(row["file"], os.path.join(folder, row["file"]), row["transcript"], row["lang"], row["kind"])


def _sphinx_transcripts(path):
    """{file id: text} of a Sphinx transcription file: `<s> words </s> (id)` or `words (id)`."""
    texts = {}
    with open(path, encoding="utf-8") as file:
        for line in file:
            text, _, name = line.strip().rpartition("(")
            if name:
                texts[name.rstrip(")")] = text.replace("<s>", "").replace("</s>", "").strip().lower()
    return texts


def debian_clips():
    """The package's English recordings at 16 kHz with transcripts."""
    clips = [Clip("goforward", f"{DEBIAN}/goforward.raw", "go forward ten meters", "en", "command")]
    for folder, listing, kind in (("cards", "cards.transcription", "command"), ("librivox", "transcription", "read")):
        for name, text in sorted(_sphinx_transcripts(f"{DEBIAN}/{folder}/{listing}").items()):
            path = f"{DEBIAN}/{folder}/{os.path.basename(name)}.wav"
            if os.path.exists(path):
                clips.append(Clip(os.path.basename(name), path, text, "en", kind))
    return clips


def load():
    """(name of the corpus, clips)."""
    folder = os.environ.get("VOXGATE_SPEECH_CORPUS")
    if folder:
        return folder, list(_manifest_clips(folder))
    return "pocketsphinx-testdata", debian_clips()


def english(clips):
    return [c for c in clips if c.language == "en" and not c.is_noise]


def noise(clips):
    return [c for c in clips if c.is_noise]


def speech(name="goforward"):
    """Samples of one of Debian's recordings."""
    return next(c for c in debian_clips() if c.name == name).samples

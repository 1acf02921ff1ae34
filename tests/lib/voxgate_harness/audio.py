"""Audio for tests, in numpy: WAV files, G.711, resampling, levels. Samples are int16 arrays, mono."""
import struct

import numpy as np

RATE_HZ = 16000


def read_wav(path):
    """(rate_hz, samples) of a 16-bit mono PCM file; chunks are walked, as real files have more than two."""
    with open(path, "rb") as file:
        data = file.read()
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise ValueError(f"{path} is no WAV file")
    at, rate, pcm = 12, None, None
    while at + 8 <= len(data):
        name, size = data[at:at + 4], struct.unpack("<I", data[at + 4:at + 8])[0]
        body = data[at + 8:at + 8 + size]
        if name == b"fmt ":
            kind, channels, rate, _, _, bits = struct.unpack("<HHIIHH", body[:16])
            if (kind, channels, bits) != (1, 1, 16):
                raise ValueError(f"{path}: only 16-bit mono PCM is read here")
        elif name == b"data":
            pcm = np.frombuffer(body[:len(body) // 2 * 2], "<i2")
        at += 8 + size + (size & 1)
    if rate is None or pcm is None:
        raise ValueError(f"{path} lacks its fmt or data chunk")
    return rate, pcm.astype(np.int16)


def write_wav(path, samples, rate_hz=RATE_HZ):
    pcm = np.asarray(samples, "<i2").tobytes()
    with open(path, "wb") as file:
        file.write(b"RIFF" + struct.pack("<I", 36 + len(pcm)) + b"WAVEfmt "
                   + struct.pack("<IHHIIHH", 16, 1, 1, rate_hz, rate_hz * 2, 2, 16)
                   + b"data" + struct.pack("<I", len(pcm)) + pcm)


def read_clip(path):
    """A clip at 16 kHz, from a WAV file or headerless s16le at 16 kHz (`.raw`)."""
    if path.endswith(".raw"):
        return np.fromfile(path, "<i2").astype(np.int16)
    rate, pcm = read_wav(path)
    return resample(pcm, rate, RATE_HZ)


def resample(samples, from_hz, to_hz, taps=48):
    """Windowed sinc over exact rational positions; offline, linear phase."""
    if from_hz == to_hz or len(samples) == 0:
        return np.asarray(samples, np.int16)
    cutoff = min(1.0, to_hz / from_hz) * 0.95
    half = int(np.ceil(taps / 2 / min(1.0, to_hz / from_hz)))
    source = np.concatenate([np.zeros(half), np.asarray(samples, np.float64), np.zeros(half + 1)])
    count = int(len(samples) * to_hz // from_hz)
    out = np.empty(count)
    offsets = np.arange(-half + 1, half + 1)
    for begin in range(0, count, 16384):
        position = np.arange(begin, min(count, begin + 16384)) * (from_hz / to_hz)
        whole = np.floor(position).astype(np.int64)
        distance = offsets[None, :] - (position - whole)[:, None]
        window = 0.5 + 0.5 * np.cos(np.pi * np.clip(distance / half, -1, 1))
        weights = cutoff * np.sinc(cutoff * distance) * window
        out[begin:begin + len(position)] = (source[whole[:, None] + offsets[None, :] + half] * weights).sum(axis=1)
    return np.clip(np.rint(out), -32768, 32767).astype(np.int16)


# G.711 --------------------------------------------------------------------------------------------------
def _ulaw_tables():
    code = np.arange(256, dtype=np.int32) ^ 0xFF
    magnitude = (((code & 0x0F) << 3) + 0x84) << ((code & 0x70) >> 4)
    decode = np.where(code & 0x80, 0x84 - magnitude, magnitude - 0x84).astype(np.int16)
    pcm = np.arange(-32768, 32768, dtype=np.int32)
    biased = np.minimum(np.abs(pcm), 32635) + 0x84
    exponent = np.floor(np.log2(biased)).astype(np.int32) - 7
    mantissa = (biased >> (exponent + 3)) & 0x0F
    encode = ~(np.where(pcm < 0, 0x80, 0) | (exponent << 4) | mantissa) & 0xFF
    return encode.astype(np.uint8), decode


def _alaw_tables():
    code = np.arange(256, dtype=np.int32) ^ 0x55
    exponent, mantissa = (code & 0x70) >> 4, (code & 0x0F) << 4
    magnitude = np.where(exponent == 0, mantissa + 8, (mantissa + 0x108) << np.maximum(exponent - 1, 0))
    decode = np.where(code & 0x80, magnitude, -magnitude).astype(np.int16)
    pcm = np.arange(-32768, 32768, dtype=np.int32)
    magnitude = np.where(pcm >= 0, pcm, -pcm - 1) >> 4  # 12 bits, as G.711 counts
    exponent = np.where(magnitude < 16, 0, np.floor(np.log2(np.maximum(magnitude, 1))).astype(np.int32) - 3)
    mantissa = np.where(exponent == 0, magnitude, magnitude >> np.maximum(exponent - 1, 0)) & 0x0F
    encode = (np.where(pcm >= 0, 0x80, 0) | (exponent << 4) | mantissa) ^ 0x55
    return encode.astype(np.uint8), decode


_G711 = {"pcmu": _ulaw_tables(), "pcma": _alaw_tables()}


def g711_encode(codec, samples):
    return _G711[codec][0][np.asarray(samples, np.int32) + 32768].tobytes()


def g711_decode(codec, data):
    return _G711[codec][1][np.frombuffer(data, np.uint8)]


# Levels -------------------------------------------------------------------------------------------------
def frame_levels_db(samples, rate_hz=RATE_HZ, frame_ms=20):
    """Level of each whole frame in dB (of the RMS, 0 dB = 1 LSB)."""
    size = rate_hz * frame_ms // 1000
    frames = np.asarray(samples[:len(samples) // size * size], np.float64).reshape(-1, size)
    return 20 * np.log10(np.sqrt((frames ** 2).mean(axis=1)) + 1e-9)


def speech_span(samples, rate_hz=RATE_HZ, frame_ms=20, below_db=28):
    """(first, end) sample of speech: frames within `below_db` of the clip's 95th-percentile level."""
    levels = frame_levels_db(samples, rate_hz, frame_ms)
    loud = np.nonzero(levels >= np.percentile(levels, 95) - below_db)[0]
    size = rate_hz * frame_ms // 1000
    return int(loud[0]) * size, (int(loud[-1]) + 1) * size


def dither(count, seed=1):
    """Silence as a microphone has it: +-8 LSB."""
    return np.random.default_rng(seed).integers(-8, 9, count).astype(np.int16)


def tone(ms, hz=440, rate_hz=RATE_HZ, amplitude=8000):
    return (amplitude * np.sin(2 * np.pi * hz * np.arange(rate_hz * ms // 1000) / rate_hz)).astype(np.int16)

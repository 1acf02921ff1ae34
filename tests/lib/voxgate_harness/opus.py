"""Opus by ctypes on libopus.so.0: one packet in, one packet out."""
import ctypes
import ctypes.util

import numpy as np

_APPLICATION_VOIP = 2048
_SET_BITRATE, _SET_COMPLEXITY = 4002, 4010
_PACKET_BYTES_MAX = 4000


def _library():
    lib = ctypes.CDLL(ctypes.util.find_library("opus") or "libopus.so.0")
    lib.opus_encoder_create.restype = ctypes.c_void_p
    lib.opus_decoder_create.restype = ctypes.c_void_p
    lib.opus_encoder_destroy.argtypes = lib.opus_decoder_destroy.argtypes = [ctypes.c_void_p]
    lib.opus_encode.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_int32]
    lib.opus_decode.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int32, ctypes.c_void_p, ctypes.c_int,
                                ctypes.c_int]
    return lib


_lib = _library()


class Encoder:
    """`rate_hz`: 8000, 12000, 16000, 24000 or 48000."""

    def __init__(self, rate_hz, bitrate=24000, complexity=5):
        error = ctypes.c_int()
        self._handle = ctypes.c_void_p(_lib.opus_encoder_create(rate_hz, 1, _APPLICATION_VOIP, ctypes.byref(error)))
        if error.value:
            raise ValueError(f"opus_encoder_create: {error.value}")
        _lib.opus_encoder_ctl(self._handle, _SET_BITRATE, ctypes.c_int32(bitrate))
        _lib.opus_encoder_ctl(self._handle, _SET_COMPLEXITY, ctypes.c_int32(complexity))

    def __del__(self):
        if getattr(self, "_handle", None):
            _lib.opus_encoder_destroy(self._handle)

    def encode(self, samples):
        """`samples`: 2.5, 5, 10, 20, 40 or 60 ms."""
        pcm = np.ascontiguousarray(samples, np.int16)
        packet = ctypes.create_string_buffer(_PACKET_BYTES_MAX)
        size = _lib.opus_encode(self._handle, pcm.ctypes.data, len(pcm), packet, _PACKET_BYTES_MAX)
        if size < 0:
            raise ValueError(f"opus_encode: {size}")
        return packet.raw[:size]


class Decoder:
    def __init__(self, rate_hz):
        error = ctypes.c_int()
        self._handle = ctypes.c_void_p(_lib.opus_decoder_create(rate_hz, 1, ctypes.byref(error)))
        if error.value:
            raise ValueError(f"opus_decoder_create: {error.value}")
        self._most = rate_hz * 120 // 1000

    def __del__(self):
        if getattr(self, "_handle", None):
            _lib.opus_decoder_destroy(self._handle)

    def decode(self, packet):
        pcm = np.empty(self._most, np.int16)
        count = _lib.opus_decode(self._handle, packet, len(packet), pcm.ctypes.data, self._most, 0)
        if count < 0:
            raise ValueError(f"opus_decode: {count}")
        return pcm[:count].copy()

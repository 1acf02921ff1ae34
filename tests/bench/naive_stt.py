"""The comparison for wer.py: PocketSphinx as a plain streaming decoder, straight from its library.

The clip is fed in pieces of 20 ms to a fresh decoder, one pass, with the model's initial cepstral mean and no voice
detection of its own: what a first integration of the library gives."""
import ctypes
import ctypes.util

MODEL = "/usr/share/pocketsphinx/model/en-us"
CHUNK_SAMPLES = 320


class NaiveRecogniser:
    def __init__(self):
        self._ps = ctypes.CDLL("libpocketsphinx.so.3")
        self._base = ctypes.CDLL("libsphinxbase.so.3")
        self._ps.ps_args.restype = ctypes.c_void_p
        self._ps.ps_init.restype = ctypes.c_void_p
        self._ps.ps_init.argtypes = [ctypes.c_void_p]
        self._ps.ps_get_hyp.restype = ctypes.c_char_p
        self._ps.ps_get_hyp.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
        self._ps.ps_process_raw.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int]
        for name in ("ps_start_utt", "ps_end_utt", "ps_start_stream", "ps_free"):
            getattr(self._ps, name).argtypes = [ctypes.c_void_p]
        self._base.cmd_ln_parse_r.restype = ctypes.c_void_p
        self._base.cmd_ln_parse_r.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int32,
                                              ctypes.POINTER(ctypes.c_char_p), ctypes.c_int32]
        self._base.cmd_ln_free_r.argtypes = [ctypes.c_void_p]
        words = ["naive", "-hmm", f"{MODEL}/en-us", "-lm", f"{MODEL}/en-us.lm.bin", "-dict",
                 f"{MODEL}/cmudict-en-us.dict", "-fwdflat", "no", "-bestpath", "no", "-logfn", "/dev/null"]
        self._argv = (ctypes.c_char_p * len(words))(*[w.encode() for w in words])
        self._argc = len(words)

    def transcribe(self, samples):
        """Text of one clip (int16, 16 kHz), by a decoder of its own."""
        config = self._base.cmd_ln_parse_r(None, self._ps.ps_args(), self._argc, self._argv, 1)
        decoder = self._ps.ps_init(config)
        if not decoder:
            raise RuntimeError("ps_init failed: is pocketsphinx-en-us installed?")
        try:
            self._ps.ps_start_stream(decoder)
            self._ps.ps_start_utt(decoder)
            data = samples.astype("<i2").tobytes()
            for at in range(0, len(data), CHUNK_SAMPLES * 2):
                piece = data[at:at + CHUNK_SAMPLES * 2]
                self._ps.ps_process_raw(decoder, piece, len(piece) // 2, 0, 0)
            self._ps.ps_end_utt(decoder)
            text = self._ps.ps_get_hyp(decoder, None)
            return text.decode() if text else ""
        finally:
            self._ps.ps_free(decoder)
            self._base.cmd_ln_free_r(config)
